"""Tests of how rollouts go: rates, what the server sent, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.fakes import FakeSession, torrent_status
from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.rollout_history import Point, RolloutHistory
from voi.domain.rollouts import Target, TargetState, Task
from voi.names import DiskName
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.rollouts.throughput import (
    MOST_POINTS,
    SAVE_SECONDS,
    SILENT_SECONDS,
    STILL_SECONDS,
    Throughput,
    ThroughputRecorder,
    TransferRate,
)
from voi.store.rollout_history import SqlRolloutHistories

HASH = b"h" * 20
SIZE = 1000


class PaceTests(SynchronousTestCase):
    """One terminal's rate."""

    def test_rate(self) -> None:
        """A rate is what came since the last word, over the time since; later ones count as much as all before."""
        transfer = TransferRate(1000, 50.0, 5.0)
        transfer.update(1000, 100.0, 10.0)
        self.assertEqual((transfer.rate, transfer.eta), (10.0, 90.0))
        transfer.update(1000, 100.0, 15.0)
        self.assertEqual(transfer.rate, 10.0)
        transfer.update(1000, 400.0, 20.0)
        self.assertEqual((transfer.rate, transfer.eta), (20.0, 30.0))

    def test_silent(self) -> None:
        """Who is silent for long, for one that talks as often, has no rate, and no end is known."""
        for between, silent in ((20.0, SILENT_SECONDS), (3.0, 9.0), (1.0, 4.0)):
            transfer = TransferRate(1000, 50.0, 0.0)
            transfer.update(1000, 100.0, between)
            transfer.update(1000, 100.0, between + silent)
            self.assertGreater(transfer.rate, 0.0)
            transfer.update(1000, 100.0, between + silent + 0.1)
            self.assertEqual((transfer.rate, transfer.eta), (0.0, None))

    def test_first_word(self) -> None:
        """The first word tells what was there before too: there is no rate yet, and what was known of it holds."""
        transfer = TransferRate(1000, 0.0, 0.0, noted=0.5)
        transfer.update(1000, 900.0, 2.0)
        self.assertEqual((transfer.rate, transfer.eta, transfer.from_server), (0.0, None, 450))
        transfer.update(1000, 920.0, 4.0)
        self.assertEqual(transfer.rate, 10.0)

    def test_anew(self) -> None:
        """A check that finds less, or another plan, begins anew."""
        for size, done in ((1000, 50.0), (2000, 500.0)):
            transfer = TransferRate(1000, 60.0, 0.0)
            transfer.update(1000, 100.0, 10.0)
            transfer.update(size, done, 20.0)
            self.assertEqual((transfer.rate, transfer.done), (0.0, done))
            transfer.update(size, done + 10, 30.0)
            self.assertEqual(transfer.rate, 1.0)


