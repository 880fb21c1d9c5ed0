"""Tests of voi.terminals.wake."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Self

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from voi.terminals import wake
from voi.terminals.wake import AT_ONCE, EVERYWHERE, PORT, Waker, broadcast_addresses, magic_packet, send

MAC = "AA:BB:CC:DD:EE:01"


class FakeSocket:
    """Remembers what it was to send; has no way to some addresses."""

    def __init__(self, *closed: str) -> None:
        self.closed = closed
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """It is closed."""

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        if address[0] in self.closed:
            raise OSError(101, "Network is unreachable")
        self.sent.append((data, address))


class WakeTests(SynchronousTestCase):
    """The magic packet and its ways."""

    def test_packet(self) -> None:
        """Six bytes of ones, then the address sixteen times."""
        packet = magic_packet(MAC)
        self.assertEqual(len(packet), 102)
        self.assertEqual(packet[:6], b"\xff" * 6)
        self.assertEqual(packet[6:], bytes.fromhex("AABBCCDDEE01") * 16)

    def test_every_way(self) -> None:
        """Each terminal's packet goes to every address; a network that is down costs only itself."""
        sock = FakeSocket("10.9.9.255")
        self.assertEqual(send([MAC], ["10.0.0.255", "10.9.9.255", EVERYWHERE], lambda: sock), 1)
        self.assertEqual([address for _, address in sock.sent], [("10.0.0.255", PORT), (EVERYWHERE, PORT)])

    def test_no_way(self) -> None:
        """What could not be sent is not counted."""
        self.assertEqual(send([MAC], [EVERYWHERE], lambda: FakeSocket(EVERYWHERE)), 0)

    def test_many(self) -> None:
        """Hundreds are sent with pauses between."""
        sock, pauses = FakeSocket(), list[float]()
        self.assertEqual(send([MAC] * (2 * AT_ONCE + 1), [EVERYWHERE], lambda: sock, pauses.append), 2 * AT_ONCE + 1)
        self.assertEqual(len(pauses), 2)

    def test_own_networks(self) -> None:
        """What the kernel tells is addresses, each once, and the one for all comes last."""
        found = broadcast_addresses()
        self.assertEqual(found[-1], EVERYWHERE)
        self.assertEqual(len(set(found)), len(found))
        for text in found:
            ipaddress.IPv4Address(text)

    def test_real_socket(self) -> None:
        """The real socket may broadcast."""
        with wake._socket() as sock:
            self.assertTrue(sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST))

    def test_off_the_reactor(self) -> None:
        """Everything that may block is done in a thread, one request after the other."""
        waiting: list[tuple[Any, Deferred[Any]]] = []

        def in_thread(function: Any, *args: Any) -> Deferred[Any]:
            if function is not send:
                return maybeDeferred(function, *args)
            waiting.append((args, Deferred()))
            return waiting[-1][1]

        waker = Waker(in_thread, lambda: ["10.0.0.255"])
        first = Deferred.fromCoroutine(waker.wake([MAC]))
        second = Deferred.fromCoroutine(waker.wake([MAC, MAC]))
        self.assertEqual([args for args, _ in waiting], [([MAC], ["10.0.0.255"])])
        waiting[0][1].callback(1)
        self.assertEqual(self.successResultOf(first), 1)
        waiting[1][1].callback(2)
        self.assertEqual(self.successResultOf(second), 2)
