"""Tests of live news: what is told to whom, how often, and what happens to those who do not listen."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from tests.unit.web.api_case import TOKEN, ApiCase
from tests.unit.web.fakes import MAC, OTHER, TEMPLATE, level
from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.domain.rollout_history import Point, RolloutHistory
from voi.errors import Busy
from voi.messages.reason import Reason
from voi.rollouts.throughput import Throughput, TransferRate
from voi.web.http.caller import Caller
from voi.web.live import sources as news_module
from voi.web.live import streams as live_module
from voi.web.live.streams import CHECK_TICKS, COMMENT_TICKS, TICK_SECONDS, LiveStreams, News

SOMEBODY = Caller(Actor("token", "tests", "192.0.2.1"), Role.OPERATOR)


class FakeRequest:
    """A connection that takes what it is given, as long as it has room."""

    def __init__(self) -> None:
        self.written = b""
        self.gone: Deferred[None] = Deferred()
        self.producer: Any = None

    def setHeader(self, name: bytes, value: bytes) -> None:
        """Not looked at here."""

    def notifyFinish(self) -> Deferred[None]:
        return self.gone

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.written += data

    def events(self) -> list[tuple[str, Any]]:
        """What came since it was looked at last."""
        found = []
        for part in self.written.decode().split("\n\n"):
            name, _, data = part.partition("\ndata: ")
            if name.startswith("event: "):
                found.append((name.removeprefix("event: "), json.loads(data)))
            elif name == ":":
                found.append((":", None))
        self.written = b""
        return found


class FakeSource:
    """Has the news that a test gives it."""

    def __init__(self) -> None:
        self.next: list[News] = []
        self.asked = 0

    async def news(self) -> list[News]:
        self.asked += 1
        found, self.next = self.next, []
        return found


class FakeAccess:
    """Lets in as long as a test says so."""

    well = True

    async def still(self, caller: Caller) -> bool:
        return self.well


class LiveTests(SynchronousTestCase):
    """Streams over connections that only play."""

    def setUp(self) -> None:
        self.clock, self.source, self.access = Clock(), FakeSource(), FakeAccess()
        self.live = LiveStreams(clock=self.clock, access=self.access, hello={"boot": "x"}, sources=[self.source])

    def open(self, *topics: str) -> FakeRequest:
        request = FakeRequest()
        self.live.open(request, SOMEBODY, lambda name: ":" not in name or name in topics)  # type: ignore[arg-type]  # it plays
        return request

    def tick(self, *news: News) -> None:
        self.source.next = list(news)
        self.clock.advance(TICK_SECONDS)

    def test_hello(self) -> None:
        """A stream begins with what tells one start of the server from the next."""
        self.assertEqual(self.open().events(), [("hello", {"boot": "x"})])

    def test_all_hear(self) -> None:
        """News go to all who listen, each once."""
        one, two = self.open(), self.open()
        one.events(), two.events()
        self.tick(("traffic", {"a": 1}), ("rollouts", [1]))
        self.assertEqual(one.events(), [("traffic", {"a": 1}), ("rollouts", [1])])
        self.tick()
        self.assertEqual((one.events(), len(two.events())), ([], 2))

    def test_topics(self) -> None:
        """What is for one page goes to no other, and is told under its plain name."""
        one, two = self.open("rollout:1"), self.open("rollout:2")
        one.events(), two.events()
        self.tick(("rollout:1", {"id": 1}))
        self.assertEqual((one.events(), two.events()), ([("rollout", {"id": 1})], []))

    def test_nobody_listens(self) -> None:
        """Nothing is looked at while nobody listens, and what has gathered until then is no news."""
        self.tick()
        self.assertEqual(self.source.asked, 0)
        self.source.next = [("old", 1)]
        request = self.open()
        self.assertEqual([name for name, _ in request.events()], ["hello"])
        request.gone.errback(Failure(ConnectionError()))
        asked = self.source.asked
        self.tick()
        self.assertEqual((self.source.asked, len(self.live)), (asked, 0))

    def test_told(self) -> None:
        """What others tell goes out with the next tick."""
        self.live.tell("event", 0)
        request = self.open()
        request.events()
        self.live.tell("event", 1)
        self.assertEqual(request.events(), [])
        self.tick()
        self.assertEqual(request.events(), [("event", 1)])

    def test_slow(self) -> None:
        """Who has no room misses news, and is told that it did as soon as it has room; nothing piles up."""
        request = self.open()
        request.events()
        request.producer.pauseProducing()
        for number in range(100):
            self.tick(("event", number))
        self.assertEqual(request.written, b"")
        request.producer.resumeProducing()
        self.assertEqual(request.events(), [("resync", {})])
        request.producer.pauseProducing()
        request.producer.resumeProducing()
        self.assertEqual(request.events(), [])

    def test_much(self) -> None:
        """What one look brings is sent whole, though its first part alone may fill the connection's buffer."""
        request = self.open()
        request.events()
        write = request.write

        def fill(data: bytes) -> None:
            write(data)
            request.producer.pauseProducing()

        self.patch(request, "write", fill)
        self.tick(("terminals", [1]), ("traffic", 2))
        request.producer.resumeProducing()
        self.assertEqual(request.events(), [("terminals", [1]), ("traffic", 2)])

    def test_quiet(self) -> None:
        """Where nothing happens, a comment keeps the connection."""
        request = self.open()
        request.events()
        for _ in range(COMMENT_TICKS * 2):
            self.tick()
        self.assertEqual(request.events(), [(":", None)] * 2)

    def test_let_in_no_more(self) -> None:
        """The stream of one whose session or token has ended ends too."""
        self.open()
        self.access.well = False
        self.clock.pump([TICK_SECONDS] * CHECK_TICKS)
        self.assertEqual(len(self.live), 0)

    def test_bounded(self) -> None:
        """As many listen as may, and no more."""
        self.patch(live_module, "MOST_STREAMS", 1)
        self.open()
        with self.assertRaises(Busy):
            self.open()

    def test_a_source_that_fails(self) -> None:
        """The fault of one source does not keep the news of others."""
        other = FakeSource()
        self.live.add(other)
        request = self.open()
        request.events()
        self.patch(self.source, "news", lambda: 1 / 0)
        other.next = [("event", 1)]
        self.clock.advance(TICK_SECONDS)
        self.assertEqual(request.events(), [("event", 1)])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_close(self) -> None:
        """When the server stops, streams end."""
        request = FakeRequest()
        done = self.live.open(request, SOMEBODY)  # type: ignore[arg-type]  # it plays
        self.live.close()
        self.assertEqual(self.successResultOf(done), b"")
        self.assertEqual(self.clock.getDelayedCalls(), [])


