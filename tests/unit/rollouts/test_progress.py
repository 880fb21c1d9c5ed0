"""Tests of what each word about progress means."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from tests.unit.rollouts.case import BASE, DIFF, LI, SIZE, CoordinatorCase, FakePeer
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.names import DiskName
from voi.rollouts.stalls import (
    SETTLE_SECONDS,
    STALL_SECONDS,
)
from voi.wire.messages import DownloadResult, Reply, TaskState, success


class ProgressTests(CoordinatorCase):
    """What terminals, tracker and seed say."""

    async def test_done_by_result(self) -> None:
        """9015 with 1 for each level ends the target."""
        await self.started()
        for name in (BASE, DIFF):
            await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_done_by_state(self) -> None:
        """9025 with everything, finished or seeding, ends it too; 100 per cent of a download does not."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 100, "downloading"))
        self.assertEqual((await self.target()).state, "downloading")
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 100, "finished"))
        await self.coordinator.progress_receiver.task_state(MAC, self.state(DIFF, 100, "seeding"))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_done_by_tracker_and_seed(self) -> None:
        """A peer that lacks nothing is done, whoever sees it, once it has had time to write and to say so itself."""
        await self.started()
        self.coordinator.progress_receiver.announced(MAC, self.torrents[BASE], 0)
        self.swarm.known = [FakePeer(MAC, progress=1.0)]
        await self.coordinator.stall_monitor.tick()
        self.now += SETTLE_SECONDS - 1
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).state, "downloading")
        self.now += 1
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.rollout()).state, "done")

    async def test_sent_again(self) -> None:
        """Of what is sent again a report that the terminal has it ends nothing: that is what is doubted. Its result
        does.
        """
        await self.prepare()
        held = [ReportedLevel(TEMPLATE, name, 0, 0, name.level) for name in (BASE, DIFF)]
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), held)
        self.registry.there.add(MAC)
        await self.coordinator.start(LI, TEMPLATE, [MAC], again=True)
        await self.settle()
        self.assertEqual(len(self.registry.sent), 2)
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), held)
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        self.assertEqual((await self.target()).state, "downloading")
        for name in (BASE, DIFF):
            await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_sent_again_before_its_turn(self) -> None:
        """A terminal that still offers what it is to be sent again is seen whole, and says that it has it: that is
        what is doubted, so it is sent all of it, and nothing is settled before.
        """
        await self.prepare()
        answer: Deferred[Reply] = Deferred()
        self.registry.answer = lambda: answer
        self.registry.there.add(MAC)
        await self.coordinator.start(LI, TEMPLATE, [MAC], again=True)
        await self.settle()
        self.swarm.known = [FakePeer(MAC, progress=1.0)]
        for name in (BASE, DIFF):
            self.coordinator.progress_receiver.announced(MAC, self.torrents[name], 0)
        await self.coordinator.stall_monitor.tick()
        self.now += SETTLE_SECONDS
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertEqual((await self.target()).state, "waiting")
        for name in (BASE, DIFF):
            await self.coordinator.progress_receiver.task_state(MAC, self.state(name, 100, "seeding"))
        self.assertEqual((await self.target()).state, "waiting")
        self.registry.answer = lambda: succeed(success())
        answer.callback(success())
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])

    async def test_open_targets(self) -> None:
        """A terminal that was sent something downloads, and is told of as one that does."""
        await self.prepare(MAC, OTHER)
        self.registry.there.add(MAC)
        await self.coordinator.start(LI, TEMPLATE, [MAC, OTHER])
        await self.settle()
        found = [(mac, state) for _, mac, state, *_ in self.coordinator.open_targets()]
        self.assertEqual(found, [(MAC, "downloading"), (OTHER, "waiting")])

    async def test_open_progress(self) -> None:
        """How far a rollout is counts what its open targets have, by bytes, and nothing of another rollout."""
        await self.started()
        self.assertEqual(self.coordinator.open_progress(1), 0.0)
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 50))
        expected = self.coordinator.progress(await self.target())
        assert expected
        self.assertEqual((self.coordinator.open_progress(1), self.coordinator.open_progress(2)), (expected, 0.0))

    async def test_served(self) -> None:
        """What the server's peer sent to whom is told on, by terminal."""
        await self.started()
        self.swarm.known = [FakePeer(MAC)]
        self.coordinator.stall_monitor.sent(self.torrents[BASE], [("10.0.0.1", 50_123, 7), ("10.0.0.9", 7000, 5)])
        self.assertEqual(self.served, [(MAC, 7)])

    async def test_incoming(self) -> None:
        """How far a terminal is that connected to the server by itself, from any port, is seen too."""
        await self.started()
        self.swarm.known = [FakePeer(MAC)]
        self.swarm.connected_peers = [FakePeer("", port=50_123, progress=0.5)]
        await self.coordinator.stall_monitor.tick()
        self.assertEqual(self.coordinator.progress(await self.target()), 0.5)

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
        self.coordinator.progress_receiver.announced(MAC, self.torrents[BASE], 0)
        self.coordinator.progress_receiver.announced(MAC, self.torrents[BASE], SIZE // 2)
        self.now += SETTLE_SECONDS
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).state, "downloading")

    async def test_progress_by_bytes(self) -> None:
        """The freshest word counts, whoever says it; the target's progress weighs its levels by bytes."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 80))
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.4)
        self.coordinator.progress_receiver.announced(MAC, self.torrents[BASE], SIZE // 2)
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.25)
        self.swarm.known = [FakePeer(MAC, progress=0.6)]
        await self.coordinator.stall_monitor.tick()
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.6)

    async def test_a_strange_title(self) -> None:
        """A title instead of a disk's name means the one task there is, with two it means nothing."""
        await self.started()
        titled = TaskState(torrent_name="Office_系统盘_0", progress=50, state="downloading")
        await self.coordinator.progress_receiver.task_state(MAC, titled)
        self.assertEqual(self.coordinator.progress(await self.target()), 0.0)
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=1))
        await self.coordinator.progress_receiver.task_state(MAC, titled)
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.75)

    async def test_reported_disks_end_tasks(self) -> None:
        """9011 that lists a level ends its task; one that lost a finished level gets it again."""
        await self.started()
        report = ReportedTemplate(TEMPLATE, "", 0, "")
        await self.terminals.report(MAC, report, [ReportedLevel(TEMPLATE, BASE)])
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.5)
        self.registry.sent.clear()
        await self.terminals.report(MAC, report, [])
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE)], "the difference is on its way")

    async def test_a_result_that_nobody_waits_for(self) -> None:
        """A terminal that mended a published disk by itself has it again; other words of this kind mean nothing."""
        await self.prepare()
        for disk, result in ((str(BASE), 1), (str(DIFF), 2), (str(DiskName(DISK, 2)), 1), ("nonsense", 1)):
            await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=disk, result=result))
        (held,) = await self.terminals.disks(MAC)
        self.assertEqual((held.name, held.template_uuid, held.operate_id), (BASE, TEMPLATE, 0))

    async def test_a_check_is_no_progress(self) -> None:
        """A terminal that checks what it has after a restart does not fall back to nothing, nor stand still."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 80))
        self.now += STALL_SECONDS - 1
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 3, "checking"))
        await self.coordinator.progress_receiver.task_state(MAC, self.state(DIFF, 3, "checking"))
        self.assertAlmostEqual(self.coordinator.progress(await self.target()), 0.4)
        self.now += STALL_SECONDS - 1
        await self.coordinator.stall_monitor.tick()
        self.assertEqual((await self.target()).state, "downloading")

    async def test_gone_meanwhile(self) -> None:
        """A terminal that goes away during its download: its target says so, until it is back."""
        await self.started()
        self.registry.go(MAC)
        target = await self.target()
        self.assertEqual(target.state, "downloading")
        self.assertIn("offline", target.reason)
        self.registry.come(MAC)
        self.assertEqual((await self.target()).reason, "")

    async def test_words_of_strangers(self) -> None:
        """A word about a disk that nobody sent changes nothing."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(OTHER, self.state(BASE, 100, "finished"))
        await self.coordinator.progress_receiver.download_result(
            MAC, DownloadResult(disk=str(DiskName(DISK, 2)), result=1)
        )
        self.coordinator.progress_receiver.announced(MAC, b"x" * 20, 0)
        self.assertEqual((await self.target()).state, "downloading")
