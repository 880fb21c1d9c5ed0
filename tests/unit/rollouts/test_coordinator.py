"""Tests of how rollouts end, and of what is taken up after a restart."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from tests.unit.rollouts.case import BASE, DIFF, LI, CoordinatorCase
from tests.unit.store.values import MAC, OTHER
from voi.errors import Conflict, NotFound
from voi.rollouts import sender as sender_module
from voi.store.commands import SqlCommands
from voi.wire.messages import DownloadResult, Reply, success


class EndTests(CoordinatorCase):
    """Restart and cancel."""

    async def test_restart(self) -> None:
        """After a restart open targets are taken up: reports of those under way count, those that wait are sent."""
        await self.prepare(MAC, OTHER)
        self.registry.there.add(MAC)
        await self.begin()
        self.registry.there.clear()
        self.coordinator = self.build()
        await self.coordinator.recover()
        self.registry.sent.clear()
        self.registry.come(MAC)
        self.registry.come(OTHER)
        await self.settle()
        self.assertEqual([mac for mac, _ in self.registry.sent], [OTHER, OTHER])
        for mac in (MAC, OTHER):
            for name in (BASE, DIFF):
                await self.coordinator.progress_receiver.download_result(mac, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_cancel(self) -> None:
        """Cancelled targets get nothing more, terminals at work are told to stop, and a restart remembers."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        await self.coordinator.cancel(LI, 1)
        (command,) = self.commands
        found = (command.code, [x.mac for x in command.outcomes], len(command.body["tasks"]))
        self.assertEqual(found, (1025, [MAC], 2))
        waiting = await SqlCommands(self.store).waiting_for(MAC)
        self.assertEqual([x.batch_no for x in waiting], [command.batch_no], "on disk with the cancel itself")
        self.registry.sent.clear()
        self.coordinator = self.build()
        await self.coordinator.recover()
        self.registry.come(MAC)
        await self.coordinator.stall_monitor.tick()
        rollout = await self.rollout()
        self.assertEqual((rollout.state, self.registry.sent), ("cancelled", []))

    async def test_cancelled_while_waiting_for_its_turn(self) -> None:
        """A task that waited to be sent when its rollout was cancelled is not sent after that."""
        await self.prepare()
        self.registry.there.add(MAC)
        answer: Deferred[Reply] = Deferred()
        self.registry.answer = lambda: answer
        await self.begin()
        await self.coordinator.cancel(LI, 1)
        answer.callback(success())
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE)])
        self.assertEqual((await self.target()).state, "cancelled")

    async def test_cancelled_while_others_are_served(self) -> None:
        """Of two terminals one is served at a time here: the second is not, because the rollout ended before."""
        self.patch(sender_module, "AT_ONCE", 1)
        await self.prepare(MAC, OTHER)
        self.registry.there |= {MAC, OTHER}
        answer: Deferred[Reply] = Deferred()
        self.registry.answer = lambda: answer
        await self.begin()
        self.assertEqual(len(self.registry.sent), 1)
        await self.coordinator.cancel(LI, 1)
        answer.callback(success())
        await self.settle()
        self.assertEqual(len(self.registry.sent), 1)

    async def test_cancel_what_is_not_running(self) -> None:
        """An unknown rollout and one that has ended are refused."""
        await self.prepare()
        await self.assertFailure(Deferred.fromCoroutine(self.coordinator.cancel(LI, 7)), NotFound)
        self.registry.there.add(MAC)
        self.registry.answer = lambda: succeed(Reply(code=10001))
        await self.begin()
        await self.assertFailure(Deferred.fromCoroutine(self.coordinator.cancel(LI, 1)), Conflict)

    async def test_replaced(self) -> None:
        """A newer rollout takes over; words about the disk count for it."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        await self.begin()
        for name in (BASE, DIFF):
            await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(name), result=1))
        self.assertEqual((await self.rollout(1)).targets[0].state, "superseded")
        self.assertEqual((await self.rollout(2)).state, "done")


class CalledOffTests(CoordinatorCase):
    """How far it was when it was called off, and no further."""

    async def half(self) -> None:
        """One of two terminals has half of the base, the other is off and was sent nothing."""
        await self.prepare(MAC, OTHER)
        self.registry.there.add(MAC)
        await self.begin()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 50))

    async def progress(self, number: int = 1) -> float:
        """How far the rollout is, as a list shows it."""
        await self.settle()
        summary = await self.rollouts.summary(number)
        assert summary is not None
        return summary.progress(self.coordinator.open_progress(number))

    async def test_cancelled(self) -> None:
        """A cancelled rollout is as far as it was, not at its end."""
        await self.half()
        self.assertEqual(await self.progress(), 0.125)
        await self.coordinator.cancel(LI, 1)
        self.assertEqual(await self.progress(), 0.125)
        targets = (await self.rollout()).targets
        self.assertEqual([self.coordinator.progress(target) for target in targets], [0.25, 0.0])

    async def test_taken_over(self) -> None:
        """One that a later rollout took over is not done, and as far as it was."""
        await self.half()
        await self.begin()
        self.assertEqual((await self.rollout(1)).state, "superseded")
        self.assertEqual(await self.progress(), 0.125)
        self.assertEqual((await self.rollout(2)).state, "running")

    async def test_not_known(self) -> None:
        """After a restart nobody knows how far a terminal was of which nothing was heard since."""
        await self.half()
        self.registry.there.clear()
        self.coordinator = self.build()
        await self.coordinator.recover()
        await self.coordinator.cancel(LI, 1)
        targets = (await self.rollout()).targets
        self.assertEqual([self.coordinator.progress(target) for target in targets], [None, 0.0])
