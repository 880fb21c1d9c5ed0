"""Tests of voi.rollouts: the coordinator on a real database, with a fleet, a seed and a tracker that only play."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from tests.unit.store.base import DISK, MAC, OTHER, TEMPLATE, StoreCase, level
from voi.domain import metainfo
from voi.domain.rollouts import RETRY_PAUSES, Rollout, Target
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.errors import Conflict, ConnectionEnded, NoAnswer, NotFound, TerminalOffline
from voi.names import DiskName
from voi.rollouts import driving
from voi.rollouts import sender as sender_module
from voi.rollouts import watch as watch_module
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.driving import GRACE_SECONDS
from voi.rollouts.sender import Sender
from voi.rollouts.watch import (
    HELP_SECONDS,
    MOST_HELPED,
    NOTHING_ARRIVES,
    SETTLE_SECONDS,
    STALL_SECONDS,
    STUCK_SECONDS,
)
from voi.store.commands import Command, Commands
from voi.store.directory import DataDirectory
from voi.wire import torrent_body
from voi.wire.messages import DownloadResult, Reply, TaskState, success
from voi.wire.torrent_body import TorrentBody

BASE, DIFF = DiskName(DISK, 0), DiskName(DISK, 1)
SIZE = 100_000


@dataclass
class FakeConnection:
    """Where a terminal reached us."""

    server_host: str = "10.0.0.254"


class FakeFleet:
    """Terminals that answer 1015 as they are told to."""

    def __init__(self) -> None:
        self.online: list[Callable[[str], None]] = []
        self.offline: list[Callable[[str], None]] = []
        self.there: set[str] = set()
        self.sent: list[tuple[str, TorrentBody]] = []
        self.answer: Callable[[], Deferred[Reply]] = lambda: succeed(success())

    def __contains__(self, mac: object) -> bool:
        return mac in self.there

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.there))

    def connection(self, mac: str) -> FakeConnection | None:
        """A connection for who is there."""
        return FakeConnection() if mac in self.there else None

    def send_torrent(self, mac: str, code: int, body: bytes, task_uuid: str) -> Deferred[Reply]:
        """Note a 1015 and answer it."""
        if mac not in self.there:
            return fail(TerminalOffline(f"terminal {mac} is offline"))
        self.sent.append((mac, torrent_body.parse(body)))
        return self.answer()

    def come(self, mac: str) -> None:
        """A terminal logs in."""
        self.there.add(mac)
        for listener in self.online:
            listener(mac)

    def go(self, mac: str) -> None:
        """A terminal goes away."""
        self.there.discard(mac)
        for listener in self.offline:
            listener(mac)

    def names(self, mac: str = MAC) -> list[str]:
        """What a terminal was sent."""
        return [f"voi_{body.level}_{body.disk_uuid}" for who, body in self.sent if who == mac]


@dataclass
class FakePeer:
    """A peer as tracker and seed know it."""

    terminal: str
    host: str = "10.0.0.1"
    port: int = 7000
    progress: float = 0.0
    total_up: int = 0


class FakeSwarm:
    """Tracker and seed in one."""

    def __init__(self) -> None:
        self.known: list[FakePeer] = []
        self.connected: list[tuple[bytes, str, int]] = []

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """As the seed: note it."""
        self.connected.append((info_hash, host, port))

    def peers(self, info_hash: bytes) -> list[FakePeer]:
        """As the tracker."""
        return self.known

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[Any, ...]]:
        """As the seed."""
        return succeed(tuple(self.known))


class FakeCommands:
    """Notes commands."""

    def __init__(self) -> None:
        self.sent: list[Command] = []

    def send(self, command: Command) -> None:
        """Note a command."""
        self.sent.append(command)


class CoordinatorCase(StoreCase):
    """A template with a base and a difference, and a coordinator."""

    async def prepare(self, *macs: str) -> None:
        """Publish, make the terminals' rows, and start."""
        self.directory = DataDirectory(self.path.absolute())
        self.directory.create()
        self.torrents = {}
        levels = []
        for number in (0, 1):
            name = DiskName(DISK, number)
            torrent = metainfo.build(name, SIZE, 65536, bytes([number]) * 40, None)
            info_hash = metainfo.parse(torrent).info_hash
            self.directory.torrent(info_hash).write_bytes(torrent)
            self.torrents[name] = info_hash
            plain = level(number, size=SIZE)
            levels.append(replace(plain, info_hash=info_hash))
        await self.publish(*levels)
        self.keys = {mac: await self.terminal(mac) for mac in macs or (MAC,)}
        self.now = 1_000_000.0
        self.served: list[tuple[str, int]] = []
        self.clock = Clock()
        self.fleet, self.swarm, self.commands = FakeFleet(), FakeSwarm(), FakeCommands()
        self.coordinator = self.build()

    def build(self) -> RolloutCoordinator:
        """A coordinator, as after a start."""
        self.fleet.online.clear()
        self.fleet.offline.clear()
        return RolloutCoordinator(
            rollouts=self.rollouts,
            templates=self.templates,
            terminals=self.terminals,
            fleet=self.fleet,
            sender=Sender(
                fleet=self.fleet,
                terminals=self.terminals,
                directory=self.directory,
                tracker_url=lambda host, key: f"http://{host}/{key}/announce",
                in_thread=lambda f, *args: succeed(f(*args)),
            ),
            commands=self.commands,
            seeder=self.swarm,
            tracker=self.swarm,
            clock=self.clock,
            served=lambda info_hash, sent: self.served.extend(sent),
            wall=lambda: self.now,
        )

    async def started(self) -> None:
        """A terminal that downloads."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()

    async def settle(self) -> None:
        """Wait until the coordinator has nothing under way: each pass goes through the store's threads."""
        for _ in range(12):
            await self.store.write(lambda _db: None)
            await self.store.read(lambda _db: None)

    async def rollout(self, number: int = 1) -> Rollout:
        """The rollout as it is on disk."""
        await self.settle()
        found = await self.rollouts.get(number)
        assert found is not None
        return found

    async def target(self, number: int = 1) -> Target:
        """The first target of a rollout."""
        return (await self.rollout(number)).targets[0]

    async def begin(self) -> None:
        """A rollout to everybody."""
        await self.coordinator.begin(TEMPLATE, None)
        await self.settle()

    def state(self, name: DiskName, progress: float, state: str = "downloading") -> TaskState:
        """A 9025."""
        return TaskState(torrent_name=str(name), progress=progress, state=state)


