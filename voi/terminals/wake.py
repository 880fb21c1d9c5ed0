"""Waking PCs: the magic packet, broadcast on every network of this machine."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger

log = Logger()

PORT: Final = 9
"""Discard: where network cards expect it, though they look at the bytes alone."""

EVERYWHERE: Final = "255.255.255.255"
"""The broadcast address of whatever network the default route leads to."""

AT_ONCE: Final = 100
PAUSE_SECONDS: Final = 0.02
"""Packets are sent a hundred at a time: no buffer on the way runs over, and a thousand PCs, which draw the most when
they are switched on, do not start in the same instant.
"""

_SIOCGIFFLAGS: Final = 0x8913
_SIOCGIFBRDADDR: Final = 0x8919
_WANTED: Final = 0x3  # IFF_UP and IFF_BROADCAST
_NAME_LENGTH: Final = 15
_REQUEST_LENGTH: Final = 40  # struct ifreq on 64 bits


def magic_packet(mac: str) -> bytes:
    """What wakes a network card: six bytes of ones, then its address sixteen times."""
    return b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) * 16


def broadcast_addresses() -> list[str]:
    """The IPv4 broadcast addresses of this machine's networks, and the one for all; only Linux lists the former."""
    found: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            flags = _ioctl(sock, name, _SIOCGIFFLAGS)
            if flags is None or struct.unpack_from("H", flags)[0] & _WANTED != _WANTED:
                continue
            address = _ioctl(sock, name, _SIOCGIFBRDADDR)
            if address is not None:
                found.append(socket.inet_ntoa(address[4:8]))
    return [*dict.fromkeys(text for text in found if text not in (EVERYWHERE, "0.0.0.0")), EVERYWHERE]  # noqa: S104 - compared with


def _ioctl(sock: socket.socket, name: str, what: int) -> bytes | None:
    """What the kernel knows of a network card; None where it has no such thing."""
    request = array.array("B", name.encode()[:_NAME_LENGTH].ljust(_REQUEST_LENGTH, b"\0"))
    try:
        fcntl.ioctl(sock, what, request, True)
    except OSError:
        return None
    return request.tobytes()[16:]


def send(
    macs: Sequence[str],
    addresses: Iterable[str],
    make_socket: Callable[[], Any] | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Send each its packet by every address, in a thread; how many went out by one address at least."""
    ways = list(addresses)
    refused: dict[str, OSError] = {}
    sent = 0
    with (make_socket or _socket)() as sock:
        for index, mac in enumerate(macs):
            if index and not index % AT_ONCE:
                pause(PAUSE_SECONDS)
            packet, went = magic_packet(mac), False
            for address in ways:
                try:
                    sock.sendto(packet, (address, PORT))
                    went = True
                except OSError as error:  # a network that is down must not keep the others from being tried
                    refused[address] = error
            sent += went
    for address, why in refused.items():
        log.warn("waking by {address}: {error}", address=address, error=why)
    return sent


def _socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return sock


class Waker:
    """Wakes terminals, one request after the other."""

    def __init__(
        self, in_thread: Callable[..., Deferred[Any]], addresses: Callable[[], list[str]] = broadcast_addresses
    ) -> None:
        self._in_thread = in_thread
        self._addresses = addresses
        self._lock = DeferredLock()

    async def wake(self, macs: Sequence[str]) -> int:
        """Send them the packet; how many went out. Whether a PC woke is known only when it logs in."""
        addresses = await self._in_thread(self._addresses)
        count: int = await self._lock.run(self._in_thread, send, macs, addresses)
        return count