class _Reader(Protocol):
    """Reads a stream event by event."""

    def __init__(self) -> None:
        self.text = ""
        self.waiting: Deferred[None] | None = None
        self.lost: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.text += data.decode()
        waiting, self.waiting = self.waiting, None
        if waiting is not None:
            waiting.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)

    async def next(self) -> tuple[str, Any]:
        """The next event; comments and the rest are passed over."""
        while True:
            part, end, rest = self.text.partition("\n\n")
            if not end:
                self.waiting = Deferred()
                await self.waiting
                continue
            self.text = rest
            name, _, data = part.partition("\ndata: ")
            if name.startswith("event: "):
                return name.removeprefix("event: "), json.loads(data)


class StreamTests(ApiCase):
    """A real stream, of what really changed."""

    async def listen(self, query: str = "") -> _Reader:
        """Open a stream and update its beginning."""
        headers = Headers({"Authorization": [f"Bearer {TOKEN}"]})
        response = await self.agent.request(b"GET", f"{self.url}/api/v1/events/stream{query}".encode(), headers)
        self.assertEqual(response.code, 200)
        self.assertEqual(response.headers.getRawHeaders("content-type"), ["text/event-stream"])
        reader = _Reader()
        response.deliverBody(reader)
        self.assertEqual((await reader.next())[0], "hello")

        async def end() -> None:
            self.api.live.close()
            await reader.lost

        self.addCleanup(lambda: Deferred.fromCoroutine(end()))
        await self.settle()
        return reader

    async def settle(self) -> None:
        """Let the store's threads answer what was asked."""
        for _ in range(6):
            await self.store.read(lambda _db: None)

    async def next_of(self, reader: _Reader, name: str) -> Any:
        """What the next event of this name says."""
        while True:
            self.clock.advance(TICK_SECONDS)
            await self.settle()
            found, data = await reader.next()
            if found == name:
                return data

    async def test_who_may(self) -> None:
        """It is open to nobody without a token or a session, and to a browser that is signed in."""
        self.assertEqual((await self.ask("GET", "/api/v1/events/stream", token=None)).status, 401)
        self.assertEqual((await self.ask("GET", "/api/v1/events/stream?rollout=x")).status, 400)

    async def test_progress(self) -> None:
        """Of a terminal that gets on it is told how far it is, and of one that does not nothing."""
        await self.terminal(MAC)
        self.coordinator.targets = [(1, MAC, "downloading", 0.1, ""), (1, OTHER, "waiting", 0.0, "")]
        reader = await self.listen()
        self.coordinator.targets[0] = (1, MAC, "downloading", 0.5, "")
        self.recorder.transfers[1, MAC] = TransferRate(100, 50.0, 0.0, 10.0)
        self.assertEqual(
            await self.next_of(reader, "terminals"),
            [{"mac": MAC, "rollout": 1, "state": "downloading", "progress": 0.5, "rate": 10}],
        )

    async def test_reasons(self) -> None:
        """What a terminal waits for is told when it is another, with what the sentence is made of."""
        self.coordinator.targets = [(1, MAC, "downloading", 0.1, "")]
        reader = await self.listen()
        self.coordinator.targets = [(1, MAC, "downloading", 0.1, Reason("nothing_arrives"))]
        (told,) = await self.next_of(reader, "terminals")
        self.assertEqual(told["reason"], Reason("nothing_arrives"))
        self.assertEqual(told["why"], {"code": "nothing_arrives", "data": {}})
        self.coordinator.targets = [(1, MAC, "downloading", 0.2, Reason("nothing_arrives"))]
        (told,) = await self.next_of(reader, "terminals")
        self.assertNotIn("reason", told)

    async def test_of_one_rollout(self) -> None:
        """The page of a rollout is told of each of its terminals with sources and ends."""
        self.coordinator.targets = [(1, MAC, "waiting", 0.0, "")]
        reader = await self.listen("?rollout=1")
        self.coordinator.targets = [(1, MAC, "downloading", 0.5, "")]
        self.recorder.transfers[1, MAC] = TransferRate(100, 50.0, 0.0, 10.0, 10)
        self.recorder.running[1] = Throughput(10.0, 5.0, 5.0, RolloutHistory(1, 70, [Point(1.0, 10, 5)]))
        told = await self.next_of(reader, "rollout")
        target = {
            "mac": MAC, "rollout": 1, "state": "downloading", "progress": 0.5, "rate": 10, "eta": 5.0,
            "from_server": 0.2,
        }  # fmt: skip
        self.assertEqual(
            told,
            {"id": 1, "rate": 10.0, "eta": 5.0, "server_sent": 70, "point": [1.0, 10, 5], "targets": [target]},
        )

    async def test_nothing_that_can_be_seen(self) -> None:
        """Less progress than a page can show is no news, and is when it has added up to that."""
        self.coordinator.targets = [(1, MAC, "downloading", 0.1, "")]
        reader = await self.listen()
        for progress in (0.1003, 0.1004):
            self.coordinator.targets = [(1, MAC, "downloading", progress, "")]
            self.clock.advance(TICK_SECONDS)
            await self.settle()
        self.coordinator.targets = [(1, MAC, "downloading", 0.1006, "")]
        (told,) = await self.next_of(reader, "terminals")
        self.assertEqual(told["progress"], 0.101)

    async def test_the_newer_rollout(self) -> None:
        """Of a terminal in two rollouts the newer one is told, in whichever order they are found."""
        self.coordinator.targets = [(2, MAC, "waiting", 0.0, ""), (1, MAC, "downloading", 0.1, "")]
        reader = await self.listen()
        self.coordinator.targets = [(1, MAC, "downloading", 0.2, ""), (2, MAC, "waiting", 0.5, "")]
        (told,) = await self.next_of(reader, "terminals")
        self.assertEqual((told["rollout"], told["progress"]), (2, 0.5))
        self.coordinator.targets = [(1, MAC, "downloading", 0.4, ""), (2, MAC, "waiting", 0.5, "")]
        self.clock.advance(TICK_SECONDS)
        await self.settle()
        self.coordinator.targets = [(2, MAC, "waiting", 0.75, ""), (1, MAC, "downloading", 0.9, "")]
        (told,) = await self.next_of(reader, "terminals")
        self.assertEqual((told["rollout"], told["progress"]), (2, 0.75))

    async def test_of_no_page(self) -> None:
        """What only the page of a rollout shows is not looked up while none is open."""
        self.coordinator.targets = [(1, MAC, "waiting", 0.0, "")]
        reader = await self.listen("?rollout=2")
        asked: list[int] = []
        self.patch(self.recorder, "now", asked.append)
        self.coordinator.targets = [(1, MAC, "downloading", 0.5, "")]
        await self.next_of(reader, "terminals")
        self.assertEqual(asked, [])

    async def test_while_nobody_listened(self) -> None:
        """What changed before a page was opened is not told to it: it reads that for itself."""
        await self.terminal(MAC)
        self.patch(news_module, "MOST_ROWS", 1)  # so that one look would not be enough for both
        self.api.changed(OTHER)
        self.api.changed(MAC)
        reader = await self.listen()
        self.traffic.server_out = 7
        names = []
        while "traffic" not in names:
            self.clock.advance(TICK_SECONDS)
            await self.settle()
            names.append((await reader.next())[0])
        self.assertEqual(names, ["traffic"])

    async def test_rollouts(self) -> None:
        """A rollout that begins, changes or ends is told of in short."""
        await self.publish(level())
        await self.terminal(MAC)
        reader = await self.listen()
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        (told,) = await self.next_of(reader, "rollouts")
        self.assertEqual((told["id"], told["state"], told["template_name"]), (1, "running", "Classroom"))
        await self.ask("DELETE", "/api/v1/rollouts/1")
        (told,) = await self.next_of(reader, "rollouts")
        self.assertEqual((told["state"], told["counts"]["cancelled"]), ("cancelled", 1))

    async def test_a_rollout_that_is_over_at_once(self) -> None:
        """A rollout that begins and ends between two looks is told of as it ended."""
        await self.publish(level())
        await self.terminal(MAC)
        reader = await self.listen("?rollout=1")
        await self.ask("POST", "/api/v1/rollouts", {"template": TEMPLATE, "macs": [MAC]})
        await self.ask("DELETE", "/api/v1/rollouts/1")
        (told,) = await self.next_of(reader, "rollouts")
        self.assertEqual((told["id"], told["state"]), (1, "cancelled"))
        self.assertEqual(await self.next_of(reader, "stale"), {"id": 1})

    async def test_a_rollout_that_is_seen_to_run(self) -> None:
        """That a terminal runs what a rollout brought, which has ended long ago, is told to its page and in lists."""
        await self.publish(level())
        await self.terminal(MAC)
        begun = await self.repositories.rollouts.begin(TEMPLATE, [MAC], 1.0)
        reader = await self.listen("?rollout=1")
        self.api.ran(begun.id)
        (told,) = await self.next_of(reader, "rollouts")
        self.assertEqual((told["id"], told["ran"]), (1, 0))
        self.assertEqual(await self.next_of(reader, "stale"), {"id": 1})

    async def test_traffic(self) -> None:
        """What flows is told when it changes."""
        reader = await self.listen()
        self.traffic.server_out, self.traffic.server_in, self.traffic.swarm = 7, 3, 10
        self.assertEqual(await self.next_of(reader, "traffic"), {"server_out": 7, "server_in": 3, "swarm": 10})

    async def test_rows(self) -> None:
        """A terminal that came, went or was written about is told of as in the list; one that is forgotten is gone."""
        await self.terminal(MAC)
        reader = await self.listen()
        self.registry.there.add(MAC)
        self.api.changed(MAC)
        (row,) = await self.next_of(reader, "terminals")
        self.assertEqual((row["mac"], row["online"], row["state"]), (MAC, True, "unreported"))
        self.assertNotIn("disks", row)  # what a page knows of them stays
        await self.ask("PATCH", "/api/v1/terminals", {"macs": [MAC], "name": "PC 1"})
        self.assertEqual((await self.next_of(reader, "terminals"))[0]["name"], "PC 1")
        self.registry.there.discard(MAC)
        await self.ask("POST", "/api/v1/terminals/forget", {"macs": [MAC]})
        self.assertEqual(await self.next_of(reader, "gone"), [MAC])

    async def test_all_rows(self) -> None:
        """When rooms change, or a version is published, any terminal may stand elsewhere: all are told of."""
        await self.terminal(MAC)
        await self.terminal(OTHER)
        reader = await self.listen()
        made = await self.ask("POST", "/api/v1/rooms", {"name": "Lab", "subnets": ["192.0.2.0/24"]})
        rows = await self.next_of(reader, "terminals")
        self.assertEqual([(row["mac"], row["room"]) for row in rows], [(x, made.json["id"]) for x in (MAC, OTHER)])

    async def test_journal(self) -> None:
        """What is written down is told, with who did it."""
        await self.terminal(MAC)
        reader = await self.listen()
        await self.ask("PATCH", "/api/v1/terminals", {"macs": [MAC], "name": "PC 1"})
        told = await self.next_of(reader, "event")
        self.assertEqual((told["kind"], told["who"], told["mac"]), ("terminal.renamed", "token api-token", MAC))

    async def test_stopped(self) -> None:
        """A page that is closed leaves nothing behind."""
        reader = await self.listen()
        self.assertEqual(len(self.api.live), 1)
        assert reader.transport is not None
        reader.transport.loseConnection()
        await reader.lost
        while len(self.api.live):
            await self.settle()