class SendingTests(CoordinatorCase):
    """Who is sent what, and when."""

    async def test_failure_is_not_forgotten(self) -> None:
        """Why the last try failed is told while a terminal is off, and again when it is back, until the next try."""
        await self.started()
        await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        self.fleet.go(MAC)
        off = str((await self.target()).reason)
        self.assertTrue(off.startswith("offline: tried again at its next login; the last try failed: "), off)
        self.assertIn("reports a failed download", off)
        self.fleet.go(MAC)
        self.assertEqual((await self.target()).reason, off)
        self.fleet.come(MAC)
        self.assertEqual((await self.target()).reason, f"{BASE}: the terminal reports a failed download")

    async def test_stuck(self) -> None:
        """A terminal that gets nothing for long says so, until something arrives."""
        await self.started()
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 10))
        self.now += STUCK_SECONDS
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).reason, NOTHING_ARRIVES)
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 11))
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).reason, "")

    async def test_taken_out(self) -> None:
        """A dead PC can be taken out: the rollout ends without it, who listens hears of it, and it is told to stop."""
        await self.prepare(MAC, OTHER)
        self.fleet.there.add(MAC)
        await self.begin()
        ended: list[Target] = []
        self.coordinator.ended.append(ended.append)
        self.assertEqual(await self.coordinator.cancel(1, [OTHER]), [OTHER])
        self.assertEqual([(target.mac, target.state) for target in ended], [(OTHER, "cancelled")])
        self.assertEqual((await self.rollout()).state, "running")
        with self.assertRaises(Conflict):
            await self.coordinator.cancel(1, [OTHER])
        for name in (BASE, DIFF):
            await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_tried_again_now(self) -> None:
        """A terminal that waits for its next try is sent it at once when somebody says so."""
        await self.started()
        await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        await self.settle()
        self.assertEqual(self.coordinator.watch.failing(), {1: 1})
        before = len(self.fleet.sent)
        self.assertEqual(await self.coordinator.retry(1), [MAC])
        await self.settle()
        self.assertEqual(self.coordinator.watch.failing(), {})
        self.assertGreater(len(self.fleet.sent), before)

    async def test_online(self) -> None:
        """An online terminal gets each level it lacks, the base first, with its own tracker URL inside."""
        await self.prepare()
        self.fleet.come(MAC)
        await self.begin()
        self.assertEqual(self.fleet.names(), [str(BASE), str(DIFF)])
        body = self.fleet.sent[0][1]
        self.assertEqual(metainfo.parse(body.torrent).announce, f"http://10.0.0.254/{self.keys[MAC]}/announce")
        self.assertEqual(metainfo.parse(body.torrent).info_hash, self.torrents[BASE])
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual((body.group_uuid, body.real_size, body.file_size), (template.group_uuid, 2048, 196))
        self.assertEqual((await self.target()).state, "downloading")

    async def test_offline(self) -> None:
        """An offline terminal waits, says so, and is sent its disks at its next login."""
        await self.prepare()
        await self.begin()
        target = await self.target()
        self.assertEqual((target.state, self.fleet.sent), ("waiting", []))
        self.assertIn("next login", target.reason)
        self.fleet.come(MAC)
        await self.settle()
        self.assertEqual(self.fleet.names(), [str(BASE), str(DIFF)])

    async def test_written_down_first(self) -> None:
        """When the first frame goes out, the target is on disk."""
        await self.prepare()
        self.fleet.there.add(MAC)
        seen: list[int] = []

        def answer() -> Deferred[Reply]:
            done = self.rollouts.open_work()
            done.addCallback(lambda work: seen.append(len(work)))
            return done.addCallback(lambda _: success())

        self.fleet.answer = answer
        await self.begin()
        self.assertEqual(seen[0], 1)

    async def test_a_dead_pc_holds_nobody_up(self) -> None:
        """While one terminal does not answer, the other is served."""
        await self.prepare(MAC, OTHER)
        self.fleet.there |= {MAC, OTHER}
        never: Deferred[Reply] = Deferred()
        answers = iter([never])
        self.fleet.answer = lambda: next(answers, None) or succeed(success())
        await self.begin()
        self.assertEqual(sorted(len(self.fleet.names(mac)) for mac in (MAC, OTHER)), [1, 2])
        never.errback(NoAnswer("no answer"))
        await self.settle()

    async def test_a_whole_site_takes_turns(self) -> None:
        """A rollout begins with some of its terminals, and the others follow in later turns of the reactor."""
        self.patch(driving, "AT_A_TURN", 1)
        await self.prepare(MAC, OTHER)
        self.fleet.there |= {MAC, OTHER}
        await self.begin()
        self.assertEqual(len({mac for mac, _ in self.fleet.sent}), 1)
        self.clock.advance(0)
        await self.settle()
        self.assertEqual({mac for mac, _ in self.fleet.sent}, {MAC, OTHER})

    async def test_looking_after_takes_turns(self) -> None:
        """Thousands of targets are looked after some at a time, and one that has ended meanwhile is left alone."""
        self.patch(watch_module, "LOOKED_AFTER_AT_A_TURN", 1)
        await self.prepare(MAC, OTHER)
        self.fleet.there |= {MAC, OTHER}
        await self.begin()
        self.now += STALL_SECONDS
        looking = Deferred.fromCoroutine(self.coordinator.watch.tick())
        await self.settle()
        self.assertNoResult(looking)
        await self.coordinator.cancel(1)
        self.clock.advance(0)
        await looking
        self.assertEqual([target.attempts for target in (await self.rollout()).targets], [1, 0])

    async def test_already_there(self) -> None:
        """A terminal that answers 10001 has the disk."""
        await self.prepare()
        self.fleet.there.add(MAC)
        self.fleet.answer = lambda: succeed(Reply(code=10001))
        await self.begin()
        self.assertEqual((await self.rollout()).state, "done")
        self.assertEqual([d.name for d in await self.terminals.disks(MAC)], [BASE, DIFF])

    async def test_automatic_update(self) -> None:
        """Where the group updates by itself, a report of less is enough; where not, nothing happens."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.coordinator.hearing.disks_reported(MAC, await self.templates.get(TEMPLATE))
        self.assertEqual(await self.rollouts.summaries(), ([], 0))
        await self.templates.change(TEMPLATE, name=None, auto_update=True)
        await self.coordinator.hearing.disks_reported(MAC, await self.templates.get(TEMPLATE))
        await self.settle()
        self.assertEqual(self.fleet.names(), [str(BASE), str(DIFF)])


class ProgressTests(CoordinatorCase):
    """What terminals, tracker and seed say."""

    async def test_done_by_result(self) -> None:
        """9015 with 1 for each level ends the target."""
        await self.started()
        for name in (BASE, DIFF):
            await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_done_by_state(self) -> None:
        """9025 with everything, finished or seeding, ends it too; 100 per cent of a download does not."""
        await self.started()
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 100, "downloading"))
        self.assertEqual((await self.target()).state, "downloading")
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 100, "finished"))
        await self.coordinator.hearing.task_state(MAC, self.state(DIFF, 100, "seeding"))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_done_by_tracker_and_seed(self) -> None:
        """A peer that lacks nothing is done, whoever sees it, once it has had time to write and to say so itself."""
        await self.started()
        self.coordinator.hearing.announced(MAC, self.torrents[BASE], 0)
        self.swarm.known = [FakePeer(MAC, progress=1.0)]
        await self.coordinator.watch.tick()
        self.now += SETTLE_SECONDS - 1
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).state, "downloading")
        self.now += 1
        await self.coordinator.watch.tick()
        self.assertEqual((await self.rollout()).state, "done")

    async def test_open_targets(self) -> None:
        """A terminal that was sent something downloads, and is told of as one that does."""
        await self.prepare(MAC, OTHER)
        self.fleet.there.add(MAC)
        await self.coordinator.begin(TEMPLATE, [MAC, OTHER])
        await self.settle()
        found = [(mac, state) for _, mac, state, *_ in self.coordinator.open_targets()]
        self.assertEqual(found, [(MAC, "downloading"), (OTHER, "waiting")])

    async def test_open_progress(self) -> None:
        """How far a rollout is counts what its open targets have, by bytes, and nothing of another rollout."""
        await self.started()
        self.assertEqual(self.coordinator.open_progress(1), 0.0)
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 50))
        expected = self.coordinator.progress(await self.target())
        self.assertGreater(expected, 0.0)
        self.assertEqual((self.coordinator.open_progress(1), self.coordinator.open_progress(2)), (expected, 0.0))

    async def test_served(self) -> None:
        """What the server's peer sent to whom is told on, by terminal."""
        await self.started()
        self.swarm.known = [FakePeer(MAC, total_up=7)]
        await self.coordinator.watch.tick()
        self.assertEqual(self.served, [(MAC, 7)] * 2)  # of the base's torrent and of the difference's

    async def test_concerned(self) -> None:
        """The terminals whose announces matter are those with an open rollout, seen by who looked before it began."""
        await self.prepare()
        terminals = self.coordinator.terminals
        self.assertNotIn(MAC, terminals)
        await self.begin()
        self.assertIn(MAC, terminals)

    async def test_whole_no_more(self) -> None:
        """A peer that was whole and lacks something again, after a check, is not done."""
        await self.started()
        self.coordinator.hearing.announced(MAC, self.torrents[BASE], 0)
        self.coordinator.hearing.announced(MAC, self.torrents[BASE], SIZE // 2)
        self.now += SETTLE_SECONDS
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).state, "downloading")

    async def test_progress_by_bytes(self) -> None:
        """The freshest word counts, whoever says it; the target's progress weighs its levels by bytes."""
        await self.started()
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 80))
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.4)
        self.coordinator.hearing.announced(MAC, self.torrents[BASE], SIZE // 2)
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.25)
        self.swarm.known = [FakePeer(MAC, progress=0.6)]
        await self.coordinator.watch.tick()
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.6)

    async def test_a_strange_title(self) -> None:
        """A title instead of a disk's name means the one task there is, with two it means nothing."""
        await self.started()
        titled = TaskState(torrent_name="Office_系统盘_0", progress=50, state="downloading")
        await self.coordinator.hearing.task_state(MAC, titled)
        self.assertEqual(self.coordinator.progress(await self.target()), 0.0)
        await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(BASE), result=1))
        await self.coordinator.hearing.task_state(MAC, titled)
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.75)

    async def test_reported_disks_end_tasks(self) -> None:
        """9011 that lists a level ends its task; one that lost a finished level gets it again."""
        await self.started()
        report = ReportedTemplate(TEMPLATE, "", 0, "")
        await self.terminals.report(MAC, report, [ReportedLevel(TEMPLATE, BASE)])
        await self.coordinator.hearing.disks_reported(MAC, await self.templates.get(TEMPLATE))
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.5)
        self.fleet.sent.clear()
        await self.terminals.report(MAC, report, [])
        await self.coordinator.hearing.disks_reported(MAC, await self.templates.get(TEMPLATE))
        await self.settle()
        self.assertEqual(self.fleet.names(), [str(BASE), str(DIFF)])

    async def test_a_result_that_nobody_waits_for(self) -> None:
        """A terminal that mended a published disk by itself has it again; other words of this kind mean nothing."""
        await self.prepare()
        for disk, result in ((str(BASE), 1), (str(DIFF), 2), (str(DiskName(DISK, 2)), 1), ("nonsense", 1)):
            await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=disk, result=result))
        (held,) = await self.terminals.disks(MAC)
        self.assertEqual((held.name, held.template_uuid, held.operate_id), (BASE, TEMPLATE, 0))

    async def test_a_check_is_no_progress(self) -> None:
        """A terminal that checks what it has after a restart does not fall back to nothing, nor stand still."""
        await self.started()
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 80))
        self.now += STALL_SECONDS - 1
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 3, "checking"))
        await self.coordinator.hearing.task_state(MAC, self.state(DIFF, 3, "checking"))
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.4)
        self.now += STALL_SECONDS - 1
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).state, "downloading")

    async def test_gone_meanwhile(self) -> None:
        """A terminal that goes away during its download: its target says so, until it is back."""
        await self.started()
        self.fleet.go(MAC)
        target = await self.target()
        self.assertEqual(target.state, "downloading")
        self.assertIn("offline", target.reason)
        self.fleet.come(MAC)
        self.assertEqual((await self.target()).reason, "")

    async def test_words_of_strangers(self) -> None:
        """A word about a disk that nobody sent changes nothing."""
        await self.started()
        await self.coordinator.hearing.task_state(OTHER, self.state(BASE, 100, "finished"))
        await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(DiskName(DISK, 2)), result=1))
        self.coordinator.hearing.announced(MAC, b"x" * 20, 0)
        self.assertEqual((await self.target()).state, "downloading")


