"""Datagrams by the batch: what waits at a UDP socket in one call of the system, the answers to it in another.

Python's sockets know datagrams one at a time. On Linux this calls ``recvmmsg`` and ``sendmmsg`` of the C library, which
saves a quarter of a datagram's cost; elsewhere, or where they are refused, it goes one by one.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import sys
from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Final, Protocol

BATCH: Final = 64
"""Datagrams in one call: 90 kB of buffers, and there more save nothing."""

Name = bytes | tuple[Any, ...]
"""Where a datagram came from: as the kernel writes it (``struct sockaddr_in`` or ``sockaddr_in6``), or as Python's
sockets put it. :func:`address_of` reads both."""

_IPV4: Final = Struct("=H2s4s8x")
_IPV6: Final = Struct("=H2s4x16sI")
_SIZES: Final = {socket.AF_INET: _IPV4.size, socket.AF_INET6: _IPV6.size}
_MOST_FAULTS: Final = 16
"""Errors of earlier answers that one reading passes over, so that it ends."""
_NOTHING_WAITS: Final = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})

_Receive = Callable[[int, int, int, int, None], int]
_Send = Callable[[int, int, int, int], int]


class DatagramIO(Protocol):
    """Reads and answers a socket. Neither blocks, neither raises: what cannot be sent is lost, as datagrams are, and
    its client asks again.
    """

    def receive(self, most: int) -> list[tuple[bytes, Name]]:
        """What waits, at most so many; none if nothing does."""

    def send(self, answers: Sequence[bytes | None]) -> None:
        """Answer what was received last, in its order; None for what gets no answer."""


def datagram_io(opened: socket.socket, longest: int) -> DatagramIO:
    """The best way that there is for an IPv4 or IPv6 socket that does not block; what is longer is cut: bytes."""
    calls = system_calls(opened.fileno())
    return SingleDatagrams(opened, longest) if calls is None else BatchedDatagrams(opened, longest, *calls)


def address_of(name: Name) -> tuple[str, int, int]:
    """Host, port and, for IPv6, the number of the interface that a link-local address is behind, else 0."""
    if isinstance(name, tuple):
        return name[0], name[1], name[3] if len(name) > 3 else 0
    if len(name) == _IPV4.size:
        _, port, host = _IPV4.unpack(name)
        return socket.inet_ntop(socket.AF_INET, host), int.from_bytes(port, "big"), 0
    _, port, host, scope = _IPV6.unpack(name)
    return socket.inet_ntop(socket.AF_INET6, host), int.from_bytes(port, "big"), scope


class SingleDatagrams:
    """A call for each datagram, as everywhere."""

    def __init__(self, opened: socket.socket, longest: int) -> None:
        self._socket = opened
        self._longest = longest
        self._waiting: list[tuple[bytes, Name]] = []

    def receive(self, most: int) -> list[tuple[bytes, Name]]:
        """As :meth:`DatagramIO.receive`."""
        receive = self._socket.recvfrom
        self._waiting = waiting = []
        for _ in range(most):
            try:
                waiting.append(receive(self._longest))
            except BlockingIOError:
                break
            except OSError:  # an earlier answer met a closed port: nothing to report
                continue
        return waiting

    def send(self, answers: Sequence[bytes | None]) -> None:
        """As :meth:`DatagramIO.send`."""
        send = self._socket.sendto
        for answer, (_, name) in zip(answers, self._waiting, strict=True):
            if answer is not None:
                try:
                    send(answer, name)
                except OSError:  # no room, no way, or too long
                    continue


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """``struct mmsghdr`` of Linux, the ``struct msghdr`` in it laid flat."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        # The inner structure ends where a pointer may begin.
        ("padding", ctypes.c_char * (ctypes.sizeof(ctypes.c_void_p) - ctypes.sizeof(ctypes.c_int))),
        ("received", ctypes.c_uint),
    )


