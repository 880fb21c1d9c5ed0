"""Tests of the tracker's HTTP edge, on a real site on loopback."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import bencodepy
from twisted.internet import reactor
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.unit.tracker.fakes import HASH, KEY, FakeKeys, FakeOwnPeer, query
from voi.tracker.http import tracker_resource
from voi.tracker.tracker import Tracker


@dataclass
class Response:
    """An HTTP response, taken apart."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class _Client(Protocol):
    """Sends a request's bytes and keeps what comes until the connection closes."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.received = b""
        self.done: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.raw)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done.callback(self.received)


class HttpTests(TestCase):
    """A site with a tracker under /bt."""

    def setUp(self) -> None:
        self.own = FakeOwnPeer(port=7000)
        self.tracker = Tracker(keys=FakeKeys(), own_peer=self.own, clock=reactor, random=Random(1))
        self.tracker.admit(HASH)
        root = Resource()
        root.putChild(b"bt", tracker_resource(self.tracker))
        self.site = Site(root)

    async def listen(self, interface: str) -> int:
        """The port of the site on this interface, closed with the test."""
        description = f"tcp:0:interface={interface.replace(':', chr(92) + ':')}"
        port: IListeningPort = await serverFromString(reactor, description).listen(self.site)
        self.addCleanup(port.stopListening)
        return port.getHost().port  # type: ignore[attr-defined, no-any-return]  # a TCP port has an IPv4Address

    async def send(
        self,
        path: bytes,
        method: bytes = b"GET",
        host: str = "127.0.0.1",
        listen_on: str | None = None,
        host_header: bytes = b"x",
    ) -> Response:
        """One request to a fresh connection, and its response."""
        port = await self.listen(listen_on or host)
        head = b"%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (method, path, host_header)
        client = _Client(head)
        target = f"tcp:{host.replace(':', chr(92) + ':')}:{port}"
        await connectProtocol(clientFromString(reactor, target), client)
        head, _, body = (await client.done).partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        headers = {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}
        return Response(int(first.split()[1]), headers, body)

    def path(self, what: bytes = b"announce", key: str = KEY, raw: bytes | None = None) -> bytes:
        return b"/bt/%s/%s?%s" % (key.encode(), what, query() if raw is None else raw)

    async def test_announce(self) -> None:
        """An announce is plain text of a known length; the server's peer is where the client reached it."""
        self.own.offers = {HASH}
        response = await self.send(self.path())
        self.assertEqual((response.status, response.headers[b"content-type"]), (200, b"text/plain"))
        self.assertEqual(int(response.headers[b"content-length"]), len(response.body))
        self.assertEqual(bencodepy.decode(response.body)[b"peers"], b"\x7f\x00\x00\x01\x1b\x58")
        self.assertEqual(self.tracker.peers(HASH)[0].host, "127.0.0.1")

    async def test_every_byte_of_a_hash(self) -> None:
        """A hash with plus, percent and ampersand in it reaches the table as it was."""
        info_hash = b"+%&=?;/ \xff\x00" * 2
        self.tracker.admit(info_hash)
        raw = query(info_hash=info_hash).replace(b"%2B", b"+")
        response = await self.send(self.path(raw=raw))
        self.assertIn(b"interval", response.body)
        self.assertEqual(self.tracker.counts(info_hash).leeches, 1)

    async def test_scrape(self) -> None:
        """A scrape is at the announce path with its last word replaced (BEP 48)."""
        response = await self.send(self.path(b"scrape"))
        self.assertEqual((response.status, response.headers[b"content-type"]), (200, b"text/plain"))
        self.assertEqual(list(bencodepy.decode(response.body)[b"files"]), [HASH])

    async def test_ipv6(self) -> None:
        """Over IPv6 the peer is an IPv6 peer."""
        try:
            response = await self.send(self.path(), host="::1")
        except CannotListenError as problem:
            raise SkipTest("this machine has no IPv6 loopback") from problem
        self.assertIn(b"interval", response.body)
        self.assertEqual(self.tracker.peers(HASH)[0].host, "::1")

    async def test_ipv4_on_a_dual_stack_socket(self) -> None:
        """An IPv4 client of a socket that listens on :: is an IPv4 peer, and so is the server to it."""
        self.own.offers = {HASH}
        try:
            response = await self.send(self.path(), listen_on="::")
        except CannotListenError as problem:
            raise SkipTest("this machine has no IPv6") from problem
        self.assertEqual(self.tracker.peers(HASH)[0].host, "127.0.0.1")
        self.assertEqual(bencodepy.decode(response.body)[b"peers"], b"\x7f\x00\x00\x01\x1b\x58")

    async def test_refusals_are_200(self) -> None:
        """An unknown key and a bad query are a failure reason with status 200: clients show nothing else."""
        for path in (self.path(key="0" * 32), self.path(key="x"), self.path(raw=b"")):
            response = await self.send(path)
            self.assertEqual((response.status, response.headers[b"content-type"]), (200, b"text/plain"))
            self.assertIn(b"failure reason", bencodepy.decode(response.body))

    async def test_without_a_query(self) -> None:
        """A path without `?` is a bad query, no mistake of ours."""
        response = await self.send(b"/bt/" + KEY.encode() + b"/announce")
        self.assertIn(b"failure reason", response.body)

    async def test_key_that_is_no_text(self) -> None:
        """Bytes that are no UTF-8, or an escaped slash, in place of the key: no traceback, not even logged."""
        for key in (b"%ff%fe", b"a%2Fb", b"%00", b"k" * 3000):
            response = await self.send(b"/bt/" + key + b"/announce?" + query())
            self.assertIn(response.status, {200, 400, 404})
            self.assertNotIn(b"Traceback", response.body)
            self.assertEqual(response.headers[b"content-type"], b"text/plain")

    async def test_host_that_is_no_text(self) -> None:
        """A Host header that is no UTF-8 is a bad request, and no announce."""
        response = await self.send(self.path(), host_header=b"\xff\xfe")
        self.assertEqual((response.status, response.body), (400, b"400 Bad Request\n"))
        self.assertEqual(self.tracker.peers(HASH), [])

    async def test_other_paths(self) -> None:
        """What is neither announce nor scrape is 404 in plain text."""
        for path in (b"/bt/", b"/bt/" + KEY.encode(), self.path(b"stats"), self.path(b"announce/x")):
            response = await self.send(path)
            self.assertEqual((response.status, response.body), (404, b"404 Not Found\n"))
            self.assertEqual(response.headers[b"content-type"], b"text/plain")

    async def test_other_methods(self) -> None:
        """Only GET announces; anything else, HEAD too, is 405 and leaves the table alone."""
        for method in (b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS"):
            response = await self.send(self.path(), method)
            self.assertEqual((response.status, response.headers[b"allow"]), (405, b"GET"))
        self.assertEqual(self.tracker.peers(HASH), [])

    async def test_mistake_of_ours(self) -> None:
        """An exception on the way is logged, and the client sees one plain line."""

        def fail(*_args: object) -> bytes:
            raise RuntimeError("edge")

        self.patch(self.tracker, "announce", fail)
        response = await self.send(self.path())
        self.assertEqual((response.status, response.body), (500, b"500 Internal Server Error\n"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_unix_socket(self) -> None:
        """Who comes over a socket without an address is refused, bencoded."""
        channel = self.site.buildProtocol(UNIXAddress(b"/nowhere"))
        assert channel is not None
        transport = StringTransport(UNIXAddress(b"/here"), UNIXAddress(b"/there"))
        channel.makeConnection(transport)
        channel.dataReceived(b"GET " + self.path() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"failure reason", transport.value())
        channel.connectionLost(Failure(connectionDone.value))