class FailureTests(CoordinatorCase):
    """What goes wrong, and what comes after."""

    async def test_tried_again_five_times(self) -> None:
        """Each failure waits longer; after the fifth retry it is final and says why."""
        await self.prepare()
        self.fleet.there.add(MAC)
        self.fleet.answer = lambda: succeed(Reply(code=10002, msg="bad torrent"))
        self.torrents.pop(DIFF)
        await self.begin()
        for pause in RETRY_PAUSES:
            target = await self.target()
            self.assertEqual(target.state, "waiting")
            self.assertIn("10002", target.reason)
            sent = len(self.fleet.sent)
            self.now += pause - 1
            await self.coordinator.watch.tick()
            await self.settle()
            self.assertEqual(len(self.fleet.sent), sent, "not before its time")
            self.now += 3601
            await self.coordinator.watch.tick()
            await self.settle()
        target = await self.target()
        self.assertEqual(target.state, "failed")
        self.assertIn("bad torrent", target.reason)
        self.assertEqual((await self.rollout()).state, "failed")

    async def test_retried(self) -> None:
        """A terminal that failed tries again from the beginning when somebody asks for it, and only then."""
        await self.test_tried_again_five_times()
        self.fleet.sent.clear()
        self.fleet.answer = lambda: succeed(success())
        self.assertEqual(await self.coordinator.retry(1), [MAC])
        target = await self.target()
        self.assertEqual((target.state, target.attempts, target.reason), ("downloading", 0, ""))
        self.assertEqual(self.fleet.names(), [str(BASE), str(DIFF)])
        with self.assertRaises(Conflict):
            await self.coordinator.retry(1)

    async def test_not_retried(self) -> None:
        """Nothing is tried again that was cancelled, or that a newer rollout has taken over; nor an unknown rollout."""
        await self.test_tried_again_five_times()
        await self.begin()
        with self.assertRaises(Conflict):
            await self.coordinator.retry(1)
        await self.coordinator.cancel(2)
        with self.assertRaises(Conflict):
            await self.coordinator.retry(2)
        with self.assertRaises(NotFound):
            await self.coordinator.retry(9)

    async def test_a_lost_answer_is_no_failure(self) -> None:
        """A terminal that works at a disk, or has it, whose answer to 1015 got lost: nothing is sent again."""
        await self.prepare()
        self.fleet.there.add(MAC)
        answers = [Deferred[Reply](), Deferred[Reply]()]
        self.fleet.answer = iter(answers).__next__
        await self.begin()
        self.now += 1
        await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(BASE), result=1))
        answers[0].errback(NoAnswer("silence"))
        await self.settle()
        self.now += 1
        await self.coordinator.hearing.task_state(MAC, self.state(DIFF, 10))
        answers[1].errback(NoAnswer("silence"))
        target = await self.target()
        self.assertEqual((target.state, target.attempts, len(self.fleet.sent)), ("downloading", 0, 2))

    async def test_one_failure_counts_once(self) -> None:
        """9025 and 9015 about the same failure are one."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 0, "finished"))
        await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))

    async def test_a_late_word_about_a_failed_try(self) -> None:
        """What arrives after the failure does not take the next try's place."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 0, "finished"))
        self.coordinator.hearing.announced(MAC, self.torrents[BASE], SIZE // 2)
        self.assertEqual((await self.target()).state, "waiting")
        self.fleet.sent.clear()
        self.now += RETRY_PAUSES[0]
        await self.coordinator.watch.tick()
        await self.settle()
        self.assertEqual(self.fleet.names(), [str(BASE)])

    async def test_standstill(self) -> None:
        """An online terminal that gets nothing for minutes has failed this try; an offline one has not."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        self.now += STALL_SECONDS
        self.fleet.there.clear()
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).state, "downloading")
        self.fleet.come(MAC)
        await self.coordinator.watch.tick()
        self.assertEqual((await self.target()).state, "downloading", "its absence is no standstill")
        self.now += STALL_SECONDS
        await self.coordinator.watch.tick()
        target = await self.target()
        self.assertEqual(target.state, "waiting")
        self.assertIn("no progress", target.reason)

    async def test_help(self) -> None:
        """The server's own peer connects to a terminal that stands still, and to none that gets on or is off."""
        await self.started()
        self.swarm.known = [FakePeer(MAC), FakePeer(OTHER, "10.0.0.2")]
        self.now += HELP_SECONDS - 1
        await self.coordinator.watch.tick()
        self.assertEqual(self.swarm.connected, [])
        self.now += 1
        await self.coordinator.watch.tick()
        self.assertEqual({(host, port) for _, host, port in self.swarm.connected}, {("10.0.0.1", 7000)})
        self.swarm.known[0].progress = 0.5
        await self.coordinator.watch.tick()
        self.swarm.connected.clear()
        await self.coordinator.watch.tick()
        self.assertEqual(self.swarm.connected, [])

    async def test_help_is_bounded(self) -> None:
        """Where a whole site stands still, the server does not connect to all of it at once."""
        await self.started()
        self.swarm.known = [FakePeer(MAC, f"10.0.0.{number}") for number in range(1, 50)]
        self.now += HELP_SECONDS
        await self.coordinator.watch.tick()
        disks = {info_hash for info_hash, _, _ in self.swarm.connected}
        self.assertEqual(len(self.swarm.connected), MOST_HELPED * len(disks))

    async def test_connection_lost_while_sending(self) -> None:
        """That is nobody's failure: it waits for the next login."""
        await self.prepare()
        self.fleet.there.add(MAC)
        self.fleet.answer = lambda: fail(ConnectionEnded("gone"))
        await self.begin()
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 0))

    async def test_disk_after_disk(self) -> None:
        """A terminal that fetches one disk after the other stands still at none of them while one advances."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        for percent in range(1, 10):
            self.now += STALL_SECONDS - 1
            await self.coordinator.hearing.task_state(MAC, self.state(BASE, percent))
            await self.coordinator.hearing.task_state(MAC, self.state(DIFF, 0))
            await self.coordinator.watch.tick()
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("downloading", 0))

    async def test_after_a_reconnect_nothing_is_sent_twice(self) -> None:
        """A terminal that goes on downloading by itself is left alone; a silent one is sent its disks again."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        self.fleet.sent.clear()
        self.now += 1
        self.fleet.come(MAC)
        await self.settle()
        self.assertEqual(self.fleet.sent, [])
        self.now += 1
        await self.coordinator.hearing.task_state(MAC, self.state(BASE, 30))
        self.clock.advance(GRACE_SECONDS)
        await self.settle()
        self.assertEqual(self.fleet.names(), [str(DIFF)])


