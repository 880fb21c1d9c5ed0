"""How rollouts go: how fast each terminal gets on, what the server sent of it, and when the end is to be expected.

Looked at every few seconds while anything is open; bounded by the terminals of open rollouts, and for each rollout by
so many points of its plot. All rates are bytes a second. What is between two looks is measured by a clock that never
jumps; the points of a plot have the time of day, in seconds since the epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from voi.domain.rollout_history import Point, RolloutHistory
from voi.domain.rollouts import TargetState
from voi.domain.task_progress import NEVER
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.seeding.interfaces import BitTorrentSession
from voi.store.interfaces.rollouts import RolloutHistories
from voi.tasks import in_turns, one_slice_a_turn

LOOK_SECONDS: Final = 2.0
"""How often it is looked: a plot that moves, and nothing that is felt with 5,000 terminals."""
SAVE_SECONDS: Final = 30.0
"""How often what is known is written down: so much of a plot a crash may cost."""
MOST_POINTS: Final = 600
"""Points of one plot; of a longer rollout two become one, again and again."""
SILENT_SECONDS: Final = 60.0
"""A terminal without a report of progress for so long has no rate: deployed ones report every 20 seconds."""
SILENT_REPORTS: Final = 3.0
"""Nor has one that has told it more often, once so many of its reports are missing: it stands still."""
LAST_LOOKS: Final = 2
"""How often it is looked after the end: what the seed says of itself is a second old."""
MOST_SERVED: Final = 20_000
"""Terminals and torrents between two looks: some for each connection that the server may have."""
AT_A_TURN: Final = 500
"""Targets that are looked at in one turn of the reactor: two milliseconds."""


@dataclass(slots=True)
class TransferRate:
    """How fast one terminal gets on, by how its bytes grew; `size` is what it fetches, `done` what it has of that."""

    size: int
    done: float
    moved: float
    rate: float = 0.0
    from_server: int | None = None
    """Bytes that the server sent it; None while nobody has measured any connection to it."""
    between: float = SILENT_SECONDS / SILENT_REPORTS
    """Seconds between its last two reports of progress."""
    noted: float | None = None
    """The part from the server as it is written down, by a server that ran before this one as well."""

    def update(self, size: int, done: float, now: float) -> None:
        """Take in what it has now. A terminal tells that now and then, so a rate is that of the time between."""
        if size != self.size or done < self.done:  # planned anew, or a check found less
            self.size, self.done, self.moved, self.rate = size, done, now, 0.0
        elif done > self.done:
            between = max(now - self.moved, LOOK_SECONDS / 2)
            latest = (done - self.done) / between
            # The first word tells what was there before as well: after a restart of the server, nearly all.
            if self.done:
                self.rate = (self.rate + latest) / 2 if self.rate else latest
                self.between = between
            elif self.noted is not None:
                self.from_server = (self.from_server or 0) + round(self.noted * done)
            self.done, self.moved = done, now
        elif now - self.moved > min(SILENT_SECONDS, max(SILENT_REPORTS * self.between, 2 * LOOK_SECONDS)):
            self.rate = 0.0

    def stop(self, *, done: bool = False) -> None:
        """It fetches nothing any more, because it is off, or has ended: all of it `done`, or not."""
        self.rate = 0.0
        if done:
            self.done = self.size

    @property
    def part_from_server(self) -> float | None:
        """How much of what it has the server sent, 0 to 1; None while it has nothing, or that was not measured."""
        return min(1.0, self.from_server / self.done) if self.done and self.from_server is not None else None

    @property
    def eta(self) -> float | None:
        """Seconds until it has all at this rate; None while it has no rate."""
        return (self.size - self.done) / self.rate if self.rate else None


class Throughput(NamedTuple):
    """How a rollout goes at the moment; `eta` is of its slowest terminal that gets on, None where nobody does."""

    rate: float
    server_rate: float
    eta: float | None
    history: RolloutHistory


@dataclass(slots=True)
class _Running:
    """A rollout with something open."""

    history: RolloutHistory
    transfers: dict[str, TransferRate] = field(default_factory=dict)
    server_rate: float = 0.0
    spacing: float = LOOK_SECONDS
    saved: float = NEVER
    torrents: set[bytes] = field(default_factory=set)
    """Those that its terminals fetch, or fetched last."""
    looks_left: int = LAST_LOOKS
    last_point: float = NEVER

    def news_of_sources(self) -> dict[str, float]:
        """The part from the server, of each terminal of which it is another than was written down."""
        news = {}
        for mac, transfer in self.transfers.items():
            part = transfer.part_from_server
            if part is not None and part != transfer.noted:
                news[mac] = transfer.noted = part
        return news

    def add_point(self, now: float, wall: float) -> None:
        points = self.history.points
        if now - self.last_point < self.spacing * 0.9:
            return
        self.last_point = now
        points.append(
            Point(
                round(wall, 1),
                round(sum(transfer.rate for transfer in self.transfers.values())),
                round(self.server_rate),
            )
        )
        if len(points) > MOST_POINTS:
            self.history.points[:] = [_between(a, b) for a, b in zip(points[::2], points[1::2], strict=False)]
            self.spacing *= 2


def _between(one: Point, other: Point) -> Point:
    return Point(other.time, (one.swarm + other.swarm) // 2, (one.server + other.server) // 2)


class ThroughputRecorder:
    """Watches the open targets; `online` are the MACs of the terminals that are."""

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        online: Container[str],
        seeding: BitTorrentSession,
        histories: RolloutHistories,
        clock: IReactorTime,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._open_targets = open_targets
        self._online = online
        self._seeding = seeding
        self._histories = histories
        self._clock = clock
        self._turns = one_slice_a_turn(clock)
        self._wall = wall
        self._running: dict[int, _Running] = {}
        self._sent: dict[bytes, int] = {}
        self._served: dict[tuple[bytes, str], int] = {}

    async def look(self) -> None:
        """Take in where everything stands; what has ended is written down and let go."""
        now = self._clock.seconds()
        open_now: set[int] = set()
        async for target in in_turns(self._open_targets, AT_A_TURN, self._turns):
            rollout_id, mac = target.key
            running = self._running.get(rollout_id) or await self._begin(rollout_id)
            if rollout_id not in open_now:
                open_now.add(rollout_id)
                running.torrents, running.looks_left = set(), LAST_LOOKS
            running.torrents.update(task.info_hash for task in target.tasks.values())
            _update_transfer(running.transfers, target, now)
            if mac not in self._online:
                running.transfers[mac].stop()
        await self._note_ended(now)
        self._note_served()
        self._note_server()
        for rollout_id, running in list(self._running.items()):
            if rollout_id not in open_now:
                running.looks_left -= 1
            running.add_point(now, self._wall())
            if not running.looks_left:
                del self._running[rollout_id]
            if not running.looks_left or now - running.saved >= SAVE_SECONDS:
                running.saved = now
                await self._histories.save(running.history, running.news_of_sources())

    async def _note_ended(self, now: float) -> None:
        """Take in what has ended since the last look, before it was looked at even once it may be."""
        ended, self._open_targets.ended = self._open_targets.ended, []
        for target in ended:
            rollout_id, mac = target.key
            running = self._running.get(rollout_id) or await self._begin(rollout_id)
            running.torrents.update(task.info_hash for task in target.tasks.values())
            if self._open_targets.get(target.key) is None:  # else it was begun anew meanwhile
                _update_transfer(running.transfers, target, now)
                running.transfers[mac].stop(done=target.target.state is TargetState.DONE)

    async def _begin(self, rollout_id: int) -> _Running:
        history = await self._histories.get(rollout_id) or RolloutHistory(rollout_id, 0, [])
        return self._running.setdefault(rollout_id, _Running(history))

    def _note_server(self) -> None:
        """What the server sent since the last look, shared evenly by the rollouts that fetch the same torrent."""
        sharers: dict[bytes, list[_Running]] = {}
        for running in self._running.values():
            running.server_rate = 0.0
            for info_hash in running.torrents:
                sharers.setdefault(info_hash, []).append(running)
        statuses = self._seeding.statuses()
        for info_hash, several in sharers.items():
            status = statuses.get(info_hash)
            if status is None:
                continue
            before = self._sent.get(info_hash, 0)
            for running in several:
                running.history.server_sent += max(0, status.uploaded - before) // len(several)
                running.server_rate += status.upload_rate / len(several)
        self._sent = {info_hash: status.uploaded for info_hash, status in statuses.items()}

    def served(self, info_hash: bytes, sent: Iterable[tuple[str, int]]) -> None:
        """What the server's peer has sent to terminals, by MAC, each in bytes since this was told last."""
        for mac, count in sent:
            if (info_hash, mac) in self._served or len(self._served) < MOST_SERVED:
                self._served[info_hash, mac] = self._served.get((info_hash, mac), 0) + count

    def _note_served(self) -> None:
        """Take in what was sent since the last look; a rollout may be over by then, or seen for the first time."""
        served, self._served = self._served, {}
        for (info_hash, mac), count in served.items():
            # By what is running here, not by what is open: the last bytes are reported when it is done.
            for running in self._running.values():
                if info_hash in running.torrents and (transfer := running.transfers.get(mac)) is not None:
                    transfer.from_server = (transfer.from_server or 0) + count

    def transfer(self, rollout_id: int, mac: str) -> TransferRate | None:
        """How one terminal gets on; None where nothing is known (any more)."""
        running = self._running.get(rollout_id)
        return running.transfers.get(mac) if running is not None else None

    def now(self, rollout_id: int) -> Throughput | None:
        """How a rollout goes; None for one that has ended."""
        running = self._running.get(rollout_id)
        if running is None:
            return None
        moving = [
            transfer for transfer in running.transfers.values() if transfer.rate
        ]  # of thousands few, and pages ask each second
        eta = max(((transfer.size - transfer.done) / transfer.rate for transfer in moving), default=None)
        return Throughput(sum(transfer.rate for transfer in moving), running.server_rate, eta, running.history)

    def history(self, rollout_id: int) -> Deferred[RolloutHistory | None]:
        """How a rollout went that has ended."""
        return self._histories.get(rollout_id)


def _update_transfer(transfers: dict[str, TransferRate], target: OpenTarget, now: float) -> None:
    mac = target.target.mac
    size = sum(task.size for task in target.tasks.values())
    if mac not in transfers:
        transfers[mac] = TransferRate(size, 0.0, now, noted=target.target.from_server)
    transfers[mac].update(size, size * target.fraction(), now)
