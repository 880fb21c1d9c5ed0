"""Block tables over HTTP, on a real site on loopback: who gets one, who is refused and why."""

from __future__ import annotations

from http import HTTPStatus
from random import Random
from typing import Any, ClassVar
from urllib.parse import quote_from_bytes

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent
from twisted.web.server import Site

from tests.unit.tracker.fakes import HASH, KEY, OTHER_HASH, FakeKeys, FakeOwnPeer
from voi.errors import Conflict, NotFound, VoiError
from voi.tracker import blocks
from voi.tracker.blocks import STALL_SECONDS, BlockTableResource
from voi.tracker.http import tracker_resource
from voi.tracker.tracker import Tracker

TABLE = bytes(range(256)) * 2001  # some chunks, the last one not whole


class Busy(Conflict):
    """Ask again."""

    http_status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE


class FakeTables:
    """One table; `failing` and `waiting` hold it back."""

    def __init__(self) -> None:
        self.failing: VoiError | None = None
        self.waiting: Deferred[None] | None = None
        self.asked: Deferred[None] = Deferred()

    async def table(self, info_hash: bytes) -> bytes:
        if self.waiting is not None:
            self.asked.callback(None)
            await self.waiting
        if self.failing is not None:
            raise self.failing
        if info_hash not in (HASH, OTHER_HASH):
            raise NotFound("no such torrent")
        return TABLE


class _Slow:
    """A request, and its channel, whose connection takes a part when its producer is asked for one."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.callLater = self.clock.callLater
        self.channel = self
        self.finished: Deferred[None] = Deferred()
        self.producer: Any = None
        self.taken = b""
        self.cut = False

    def notifyFinish(self) -> Deferred[None]:
        return self.finished

    def setHeader(self, name: bytes, value: bytes) -> None:
        pass

    def registerProducer(self, producer: object, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        pass

    def write(self, data: bytes) -> None:
        self.taken += data

    def forceAbortClient(self) -> None:
        self.cut = True


class BlockTests(TestCase):
    """A site whose tracker has tables."""

    async def site(self, tables: BlockTableResource | None) -> None:
        tracker = Tracker(keys=FakeKeys(), own_peer=FakeOwnPeer(), clock=reactor, random=Random(1))
        site: Any = Site(tracker_resource(tracker, tables))  # half of its annotations are missing
        listening: Any = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(site)
        self.addCleanup(listening.stopListening)
        self.address = f"http://127.0.0.1:{listening.getHost().port}"

    async def open(self) -> None:
        self.tables = FakeTables()
        await self.site(BlockTableResource(FakeKeys(), self.tables))

    async def get(self, path: str) -> tuple[int, bytes, Any]:
        """Status, body, and the response."""
        response = await treq.get(self.address + path, agent=Agent(reactor))
        return response.code, await response.content(), response

    async def ask(self, *hashes: bytes, key: str = KEY) -> tuple[int, bytes, Any]:
        query = "&".join(f"info_hash={quote_from_bytes(each, safe='')}" for each in hashes)
        return await self.get(f"/{key}/blocks?{query}")

    async def test_table(self) -> None:
        """A terminal gets the whole table, with its length; every byte of the hash reaches the tables."""
        await self.open()
        for info_hash in (HASH, OTHER_HASH):
            status, body, response = await self.ask(info_hash)
            self.assertEqual((status, body, response.length), (200, TABLE, len(TABLE)))

    async def test_unknown_key(self) -> None:
        """A key that no terminal was given is refused."""
        await self.open()
        self.assertEqual((await self.ask(HASH, key="f" * 32))[0], 403)

    async def test_unknown_torrent(self) -> None:
        """A torrent without a table is not found, with the reason."""
        await self.open()
        status, body, _ = await self.ask(bytes(20))
        self.assertEqual((status, body), (404, b"no such torrent\n"))

    async def test_not_one_hash(self) -> None:
        """No hash, two, or a short one is a bad request."""
        await self.open()
        for hashes in ((), (HASH, OTHER_HASH), (b"short",)):
            self.assertEqual((await self.ask(*hashes))[0], 400)

    async def test_later(self) -> None:
        """A table that is being made is asked for again after some seconds."""
        await self.open()
        self.tables.failing = Busy("being made")
        status, body, response = await self.ask(HASH)
        self.assertEqual((status, body), (503, b"being made\n"))
        self.assertEqual(response.headers.getRawHeaders("retry-after"), ["5"])

    async def test_too_many(self) -> None:
        """More than so many at once are told to come back; when one is done, the next is answered."""
        await self.open()
        self.patch(blocks, "MOST_AT_ONCE", 1)
        self.tables.waiting = Deferred()
        first = Deferred.fromCoroutine(self.ask(HASH))
        await self.tables.asked
        self.assertEqual((await self.ask(HASH))[0], 503)
        waiting, self.tables.waiting = self.tables.waiting, None
        waiting.callback(None)
        self.assertEqual((await first)[0], 200)
        self.assertEqual((await self.ask(HASH))[0], 200)

    async def test_client_gone(self) -> None:
        """Who hangs up while the table is awaited is not counted any more."""
        await self.open()
        self.patch(blocks, "MOST_AT_ONCE", 1)
        ended: Deferred[None] = Deferred(lambda _: ended.callback(None))
        self.tables.waiting = ended
        asked = Agent(reactor).request(b"GET", f"{self.address}/{KEY}/blocks?info_hash={'a' * 20}".encode())
        await self.tables.asked
        asked.addErrback(lambda _: None)
        asked.cancel()
        await ended  # the server has noticed
        self.tables.waiting = None
        self.assertEqual((await self.ask(HASH))[0], 200)

    def ask_slowly(self) -> tuple[_Slow, Deferred[bytes | None]]:
        """A request for a table whose client reads when it is told to, and its end."""
        request: Any = _Slow()
        tables = BlockTableResource(FakeKeys(), FakeTables())
        return request, Deferred.fromCoroutine(
            tables.answer(request, KEY, b"info_hash=" + quote_from_bytes(HASH).encode())
        )

    def test_who_does_not_read(self) -> None:
        """Who takes nothing of a table for a while is cut off; each part that it takes gives it as long again."""
        request, ended = self.ask_slowly()
        request.clock.advance(STALL_SECONDS - 1)
        request.producer.resumeProducing()
        request.clock.advance(STALL_SECONDS - 1)
        self.assertFalse(request.cut)
        request.clock.advance(1)
        self.assertTrue(request.cut)
        request.finished.errback(Failure(ConnectionAborted()))
        self.assertIsNone(self.successResultOf(ended))

    def test_who_reads(self) -> None:
        """Once all is taken, or the client is gone, no connection is cut off later."""
        request, ended = self.ask_slowly()
        while not ended.called:
            request.producer.resumeProducing()
        self.assertEqual((request.taken, request.clock.getDelayedCalls()), (TABLE, []))
        request, ended = self.ask_slowly()
        request.finished.errback(Failure(ConnectionAborted()))
        self.assertEqual((ended.called, request.clock.getDelayedCalls()), (True, []))

    async def test_without_tables(self) -> None:
        """A tracker without tables knows no such path."""
        await self.site(None)
        self.assertEqual((await self.ask(HASH))[0], 404)