class EndTests(CoordinatorCase):
    """Restart and cancel."""

    async def test_restart(self) -> None:
        """After a restart open targets are taken up: who goes on is heard, who waits is sent."""
        await self.prepare(MAC, OTHER)
        self.fleet.there.add(MAC)
        await self.begin()
        self.fleet.there.clear()
        self.coordinator = self.build()
        await self.coordinator.recover()
        self.fleet.sent.clear()
        self.fleet.come(MAC)
        self.fleet.come(OTHER)
        await self.settle()
        self.assertEqual([mac for mac, _ in self.fleet.sent], [OTHER, OTHER])
        for mac in (MAC, OTHER):
            for name in (BASE, DIFF):
                await self.coordinator.hearing.download_result(mac, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_cancel(self) -> None:
        """Cancelled targets get nothing more, terminals at work are told to stop, and a restart remembers."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        await self.coordinator.cancel(1)
        (command,) = self.commands.sent
        found = (command.code, [x.mac for x in command.outcomes], len(command.body["tasks"]))
        self.assertEqual(found, (1025, [MAC], 2))
        waiting = await Commands(self.store).waiting_for(MAC)
        self.assertEqual([x.batch_no for x in waiting], [command.batch_no], "on disk with the cancel itself")
        self.fleet.sent.clear()
        self.coordinator = self.build()
        await self.coordinator.recover()
        self.fleet.come(MAC)
        await self.coordinator.watch.tick()
        rollout = await self.rollout()
        self.assertEqual((rollout.state, self.fleet.sent), ("cancelled", []))

    async def test_cancelled_while_waiting_for_its_turn(self) -> None:
        """A task that waited to be sent when its rollout was cancelled is not sent after that."""
        await self.prepare()
        self.fleet.there.add(MAC)
        answer: Deferred[Reply] = Deferred()
        self.fleet.answer = lambda: answer
        await self.begin()
        await self.coordinator.cancel(1)
        answer.callback(success())
        await self.settle()
        self.assertEqual(self.fleet.names(), [str(BASE)])
        self.assertEqual((await self.target()).state, "cancelled")

    async def test_cancelled_while_others_are_served(self) -> None:
        """Of two terminals one is served at a time here: the second is not, because the rollout ended before."""
        self.patch(sender_module, "AT_ONCE", 1)
        await self.prepare(MAC, OTHER)
        self.fleet.there |= {MAC, OTHER}
        answer: Deferred[Reply] = Deferred()
        self.fleet.answer = lambda: answer
        await self.begin()
        self.assertEqual(len(self.fleet.sent), 1)
        await self.coordinator.cancel(1)
        answer.callback(success())
        await self.settle()
        self.assertEqual(len(self.fleet.sent), 1)

    async def test_cancel_what_is_not_running(self) -> None:
        """An unknown rollout and one that has ended are refused."""
        await self.prepare()
        await self.assertFailure(Deferred.fromCoroutine(self.coordinator.cancel(7)), NotFound)
        self.fleet.there.add(MAC)
        self.fleet.answer = lambda: succeed(Reply(code=10001))
        await self.begin()
        await self.assertFailure(Deferred.fromCoroutine(self.coordinator.cancel(1)), Conflict)

    async def test_replaced(self) -> None:
        """A newer rollout takes over; words about the disk count for it."""
        await self.prepare()
        self.fleet.there.add(MAC)
        await self.begin()
        await self.begin()
        for name in (BASE, DIFF):
            await self.coordinator.hearing.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout(1)).targets[0].state, "cancelled")
        self.assertEqual((await self.rollout(2)).state, "done")