class BatchedDatagrams:
    """A call for many datagrams. An answer goes out with the very address that the kernel wrote when it read."""

    def __init__(self, opened: socket.socket, longest: int, receive: _Receive, send: _Send) -> None:
        self._socket = opened
        self._receive, self._send = receive, send
        width = _SIZES[socket.AddressFamily(opened.family)]
        self._names = (ctypes.c_char * (BATCH * width))()
        self._packets = (ctypes.c_char * (BATCH * longest))()
        self._vectors_in, self._vectors_out = (_Iovec * BATCH)(), (_Iovec * BATCH)()
        self._in, self._out = (_Message * BATCH)(), (_Message * BATCH)()
        self._at_in, self._at_out = ctypes.addressof(self._in), ctypes.addressof(self._out)
        for number in range(BATCH):
            self._vectors_in[number] = _Iovec(ctypes.addressof(self._packets) + number * longest, longest)
            for messages, vectors in ((self._in, self._vectors_in), (self._out, self._vectors_out)):
                message = messages[number]
                message.name, message.name_length = ctypes.addressof(self._names) + number * width, width
                message.iov, message.iov_length = ctypes.addressof(vectors[number]), 1
        # Numbers in structures are reached through views in a tenth of the time that their attributes take.
        every = ctypes.sizeof(_Message) // ctypes.sizeof(ctypes.c_uint)
        first = _Message.received.offset // ctypes.sizeof(ctypes.c_uint)
        self._received = memoryview(self._in).cast("B").cast("I")[first::every]
        parts = memoryview(self._vectors_out).cast("B").cast("P")
        self._bases, self._lengths = parts[::2], parts[1::2]
        self._places = [(number * longest, number * width, (number + 1) * width) for number in range(BATCH)]

    def receive(self, most: int) -> list[tuple[bytes, Name]]:
        """As :meth:`DatagramIO.receive`, and never more than a batch."""
        descriptor = self._socket.fileno()
        for _ in range(_MOST_FAULTS):
            count = self._receive(descriptor, self._at_in, min(most, BATCH), socket.MSG_DONTWAIT, None)
            if count >= 0:
                packets: Any = self._packets  # a slice of such an array is bytes
                names: Any = self._names
                return [
                    (packets[at : at + length], names[begin:end])
                    for length, (at, begin, end) in zip(self._received[:count], self._places, strict=False)
                ]
            if ctypes.get_errno() in _NOTHING_WAITS:
                break
        return []

    def send(self, answers: Sequence[bytes | None]) -> None:
        """As :meth:`DatagramIO.send`."""
        joined = b"".join([answer for answer in answers if answer is not None])
        at = ctypes.cast(ctypes.c_char_p(joined), ctypes.c_void_p).value or 0  # read by the kernel where they are
        bases, lengths, silent = self._bases, self._lengths, []
        for number, answer in enumerate(answers):
            if answer is None:
                silent.append(number)
            else:
                length = len(answer)
                bases[number], lengths[number] = at, length
                at += length
        descriptor, width, start = self._socket.fileno(), ctypes.sizeof(_Message), 0
        for end in (*silent, len(answers)):
            while start < end:
                sent = self._send(descriptor, self._at_out + start * width, end - start, socket.MSG_DONTWAIT)
                start += sent if sent > 0 else 1  # the first of the rest cannot be sent: no room, no way, or too long
            start = end + 1


def system_calls(descriptor: int) -> tuple[_Receive, _Send] | None:
    """``recvmmsg`` and ``sendmmsg``; None where there are none, or where the kernel does not let us."""
    if sys.platform != "linux":  # others have them with other structures, or not at all
        return None
    library = ctypes.CDLL(None, use_errno=True)
    try:
        receive, send = library.recvmmsg, library.sendmmsg
    except AttributeError:
        return None
    receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
    send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)
    if receive(descriptor, None, 0, socket.MSG_DONTWAIT, None) or send(descriptor, None, 0, socket.MSG_DONTWAIT):
        return None  # of no datagrams at all: a sandbox may refuse the call itself
    return receive, send
