"""Tests of reading and answering datagrams by the batch, each way of doing it on real sockets."""

from __future__ import annotations

import ctypes
import errno
import socket
import sys
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from voi.tracker.mmsg import BATCH, BatchedDatagrams, DatagramIO, SingleDatagrams, address_of, datagram_io, system_calls

LONGEST = 100


class OneByOneTests(SynchronousTestCase):
    """A call for each datagram."""

    def make(self, opened: socket.socket) -> DatagramIO:
        return SingleDatagrams(opened, LONGEST)

    def open(self, family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> socket.socket:
        """A socket on loopback that is read without waiting: loopback has delivered when a sender returns."""
        opened = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(opened.close)
        opened.setblocking(False)
        try:
            opened.bind((host, 0))
        except OSError as error:
            raise SkipTest(f"no {host} here") from error
        return opened

    def connect(self, family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> None:
        self.server, self.client = self.open(family, host), self.open(family, host)
        self.client.connect(self.server.getsockname())
        self.batches = self.make(self.server)

    def answers(self) -> list[bytes]:
        """All that the client got."""
        found = []
        while True:
            try:
                found.append(self.client.recv(65536))
            except BlockingIOError:
                return found

    def test_in_order(self) -> None:
        """Datagrams are read in order, and each gets its own answer, of any length up to UDP's own."""
        self.connect()
        self.assertEqual(self.batches.receive(8), [])
        for number in range(3):
            self.client.send(b"x" * number)
        waiting = self.batches.receive(8)
        self.assertEqual([packet for packet, _ in waiting], [b"", b"x", b"xx"])
        self.batches.send([b"a", b"b" * 30_000, b""])
        self.assertEqual(self.answers(), [b"a", b"b" * 30_000, b""])

    def test_who_asked(self) -> None:
        """Two clients at once are told apart, and each gets its own answer."""
        self.connect()
        other = self.open()
        other.sendto(b"other", self.server.getsockname())
        self.client.send(b"client")
        names = [name for _, name in self.batches.receive(8)]
        asked = [(*opened.getsockname(), 0) for opened in (other, self.client)]
        self.assertEqual([address_of(name) for name in names], asked)
        self.batches.send([b"to other", b"to client"])
        self.assertEqual((other.recv(100), self.answers()), (b"to other", [b"to client"]))

    def test_ipv6(self) -> None:
        """Over IPv6 the address is read, and is answered."""
        self.connect(socket.AF_INET6, "::1")
        self.client.send(b"asks")
        [(packet, name)] = self.batches.receive(8)
        self.assertEqual((packet, address_of(name)), (b"asks", ("::1", self.client.getsockname()[1], 0)))
        self.batches.send([b"answer"])
        self.assertEqual(self.answers(), [b"answer"])

    def test_mapped(self) -> None:
        """Who asks an IPv6 socket over IPv4 has a mapped address."""
        self.server = self.open(socket.AF_INET6, "::")
        self.client = self.open()
        try:
            self.client.sendto(b"asks", ("127.0.0.1", self.server.getsockname()[1]))
        except OSError as error:
            raise SkipTest("IPv6 sockets take no IPv4 here") from error
        self.batches = self.make(self.server)
        [(_, name)] = self.batches.receive(8)
        self.assertEqual(address_of(name), ("::ffff:127.0.0.1", self.client.getsockname()[1], 0))
        self.batches.send([b"answer"])
        self.assertEqual(self.answers(), [b"answer"])

    def test_silence(self) -> None:
        """What gets no answer, wherever it stands, moves no other answer to another client."""
        self.connect()
        for _ in range(6):
            self.client.send(b"asks")
        self.batches.receive(8)
        self.batches.send([None, b"one", None, None, b"four", None])
        self.assertEqual(self.answers(), [b"one", b"four"])
        self.client.send(b"asks")
        self.batches.receive(8)
        self.batches.send([None])
        self.assertEqual(self.answers(), [])

    def test_at_most(self) -> None:
        """No more are read than are asked for; the others wait, and the answers of before are not sent again."""
        self.connect()
        for number in range(5):
            self.client.send(b"%d" % number)
        self.assertEqual([packet for packet, _ in self.batches.receive(2)], [b"0", b"1"])
        self.batches.send([b"a0", b"a1"])
        self.assertEqual([packet for packet, _ in self.batches.receive(8)], [b"2", b"3", b"4"])
        self.batches.send([b"a2", None, b"a4"])
        self.assertEqual(self.answers(), [b"a0", b"a1", b"a2", b"a4"])

    def test_cut(self) -> None:
        """What is longer than is read is cut, and the next one is whole."""
        self.connect()
        self.client.send(b"x" * (LONGEST + 50))
        self.client.send(b"whole")
        self.assertEqual([packet for packet, _ in self.batches.receive(8)], [b"x" * LONGEST, b"whole"])

    def test_cannot_be_sent(self) -> None:
        """An answer too long for a datagram is dropped, the others get through."""
        self.connect()
        for _ in range(3):
            self.client.send(b"asks")
        self.batches.receive(8)
        self.batches.send([b"before", b"x" * 70_000, b"after"])
        self.assertEqual(self.answers(), [b"before", b"after"])

    def test_port_closed(self) -> None:
        """That an answer met a closed port does not keep what comes next from being read."""
        self.connect()
        gone = self.open()
        gone.sendto(b"asks", self.server.getsockname())
        gone.close()
        self.server.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR (Linux): such news become errors at once
        self.batches.receive(8)
        self.batches.send([b"to nobody"])
        self.client.send(b"next")
        self.assertEqual([packet for packet, _ in self.batches.receive(8)], [b"next"])

    def test_closed(self) -> None:
        """On a closed socket nothing is read, and that ends."""
        self.connect()
        self.server.close()
        self.assertEqual(self.batches.receive(8), [])


class AtOnceTests(OneByOneTests):
    """A call for many: the same, and what is its own."""

    def make(self, opened: socket.socket) -> DatagramIO:
        made = datagram_io(opened, LONGEST)
        if not isinstance(made, BatchedDatagrams):
            raise SkipTest("this system has no such calls")
        return made

    def test_more_than_a_batch(self) -> None:
        """More than a batch is read in several, and all are answered."""
        self.connect()
        for number in range(BATCH + 3):
            self.client.send(b"%d" % number)
        found = []
        while waiting := self.batches.receive(1000):
            self.assertLessEqual(len(waiting), BATCH)
            found += [packet for packet, _ in waiting]
            self.batches.send([b"answer to " + packet for packet, _ in waiting])
        self.assertEqual(found, [b"%d" % number for number in range(BATCH + 3)])
        self.assertEqual(self.answers(), [b"answer to " + packet for packet in found])

    def test_all_sent_by_parts(self) -> None:
        """When the kernel takes fewer than it was given, the rest follows."""
        self.connect()
        calls = system_calls(self.server.fileno())
        assert calls is not None
        receive, send = calls
        made = BatchedDatagrams(
            self.server, LONGEST, receive, lambda fd, at, count, flags: send(fd, at, min(count, 2), flags)
        )
        for _ in range(5):
            self.client.send(b"asks")
        made.receive(8)
        made.send([b"0", b"1", b"2", b"3", b"4"])
        self.assertEqual(self.answers(), [b"0", b"1", b"2", b"3", b"4"])


class ChoiceTests(SynchronousTestCase):
    """Which way is taken."""

    def chosen(self) -> DatagramIO:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            return datagram_io(opened, LONGEST)

    def test_another_system(self) -> None:
        """Where structures are not those of Linux, it goes one by one."""
        self.patch(sys, "platform", "freebsd14")
        self.assertIsInstance(self.chosen(), SingleDatagrams)

    def test_no_such_function(self) -> None:
        """Where the library has no such function, it goes one by one."""

        class Library:
            """Has nothing."""

            def __init__(self, *_: Any, **__: Any) -> None:
                pass

        self.patch(ctypes, "CDLL", Library)
        self.assertIsInstance(self.chosen(), SingleDatagrams)

    def test_refused(self) -> None:
        """Where a sandbox refuses the call, it goes one by one."""

        class Function:
            """A call that fails."""

            def __call__(self, *_: Any) -> int:
                ctypes.set_errno(errno.ENOSYS)
                return -1

        class Library:
            """Has both, in vain."""

            def __init__(self, *_: Any, **__: Any) -> None:
                self.recvmmsg = self.sendmmsg = Function()

        self.patch(ctypes, "CDLL", Library)
        self.assertIsInstance(self.chosen(), SingleDatagrams)
