"""The server's live news of terminals that only seem to move. A child of the `live` bench: it tells its port, and goes
on until it is killed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from random import Random
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.task import LoopingCall
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from voi.demo.stage import LOOPBACK
from voi.domain.accounts import Role
from voi.rollouts.course import Now, Pace
from voi.store.courses import Course
from voi.web.actor import Actor
from voi.web.live import Live
from voi.web.news import ProgressNews

SOMEBODY = Actor("token", "bench", Role.OPERATOR, LOOPBACK)
STEP = 0.0011  # of progress in a second: a little more than what is told


class School:
    """Terminals of one rollout; the first of them move."""

    def __init__(self, terminals: int, moving: int) -> None:
        self._random = Random(1)
        self._macs = [f"02:00:00:{n >> 16:02X}:{n >> 8 & 255:02X}:{n & 255:02X}" for n in range(terminals)]
        self._progress = [0.0] * terminals
        self._paces = {mac: Pace(10**9, 0.0, 0.0) for mac in self._macs}
        self._moving = moving

    def move(self) -> None:
        """A second passes."""
        for index in range(self._moving):
            self._progress[index] = (self._progress[index] + STEP) % 1.0
            self._paces[self._macs[index]].rate = self._random.uniform(1e6, 1e7)

    def open_targets(self) -> Iterable[tuple[int, str, str, float]]:
        """As the coordinator's."""
        for index, mac in enumerate(self._macs):
            yield 1, mac, "downloading" if index < self._moving else "waiting", self._progress[index]

    def pace(self, rollout_id: int, mac: str) -> Pace | None:
        """As the observer's."""
        return self._paces[mac]

    def now(self, rollout_id: int) -> Now | None:
        """As the observer's: nobody looks at the rollout itself."""
        return None

    async def course(self, rollout_id: int) -> Course | None:
        """As the observer's."""
        return None


class LetIn:
    """Everybody."""

    async def still(self, actor: Actor) -> bool:
        """As long as they like."""
        return True


class Streams(Resource):
    """Each request is a page."""

    isLeaf = True  # noqa: N815 - the name that Twisted asks for

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def render_GET(self, request: Request) -> int:
        """Listen."""
        self._live.open(request, SOMEBODY)
        return NOT_DONE_YET


def main(reactor: Any, terminals: int, moving: int) -> None:
    """Serve until killed."""
    site = School(terminals, moving)
    news = ProgressNews(site.open_targets, site, lambda _macs: None)
    live = Live(clock=reactor, access=LetIn(), hello={}, sources=[news])
    port = reactor.listenTCP(0, Site(Streams(live)), interface=LOOPBACK)
    LoopingCall(site.move).start(1.0)
    print(json.dumps({"port": port.getHost().port}), flush=True)
    reactor.run()


if __name__ == "__main__":
    main(installed, int(sys.argv[1]), int(sys.argv[2]))
