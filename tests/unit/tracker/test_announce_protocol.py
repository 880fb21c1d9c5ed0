"""Tests of the HTTP port's protocol: real connections on loopback, to it and to the site behind it."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import bencodepy
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.tcp import Server
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.server import Site

from tests.certificate import write_certificate
from tests.unit.tracker.fakes import HASH, KEY, FakeKeys, FakeOwnPeer, query
from voi.tracker.announce_protocol import REQUEST_SECONDS, AnnounceFactory
from voi.tracker.http import tracker_resource
from voi.tracker.tracker import Tracker

PATH = b"/%b/announce?%b" % (KEY.encode(), query())
CLOSE = b"GET " + PATH + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
KEEP = b"GET " + PATH + b" HTTP/1.1\r\nHost: x\r\n\r\n"


class _Client(Protocol):
    """Keeps what comes; `closed` fires with all of it when the connection ends, `enough` after so many bodies."""

    def __init__(self) -> None:
        self.received = b""
        self.closed: Deferred[bytes] = Deferred()
        self.wanted = 0
        self.enough: Deferred[bytes] = Deferred()

    def until(self, answers: int) -> Deferred[bytes]:
        """All that came, once it has so many answers."""
        self.wanted, self.enough = answers, Deferred()
        self._look()
        return self.enough

    def _look(self) -> None:
        if self.wanted and self.received.count(b"min interval") >= self.wanted and self.received.endswith(b"e"):
            self.wanted = 0
            self.enough.callback(self.received)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.closed.callback(self.received)


class DoorTests(TestCase):
    """A factory before a site with the tracker's route."""

    timeout = 20

    def setUp(self) -> None:
        self.tracker = Tracker(keys=FakeKeys(), own_peer=FakeOwnPeer(offers={HASH}), clock=reactor, random=Random(1))
        self.tracker.admit(HASH)
        self.built = 0
        self.site: Any = Site(tracker_resource(self.tracker))
        build = self.site.buildProtocol

        def counted(address: Any) -> Any:
            self.built += 1
            return build(address)

        self.patch(self.site, "buildProtocol", counted)
        self.factory: Any = AnnounceFactory(
            self.tracker, self.site, reactor
        )  # Twisted asks for a factory of a narrower kind

    def listen(self, *, at_the_port: bool = True) -> int:
        """Open a port with the factory; if it does not accept by itself, the protocol does everything, as behind
        TLS.
        """
        port: Any = reactor.listenTCP(0, self.factory, interface="127.0.0.1")
        if at_the_port:
            self.factory.accept_on(port)
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    async def connect(self, port: int) -> _Client:
        client = _Client()
        await connectProtocol(clientFromString(reactor, f"tcp:127.0.0.1:{port}"), client)
        self.addCleanup(lambda: client.transport.abortConnection())  # type: ignore[union-attr]  # it is connected
        return client

    async def ask(self, port: int, request: bytes) -> bytes:
        """One connection that the server closes."""
        client = await self.connect(port)
        assert client.transport is not None
        client.transport.write(request)
        return await client.closed

    async def test_the_same_by_both_ways(self) -> None:
        """An announce is answered alike by the factory that accepts by itself, by the protocol, and by the site."""
        ways = [(True, CLOSE), (False, CLOSE), (True, CLOSE.replace(b"Host: x", b"Host: x\r\nContent-Length: 0"))]
        found = []
        for at_the_port, request in ways:
            answer = await self.ask(self.listen(at_the_port=at_the_port), request)
            head, _, body = answer.partition(b"\r\n\r\n")
            status, *lines = head.split(b"\r\n")
            headers = {line.partition(b":")[0].lower(): line.partition(b":")[2].strip() for line in lines}
            decoded = bencodepy.decode(body)
            decoded[b"interval"] = 0  # it is a little different each time
            kept = {name: headers[name] for name in (b"content-type", b"connection")}
            self.assertEqual(int(headers[b"content-length"]), len(body))
            found.append((status, kept, decoded))
        self.assertEqual(self.built, 1)
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])

    async def test_kept_alive(self) -> None:
        """A connection that stays is answered again and again, then something else, then an announce again."""
        client = await self.connect(self.listen())
        assert client.transport is not None
        for number in (1, 2, 3):
            client.transport.write(KEEP)
            await client.until(number)
        self.assertEqual((self.built, self.factory.open), (0, 1))
        client.transport.write(KEEP.replace(b"announce", b"scrape") + CLOSE)
        answer = await client.closed
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 5)
        self.assertEqual((self.built, answer.count(b"min interval"), answer.count(b"5:files")), (1, 4, 1))

    async def test_pipelined(self) -> None:
        """Several requests in one piece are all answered, in order."""
        answer = await self.ask(self.listen(), KEEP + KEEP + CLOSE)
        self.assertEqual((answer.count(b"min interval"), self.built), (3, 1))

    async def test_other_paths(self) -> None:
        """What is no announce is the site's: its own answer comes back."""
        answer = await self.ask(self.listen(), b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertIn(b" 404 ", answer.split(b"\r\n")[0])

    async def test_gone_before_it_is_answered(self) -> None:
        """A connection that was reset before its turn does not disturb the others."""
        port = self.listen()
        with socket.create_connection(("127.0.0.1", port)) as rude:
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            rude.send(CLOSE)
        self.assertIn(b"min interval", await self.ask(port, CLOSE))

    async def test_a_fault_of_ours(self) -> None:
        """A connection that cannot be taken in is logged and closed, and the port goes on."""
        port = self.listen()
        self.patch(self.factory, "buildProtocol", lambda _address: 1 / 0)
        self.assertEqual(await self.ask(port, KEEP), b"")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIn(b"min interval", await self.ask(port, CLOSE))

    async def test_a_fault_of_the_site(self) -> None:
        """A connection that the site cannot take is closed, for nothing would serve it, and is not counted."""
        port = self.listen()
        self.patch(self.site, "buildProtocol", lambda _address: 1 / 0)
        self.assertEqual(await self.ask(port, KEEP.replace(b"announce", b"scrape")), b"")
        self.assertEqual((len(self.flushLoggedErrors(ZeroDivisionError)), self.factory.open), (1, 0))

    async def test_an_administrators_own_queue(self) -> None:
        """How many connections may wait is for who opens the port to say."""
        port: Any = reactor.listenTCP(0, self.factory, interface="127.0.0.1", backlog=3)
        self.addCleanup(port.stopListening)
        with mock.patch.object(port, "socket", mock.Mock(wraps=port.socket)) as watched:
            self.factory.accept_on(port)
            watched.listen.assert_not_called()

    def test_unix_port(self) -> None:
        """A port without a host's address is left to the protocol."""
        unix: Any = reactor  # its type does not say that it does UNIX sockets
        port: Any = unix.listenUNIX(self.mktemp(), self.factory)
        self.addCleanup(port.stopListening)
        self.factory.accept_on(port)
        self.assertNotIn("doRead", vars(port))

    async def test_tls_at_a_plain_port(self) -> None:
        """A client that begins with TLS where none is spoken is told so at once, and not left waiting for a minute."""

        def shake_hands(number: int) -> str:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                with socket.create_connection(("127.0.0.1", number), 10) as plain, context.wrap_socket(plain):
                    return "spoken"
            except ssl.SSLError as error:
                return str(error.reason)

        for at_the_port in (True, False):
            number = self.listen(at_the_port=at_the_port)
            self.assertIn(await deferToThread(shake_hands, number), ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"))
            self.assertIn(b"use http://", await self.ask(number, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"))
        self.assertEqual((self.built, self.factory.open), (0, 0))

    async def test_ipv6_port(self) -> None:
        """Over IPv6 the peer is an IPv6 peer."""
        port: Any = reactor.listenTCP(0, self.factory, interface="::1")
        self.factory.accept_on(port)
        self.addCleanup(port.stopListening)
        client = _Client()
        await connectProtocol(clientFromString(reactor, rf"tcp:\:\:1:{port.getHost().port}"), client)
        assert client.transport is not None
        client.transport.write(CLOSE)
        self.assertIn(b"peers6", await client.closed)
        self.assertEqual(self.tracker.peers(HASH)[0].host, "::1")

    async def test_tls(self) -> None:
        """Behind TLS, where the factory does not accept by itself, announces and other requests are answered as
        well.
        """
        path = self.mktemp()
        write_certificate(Path(path))
        description = f"ssl:0:interface=127.0.0.1:privateKey={path}:certKey={path}"
        port: Any = await serverFromString(reactor, description).listen(self.factory)
        self.factory.accept_on(port)
        self.addCleanup(port.stopListening)

        def ask(request: bytes, *offered: str) -> bytes:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if offered:
                context.set_alpn_protocols(offered)
            with (
                socket.create_connection(("127.0.0.1", port.getHost().port), 10) as plain,
                context.wrap_socket(plain) as s,
            ):
                s.sendall(request)
                return b"".join(iter(lambda: s.recv(4096), b""))

        self.assertIn(b"min interval", await deferToThread(ask, CLOSE))
        self.assertIn(b"min interval", await deferToThread(ask, CLOSE, "h2", "http/1.1"), "as browsers offer it")
        self.assertEqual(self.built, 0)
        scrape = await deferToThread(ask, CLOSE.replace(b"announce", b"scrape"))
        self.assertIn(b"5:files", scrape)


class _Narrow(Server):
    """A TCP transport whose socket takes so many bytes, then none; what it is given to keep is kept."""

    def __init__(self, room: int) -> None:
        self.room, self.sent, self.kept = room, b"", b""

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "10.0.0.1", 9)

    getHost = getPeer  # noqa: N815 - Twisted's name

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def writeSomeData(self, data: bytes) -> int:
        taken, self.room = data[: self.room], max(0, self.room - len(data))
        self.sent += taken
        return len(taken)

    def write(self, data: bytes) -> None:
        self.kept += data


class VisitorTests(SynchronousTestCase):
    """Bounds of a connection, on a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        tracker = Tracker(keys=FakeKeys(), own_peer=FakeOwnPeer(), clock=self.clock, random=Random(1))
        tracker.admit(HASH)
        site: Any = Site(tracker_resource(tracker), reactor=self.clock)
        self.factory = AnnounceFactory(tracker, site, self.clock, most=2)

    def visit(self) -> tuple[Any, Any]:
        protocol = self.factory.buildProtocol(None)
        transport = StringTransport(IPv4Address("TCP", "10.9.0.1", 80), IPv4Address("TCP", "10.0.0.1", 9))
        protocol.makeConnection(transport)
        return protocol, transport

    def test_nothing_after_the_end(self) -> None:
        """What comes after a request that ends its connection is not done, and does not win time."""
        protocol, transport = self.visit()
        protocol.dataReceived(CLOSE)
        answer = transport.value()
        self.clock.advance(REQUEST_SECONDS - 1)
        for request in (CLOSE, KEEP, KEEP.replace(b"announce", b"scrape")):
            protocol.dataReceived(request)
        self.assertEqual(transport.value(), answer)
        self.clock.advance(1)
        self.assertTrue(transport.disconnected)

    def test_silence(self) -> None:
        """A connection on which nothing comes is closed; each answer gives it as long again."""
        protocol, transport = self.visit()
        self.clock.advance(REQUEST_SECONDS - 1)
        protocol.dataReceived(KEEP)
        self.clock.advance(REQUEST_SECONDS - 1)
        self.assertFalse(transport.disconnected)
        self.clock.advance(1)
        self.assertTrue(transport.disconnected)

    def test_too_many(self) -> None:
        """Beyond the bound a connection is dropped; when one ends, another may come."""
        first, _ = self.visit()
        self.visit()
        extra, transport = self.visit()
        self.assertTrue(transport.disconnected)
        extra.connectionLost(connectionDone)
        first.connectionLost(connectionDone)
        self.assertFalse(self.visit()[1].disconnected)
        self.assertEqual(self.factory.open, 2)

    def test_in_pieces(self) -> None:
        """A request that comes in pieces is put together by the site, and its connection ends like any other."""
        protocol, transport = self.visit()
        for start in range(0, len(CLOSE), 40):
            self.assertEqual(transport.value(), b"")
            protocol.dataReceived(CLOSE[start : start + 40])
        self.assertIn(b"min interval", transport.value())
        self.assertTrue(transport.disconnecting)
        protocol.connectionLost(connectionDone)
        self.assertEqual(self.factory.open, 0)

    def test_closed_when_answered(self) -> None:
        """Who wants its connection closed has it closed with the answer."""
        protocol, transport = self.visit()
        protocol.dataReceived(CLOSE)
        self.assertIn(b"min interval", transport.value())
        self.assertTrue(transport.disconnecting)

    def test_answers_in_order(self) -> None:
        """An answer for which the socket has no room waits in the transport, and later ones behind it."""
        protocol: Any = self.factory.buildProtocol(None)
        narrow = _Narrow(200)
        protocol.makeConnection(narrow)
        for _ in range(3):
            protocol.dataReceived(KEEP)
        self.assertEqual(len(narrow.sent), 200)
        self.assertEqual((narrow.sent + narrow.kept).count(b"HTTP/1.1 200 OK"), 3)
        narrow.room = 1000
        protocol.dataReceived(KEEP)
        self.assertEqual(len(narrow.sent), 200)
        self.assertEqual(narrow.kept.count(b"min interval"), 4 - narrow.sent.count(b"min interval"))

    def test_who_does_not_read(self) -> None:
        """While answers pile up unread, no more requests are read."""
        _, transport = self.visit()
        transport.producer.pauseProducing()
        self.assertEqual(transport.producerState, "paused")
        transport.producer.resumeProducing()
        self.assertEqual(transport.producerState, "producing")
