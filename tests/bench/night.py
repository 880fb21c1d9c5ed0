"""A server whose nights pass as fast as its pages take them. A child of the `overnight` bench.

The console's files, the hub of live news, its route and its source of progress are the server's own; what moves, and
what pages read, is made up. Time is a clock that is moved on a second whenever every page has taken what it was sent.
Orders: ``{"seconds": N}`` lets so many pass, ``{"boot": true}`` ends all streams as a restart does.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final, cast

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.internet.task import Clock, deferLater
from twisted.protocols.basic import LineReceiver
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from voi import __version__
from voi.demo.processes import LOOPBACK
from voi.domain.accounts import Role
from voi.domain.actors import Actor
from voi.domain.rollout_history import Point, RolloutHistory
from voi.domain.rollouts import TargetState
from voi.rollouts.throughput import Throughput, ThroughputRecorder, TransferRate
from voi.web.console.assets import AssetResource, console_assets
from voi.web.http.caller import Caller
from voi.web.live.routes import StreamFilter, StreamRoutes
from voi.web.live.sources import ProgressNews
from voi.web.live.streams import LiveStreams, News, Source

EVENING: Final = 1_780_000_000.0
"""When the night begins."""
LOOK: Final = 2
"""Seconds between two points of the plot, and between two looks at what flows."""
ENTRY: Final = 60
"""Seconds between two entries of the audit log."""
ROOMS: Final = 20
SIZE: Final = 30 * 10**9
STAMP: Final = "2026-05-28T20:26:40Z"
UUID: Final = "6f1a8c52-0000-4000-8000-000000000001"
SOMEBODY: Final = Caller(Actor("token", "bench", LOOPBACK), Role.OPERATOR)
STEP: Final = 0.0011  # of progress in a second: a little more than what is told
_PAUSE: Final = 0.0005
"""Seconds between two looks at whether the pages have taken everything."""


class LetIn:
    """Everybody."""

    async def still(self, caller: Caller) -> bool:
        """As long as they like."""
        return True


class Night:
    """Terminals of a rollout that never ends, of which the first move, and what an open page asks for."""

    def __init__(self, terminals: int, moving: int) -> None:
        self._random = Random(1)
        self._macs = [f"02:00:00:{n >> 16:02X}:{n >> 8 & 255:02X}:{n & 255:02X}" for n in range(terminals)]
        self._progress = [0.0] * terminals
        self._paces = {mac: TransferRate(10**9, 0.0, 0.0) for mac in self._macs}
        self._moving = moving
        self.seconds = 0
        self._course = RolloutHistory(1, 0, [])

    def open_targets(self) -> Iterable[tuple[int, str, str, float, str]]:
        """As the coordinator's."""
        for index, mac in enumerate(self._macs):
            yield 1, mac, "downloading" if index < self._moving else "waiting", self._progress[index], ""

    def transfer(self, rollout_id: int, mac: str) -> TransferRate | None:
        """As the observer's."""
        return self._paces[mac]

    async def history(self, rollout_id: int) -> RolloutHistory | None:
        """As the observer's."""
        return self._course

    def move(self) -> None:
        """A second passes."""
        for index in range(self._moving):
            self._progress[index] = (self._progress[index] + STEP) % 1.0
            self._paces[self._macs[index]].rate = self._random.uniform(1e6, 1e7)
        self.seconds += 1
        self._course.server_sent += 10**6
        if self.seconds % LOOK == 0:
            self._course.points[:] = [Point(EVENING + self.seconds, self.seconds % 977 * 10**6, 10**6)]

    def now(self, rollout_id: int) -> Throughput | None:
        """As the observer's."""
        return Throughput(5e8, 1e6, 3600.0, self._course)

    async def news(self) -> Sequence[News]:
        """What flows, and an entry of the audit log now and then, as the server's own sources tell them."""
        news: list[News] = []
        if self.seconds % LOOK == 0:
            news.append(("traffic", {"server_out": 10**6, "server_in": 0, "swarm": self.seconds}))
        if self.seconds % ENTRY == 0:
            entry = {"id": self.seconds, "time": STAMP, "kind": "server.started", "text": "", "who": "server"}
            news.append(("event", {**entry, "data": {"version": __version__}}))
        return news

    def answers(self) -> dict[bytes, Any]:
        """What is read, by its path below the API."""
        targets = list(self.open_targets())
        rows, views = [], []
        for index, (number, mac, state, progress, _) in enumerate(targets):
            ip = f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}"
            common = {"mac": mac, "ip": ip, "online": True, "state": state, "progress": progress, "reason": ""}
            image = {"template": UUID, "version": 1, "newest": 2, "running": None, "boot_disk": f"voi_1_{UUID}"}
            seen = {"client_type": 3, "online_since": STAMP, "first_seen": STAMP, "last_seen": STAMP}
            place = {"name": f"PC {index}", "room": index % ROOMS + 1, "rollout": number}
            rows.append({**common, **image, **seen, **place})
            fetch = {"rate": 0, "eta": None, "from_server": None, "attempts": 0, "next_try": None}
            views.append({**common, **fetch, "booted": None, "interruptions": 0})
        rooms = [
            {"id": n + 1, "name": f"Room {n + 1}", "subnets": [], "online": 250, "total": 250} for n in range(ROOMS)
        ]
        states = Counter(str(state) for _, _, state, _, _ in targets)
        rollout = {
            "id": 1,
            "counts": {str(state): states[state] for state in TargetState},
            "ran": 0,
            "again": False,
            "template": UUID,
            "template_name": "Classroom",
            "version": 2,
            "state": "running",
            "created": STAMP,
            "finished": None,
            "size": SIZE,
            "server_sent": self._course.server_sent,
            "copies": 0.0,
            "elapsed": self.seconds,
            "best": 600.0,
            "progress": 0.5,
            "rate": 5e8,
            "eta": 3600.0,
            "targets": views,
            "rates": self._course.points,
        }
        session = {"name": "admin", "role": "administrator", "kind": "account", "csrf": "x", "version": __version__}
        return {
            b"session": session,
            b"terminals": {"terminals": rows, "total": len(rows)},
            b"rooms": {"rooms": rooms, "unassigned": 0, "proposals": []},
            b"templates": {"templates": [{"uuid": UUID, "name": "Classroom", "version": 2, "state": "ready"}]},
            b"rollouts/1": rollout,
        }


