"""Tests of when a target is done: needs the disk; a terminal's own bad news outweighs what others see."""

from __future__ import annotations

from typing import Any

from tests.unit.rollouts.case import BASE, DIFF, CoordinatorCase, FakePeer
from tests.unit.store.values import MAC, TEMPLATE
from voi.domain.rollouts import RETRY_PAUSES
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.names import DiskName
from voi.rollouts.stalls import SETTLE_SECONDS
from voi.wire.messages import DownloadResult, encode_reason


class DoneCase(CoordinatorCase):
    """A terminal that was sent both levels."""

    async def result(self, name: DiskName, result: int, **more: Any) -> None:
        """A 9015."""
        receiver = self.coordinator.progress_receiver
        await receiver.download_result(MAC, DownloadResult(disk=str(name), result=result, **more))
        await self.settle()

    async def seen_whole(self) -> None:
        """Tracker and seed see a peer that lacks nothing, for long enough."""
        self.coordinator.progress_receiver.announced(MAC, self.torrents[BASE], 0)
        self.coordinator.progress_receiver.announced(MAC, self.torrents[DIFF], 0)
        self.swarm.known = [FakePeer(MAC, progress=1.0)]
        await self.coordinator.stall_monitor.tick()
        self.now += SETTLE_SECONDS
        await self.coordinator.stall_monitor.tick()
        await self.settle()

    async def report(self, *names: DiskName) -> None:
        """A 9011."""
        levels = [ReportedLevel(TEMPLATE, name, operate_id=name.level) for name in names]
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), levels)
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        await self.settle()


class DoneTests(DoneCase):
    """Who says it, and who says the contrary."""

    async def test_sight_settles_the_silent_alone(self) -> None:
        """A terminal that reports results itself is done when it says so, whatever others see of it."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 100))
        await self.seen_whole()
        self.assertEqual((await self.target()).state, "downloading")
        await self.result(BASE, 1)
        await self.result(DIFF, 1)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_a_new_session_is_silent_again(self) -> None:
        """What it did in an earlier session says nothing of this one."""
        await self.started()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 100))
        self.registry.go(MAC)
        self.registry.come(MAC)
        await self.seen_whole()
        self.assertEqual((await self.rollout()).state, "done")

    async def test_could_not_write(self) -> None:
        """Seen whole and settled, and then it says 9015 with 2: it is not done, and tries again."""
        await self.started()
        await self.seen_whole()
        self.assertEqual((await self.rollout()).state, "done")
        await self.result(BASE, 2, reason=encode_reason("no space left"))
        target = await self.target()
        self.assertEqual((target.state, target.attempts, (await self.rollout()).state), ("waiting", 1, "running"))
        self.assertIn("the terminal reports that the download failed: no space left", target.reason)
        self.assertEqual([level.name for level in await self.terminals.disks(MAC)], [DIFF])
        self.registry.sent.clear()
        self.now += RETRY_PAUSES[0]
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE)])
        await self.result(BASE, 1)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_finished_with_nothing(self) -> None:
        """9025 finished with 0 after the end is the same news, and told twice it counts once."""
        await self.started()
        await self.seen_whole()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 0, "finished"))
        await self.result(BASE, 2)
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))

    async def test_reported_without_it(self) -> None:
        """A 9011 of the same session without what it was done with: it is not done, and the reason says it."""
        await self.started()
        await self.result(BASE, 1)
        await self.result(DIFF, 1)
        await self.report(DIFF)
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))
        self.assertIn("reports now that it does not", target.reason)

    async def test_believed_and_lost(self) -> None:
        """A target that was done because its terminal had said before that it has all of it: when it says a moment
        later that it has not, the rollout is not done, and it is sent what is gone.
        """
        await self.prepare()
        self.registry.there.add(MAC)
        await self.report(BASE, DIFF)
        await self.begin()
        self.assertEqual(((await self.rollout()).state, self.registry.sent), ("done", []))
        await self.report(BASE)
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))
        self.assertIn("reports now that it does not", target.reason)
        self.now += RETRY_PAUSES[0]
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(DIFF)])
        await self.result(DIFF, 1)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_believed_and_lost_for_ever(self) -> None:
        """One that says by turns that it has it, and that it has not, ends as failed after its tries."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.report(BASE, DIFF)
        await self.begin()
        for _ in range(len(RETRY_PAUSES) + 1):
            await self.report()
            await self.report(BASE, DIFF)
            self.now += RETRY_PAUSES[-1]
            await self.coordinator.stall_monitor.tick()
            await self.settle()
        self.assertEqual((await self.target()).state, "failed")

    async def test_given_up_in_the_end(self) -> None:
        """One that says it is done, and then that it is not, again and again, has failed after its tries."""
        await self.started()
        for _ in range(len(RETRY_PAUSES) + 1):
            await self.result(BASE, 1)
            await self.result(DIFF, 1)
            self.assertEqual((await self.rollout()).state, "done")
            await self.result(DIFF, 2)
            self.now += RETRY_PAUSES[-1]
            await self.coordinator.stall_monitor.tick()
            await self.settle()
        self.assertEqual((await self.target()).state, "failed")

    async def test_bad_news_of_an_open_target(self) -> None:
        """One of two levels was done, and is not: it is sent again with the next try."""
        await self.started()
        await self.result(BASE, 1)
        await self.result(BASE, 2)
        target = await self.target()
        self.assertEqual((target.state, target.attempts), ("waiting", 1))
        self.assertLess(self.coordinator.progress(target) or 0.0, 0.5)
        self.registry.sent.clear()
        self.now += RETRY_PAUSES[0]
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertIn(str(BASE), self.registry.names(MAC))

    async def test_another_session(self) -> None:
        """What is said in a later session is news of then: the rollout that ended stays what it was."""
        await self.started()
        await self.seen_whole()
        self.registry.go(MAC)
        self.registry.come(MAC)
        await self.result(BASE, 2)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_a_newer_rollout(self) -> None:
        """Where a newer rollout has taken the terminal over, that one is opened again, and not the older one."""
        await self.started()
        await self.seen_whole()
        await self.begin()
        await self.result(BASE, 2)
        self.assertEqual((await self.rollout(1)).state, "done")
        self.assertEqual((await self.rollout(2)).state, "running")

    async def test_ran(self) -> None:
        """Done is one thing, to run it another: seen in a later session by its name, or at once by its hash."""
        await self.started()
        await self.result(BASE, 1)
        await self.result(DIFF, 1)
        await self.terminals.set_boot_disk(MAC, str(DIFF), None, 5.0)
        self.assertIsNone((await self.target()).booted, "it started before it had it")
        await self.terminals.set_boot_disk(MAC, str(DIFF), b"x" * 20, 6.0)
        self.assertIsNone((await self.target()).booted, "another content of that name")
        await self.terminals.touch(MAC, "10.0.0.1", 1, 7.0)
        await self.terminals.set_boot_disk(MAC, str(BASE), None, 8.0)
        self.assertIsNone((await self.target()).booted, "without the difference")
        await self.terminals.set_boot_disk(MAC, str(DIFF), None, 9.0)
        self.assertEqual((await self.target()).booted, 9.0)
        summary = await self.rollouts.summary(1)
        assert summary is not None
        self.assertEqual(summary.ran, 1)

    async def test_ran_by_hash(self) -> None:
        """With the hash of what it started from the proof needs no other session."""
        await self.started()
        await self.result(BASE, 1)
        await self.result(DIFF, 1)
        await self.terminals.set_boot_disk(MAC, str(DIFF), self.torrents[DIFF], 5.0)
        self.assertEqual((await self.target()).booted, 5.0)