class ObserverTests(StoreCase):
    """A rollout to two terminals, open and in the database."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        super().setUp()
        await self.publish(level())
        for mac in (MAC, OTHER):
            await self.terminal(mac)
        await self.rollouts.begin(TEMPLATE, None, 0.0)
        self.open_targets, self.seeding, self.histories = OpenTargets(), FakeSession(), SqlRolloutHistories(self.store)
        self.online = {MAC, OTHER}
        self.clock = Clock()
        self.recorder = ThroughputRecorder(
            open_targets=self.open_targets,
            online=self.online,
            seeding=self.seeding,
            histories=self.histories,
            clock=self.clock,
            wall=self.clock.seconds,
        )
        self.targets = [self.put(1, mac) for mac in (MAC, OTHER)]

    def put(self, rollout_id: int, mac: str) -> OpenTarget:
        """An open target with one task."""
        target = self.open_targets.put(Target(rollout_id, TEMPLATE, mac, TargetState.DOWNLOADING, "", 0, 0.0, 0.0))
        name = DiskName(DISK, 0)
        task = Task(f"{rollout_id}{mac}", rollout_id, mac, name, 0, HASH, SIZE, TargetState.DOWNLOADING, True, "")
        target.take(target.target, [task], 0.0)
        return target

    async def look(self, now: float) -> None:
        """It is looked then."""
        self.clock.advance(now - self.clock.seconds())
        await self.recorder.look()

    def update(self, target: OpenTarget, fraction: float, now: float) -> None:
        """A terminal is so far."""
        for progress in target.progress.values():
            progress.update(fraction, now)

    async def test_rates(self) -> None:
        """The rollout's rate is that of all its terminals, its end that of the slowest."""
        for target in self.targets:
            self.update(target, 0.1, 0.0)
        await self.look(0.0)
        self.update(self.targets[0], 0.6, 10.0)
        self.update(self.targets[1], 0.2, 10.0)
        await self.look(10.0)
        now = self.recorder.now(1)
        assert now is not None
        self.assertEqual((now.rate, now.eta), (60.0, 80.0))
        transfer = self.recorder.transfer(1, MAC)
        assert transfer is not None
        self.assertEqual((transfer.rate, transfer.eta), (50.0, 8.0))
        self.assertEqual(now.history.points[-1], Point(10.0, 60, 0))

    async def test_who_fetches_nothing_has_no_rate(self) -> None:
        """One that is done, has failed or is off counts neither in the rollout's rate nor in its end."""
        third = "AA:BB:CC:DD:EE:03"
        await self.terminal(third)
        self.online.add(third)
        self.targets.append(self.put(1, third))
        for fraction, now in ((0.1, 0.0), (0.2, 10.0)):
            for target in self.targets:
                self.update(target, fraction, now)
            await self.look(now)
        self.assertEqual(self.how().rate, 30.0)
        self.open_targets.settle(replace(self.targets[0].target, state=TargetState.DONE))
        self.online.discard(OTHER)
        await self.look(12.0)
        how = self.how()
        self.assertEqual((how.rate, how.eta, how.history.points[-1].swarm), (10.0, 80.0, 10))

    async def test_stands_still(self) -> None:
        """One that goes back and forth without a gain has no rate, and nothing says when it will be done."""
        for fraction, now in ((0.1, 0.0), (0.8, 10.0), (0.7, 20.0), (0.8, 30.0), (0.7, 40.0)):
            self.update(self.targets[0], fraction, now)
            await self.look(now)
        self.update(self.targets[0], 0.75, 10.0 + STILL_SECONDS + 1)
        await self.look(10.0 + STILL_SECONDS + 1)
        self.assertEqual((self.how().rate, self.how().eta), (0.0, None))

    def how(self) -> Throughput:
        """How the rollout goes."""
        now = self.recorder.now(1)
        assert now is not None
        return now

    async def test_server(self) -> None:
        """What the server sent counts from the look before; rollouts of the same torrent share it."""
        targets = [(1, MAC), (1, OTHER)]
        for key in targets:
            self.open_targets.drop(key)
        self.open_targets.ended.clear()
        self.seeding.states[HASH] = torrent_status(uploaded=5000, upload_rate=0)
        await self.look(-2.0)
        for rollout_id, mac in targets:
            self.put(rollout_id, mac)
        await self.look(0.0)
        self.seeding.states[HASH] = torrent_status(uploaded=5400, upload_rate=40)
        await self.look(10.0)
        now = self.recorder.now(1)
        assert now is not None
        self.assertEqual((now.history.server_sent, now.server_rate), (400, 40.0))
        await self.rollouts.begin(TEMPLATE, [MAC], 0.0)
        self.put(2, MAC)
        self.seeding.states[HASH] = torrent_status(uploaded=5600, upload_rate=40)
        await self.look(20.0)
        both = [self.recorder.now(number) for number in (1, 2)]
        self.assertEqual(
            [now and (now.history.server_sent, now.server_rate) for now in both], [(500, 20.0), (100, 20.0)]
        )

    async def test_over_at_once(self) -> None:
        """A rollout that begins and ends between two looks has its history all the same."""
        for target in self.targets:
            self.open_targets.drop(target.key)
        self.seeding.states[HASH] = torrent_status(uploaded=300, upload_rate=0)
        for now in (0.0, 2.0):
            await self.look(now)
        history = await self.histories.get(1)
        assert history is not None
        self.assertEqual((history.server_sent, self.recorder.now(1)), (300, None))

    async def test_from_the_server(self) -> None:
        """Of each terminal it is counted what the server sent it, also before it was looked at for the first time."""
        self.recorder.served(HASH, [(MAC, 100), (MAC, 50), ("unknown", 5)])
        await self.look(0.0)
        self.recorder.served(HASH, [(MAC, 20), ("unknown", 5)])
        await self.look(2.0)
        transfer = self.recorder.transfer(1, MAC)
        assert transfer is not None
        self.assertEqual(transfer.from_server, 170)

    async def test_measured_or_not_known(self) -> None:
        """Who was never seen connected to the server has no part from it; one that was, and got nothing, has 0."""
        for target in self.targets:
            self.update(target, 0.5, 0.0)
        await self.look(0.0)
        self.recorder.served(HASH, [(MAC, 0)])
        await self.look(2.0)
        found = [self.recorder.transfer(1, mac) for mac in (MAC, OTHER)]
        self.assertEqual([one and one.part_from_server for one in found], [0.0, None])
        await self.look(2.0 + SAVE_SECONDS)
        self.assertEqual(await self.sources(), {MAC: 0.0, OTHER: None})

    async def test_clock_on_the_wall(self) -> None:
        """A clock that is set changes no rate and stops no plot: its points have the time that people read."""
        self.recorder._wall = lambda: 1_000.0 - self.clock.seconds() * 86_400
        for step in range(4):
            self.update(self.targets[0], 0.1 + step / 10, step * 10.0)
            await self.look(step * 10.0)
        how = self.how()
        self.assertEqual((how.rate, len(how.history.points)), (10.0, 4))
        self.assertEqual(how.history.points[-1].time, 1_000.0 - 30 * 86_400)

    async def test_sources_are_kept(self) -> None:
        """How much of it the server sent is known when the rollout is over, and goes on after a restart."""
        await self.look(0.0)
        self.recorder.served(HASH, [(MAC, 250)])
        self.update(self.targets[0], 0.5, 2.0)
        await self.look(2.0)
        await self.look(2.0 + SAVE_SECONDS)
        self.assertEqual(await self.sources(), {MAC: 0.5, OTHER: None})
        again = OpenTargets()
        for work in await self.rollouts.open_work():
            again.put(work.target)
        self.open_targets, old = again, self.open_targets
        self.recorder = ThroughputRecorder(
            open_targets=again, online=self.online, seeding=self.seeding, histories=self.histories, clock=self.clock
        )
        old.ended.clear()
        self.targets = [self.again(again, mac) for mac in (MAC, OTHER)]
        self.update(self.targets[0], 0.5, 50.0)
        await self.look(50.0)
        self.recorder.served(HASH, [(MAC, 150)])
        for target in self.targets:
            again.settle(replace(target.target, state=TargetState.DONE))
        for now in (52.0, 54.0):
            await self.look(now)
        self.assertEqual(await self.sources(), {MAC: 0.4, OTHER: None})

    def again(self, open_targets: OpenTargets, mac: str) -> OpenTarget:
        """A target as it is after a restart, with its task."""
        target = open_targets.of_terminal(mac)[0]
        task = Task(f"1{mac}", 1, mac, DiskName(DISK, 0), 0, HASH, SIZE, TargetState.DOWNLOADING, True, "")
        target.take(target.target, [task], 50.0)
        return target

    async def sources(self) -> dict[str, float | None]:
        """What is written down, by MAC."""
        rollout = await self.rollouts.get(1)
        assert rollout is not None
        return {target.mac: target.from_server for target in rollout.targets}

    async def test_kept(self) -> None:
        """It is written down now and then, and at the end; after a restart it goes on from there."""
        self.seeding.states[HASH] = torrent_status(uploaded=0, upload_rate=0)
        await self.look(0.0)
        self.seeding.states[HASH] = torrent_status(uploaded=300, upload_rate=0)
        await self.look(SAVE_SECONDS)
        self.assertEqual((await self.histories.get(1) or RolloutHistory(0, 0, [])).server_sent, 300)
        self.recorder = again = ThroughputRecorder(
            open_targets=self.open_targets,
            online=self.online,
            seeding=self.seeding,
            histories=self.histories,
            clock=self.clock,
            wall=self.clock.seconds,
        )
        self.seeding.states[HASH] = torrent_status(uploaded=0, upload_rate=0)
        await self.look(SAVE_SECONDS + 10)
        self.seeding.states[HASH] = torrent_status(uploaded=100, upload_rate=0)
        for target in self.targets:
            self.open_targets.drop(target.key)
        await self.look(SAVE_SECONDS + 12)
        self.seeding.states[HASH] = torrent_status(uploaded=120, upload_rate=0)
        await self.look(SAVE_SECONDS + 14)
        self.assertIsNone(again.now(1))
        self.assertIsNone(again.transfer(1, MAC))
        history = await again.history(1)
        assert history is not None
        self.assertEqual(history.server_sent, 420, "what the seed tells of the end comes after it")
        self.assertEqual([point.time for point in history.points], [0.0, 30.0, 40.0, 42.0, 44.0])
        self.assertEqual(history.points[-1], Point(44.0, 0, 0))

    async def test_long_rollouts(self) -> None:
        """A plot has so many points at most, however long it takes, from its beginning to its end."""
        for step in range(MOST_POINTS * 3):
            await self.look(2.0 * step)
        now = self.recorder.now(1)
        assert now is not None
        points = now.history.points
        self.assertLessEqual(len(points), MOST_POINTS)
        self.assertGreater(len(points), MOST_POINTS // 3)
        self.assertLess(points[0].time, 20)
        self.assertGreater(points[-1].time, 2.0 * MOST_POINTS * 3 - 20)

    async def test_unknown(self) -> None:
        """A rollout that was pruned meanwhile is not written down, and does no harm."""
        await self.histories.save(RolloutHistory(99, 1, []))
        self.assertIsNone(await self.histories.get(99))
        self.assertIsNone(self.recorder.now(99))