class Counted:
    """Sources as one, which counts what it told."""

    def __init__(self, *sources: Source) -> None:
        self._sources = sources
        self.count = 0

    async def news(self) -> Sequence[News]:
        """What all have to tell."""
        news = [one for source in self._sources for one in await source.news()]
        self.count += len(news)
        return news


class Api(Resource):
    """What pages read, and the stream of the boot that it is."""

    isLeaf = True  # noqa: N815 - the name that Twisted asks for

    def __init__(self, night: Night) -> None:
        super().__init__()
        self._night = night
        self.clock = Clock()
        self.boot()

    def boot(self) -> None:
        """Begin anew, with nobody connected."""
        night = self._night
        news = ProgressNews(
            night.open_targets,
            cast("ThroughputRecorder", night),
            lambda _macs: None,
            lambda name: self.live.wanted(name),
        )
        hello = {"version": __version__, "boot": secrets.token_hex(8)}
        self.told = Counted(news, night)
        self.live = LiveStreams(clock=self.clock, access=LetIn(), hello=hello, sources=[self.told])

    def render_GET(self, request: Request) -> Any:
        """An answer, or the stream."""
        path = b"/".join(request.postpath or ())
        if path == b"v1/events/stream":
            rollout = request.args.get(b"rollout", [None])[0] if request.args else None
            query = StreamFilter(int(rollout) if rollout else None)
            stream = Deferred.fromCoroutine(StreamRoutes(self.live).stream(request, SOMEBODY, query))
            stream.addCallback(lambda _: self._end(request))
            return NOT_DONE_YET
        answer = self._night.answers().get(path.removeprefix(b"v1/"))
        if answer is None:
            request.setResponseCode(404)
            answer = {"error": {"code": "not_found", "message": path.decode()}}
        request.setHeader("content-type", "application/json")
        return json.dumps(answer).encode()

    def _end(self, request: Request) -> None:
        if request.channel is not None and not request.finished:
            request.finish()


class Root(Resource):
    """The API, and the console's files for everything else."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self._assets = AssetResource(console_assets())

    def getChild(self, path: bytes, request: Request) -> Resource:
        """Who answers."""
        if path == b"api":
            return self._api
        assert request.postpath is not None
        request.postpath.insert(0, path)
        return self._assets


class Orders(LineReceiver):
    """Carries out one order after the other; answers with how many messages each page was sent since the start."""

    delimiter = b"\n"

    def __init__(self, reactor: Any, night: Night, api: Api) -> None:
        self._reactor = reactor
        self._night = night
        self._api = api
        self._messages = 0

    def lineReceived(self, line: bytes) -> None:
        """An order."""
        order = json.loads(line)
        work = self._boot() if "boot" in order else self._pass(order["seconds"])
        Deferred.fromCoroutine(work).addCallbacks(self._tell, self._fail)

    def _tell(self, _: object) -> None:
        self.sendLine(json.dumps({"messages": self._messages, "second": self._night.seconds}).encode())

    def _fail(self, failure: Any) -> None:
        failure.printTraceback()
        self._reactor.stop()

    async def _until(self, condition: Any) -> None:
        while not condition():
            await deferLater(self._reactor, _PAUSE, lambda: None)

    async def _pass(self, seconds: int) -> None:
        for _ in range(seconds):
            live = self._api.live
            await self._until(lambda live=live: len(live) and not any(stream.paused for stream in live._streams))
            self._night.move()
            ticks, told = live._ticks, self._api.told.count
            self._api.clock.advance(1)
            await self._until(lambda live=live, ticks=ticks: live._ticks > ticks)
            self._messages += self._api.told.count - told

    async def _boot(self) -> None:
        gone = self._api.live
        self._api.boot()
        gone.close()
        # The first look of a boot is told to nobody.
        await self._until(lambda: len(self._api.live) and self._api.live._ticks)

    def connectionLost(self, reason: object = None) -> None:
        """Whoever gave orders has ended."""
        if self._reactor.running:
            self._reactor.stop()


def main(reactor: Any, terminals: int, moving: int) -> None:
    """Serve until killed."""
    night = Night(terminals, moving)
    api = Api(night)
    port = reactor.listenTCP(0, Site(Root(api)), interface=LOOPBACK)
    print(json.dumps({"port": port.getHost().port}), flush=True)
    StandardIO(Orders(reactor, night, api))
    reactor.run()


if __name__ == "__main__":
    main(installed, int(sys.argv[1]), int(sys.argv[2]))
