"""Tests of connections that break in the middle of downloads."""

from __future__ import annotations

from tests.unit.rollouts.case import BASE, LI, CoordinatorCase
from tests.unit.store.values import MAC
from voi.domain.rollouts import LEAST_GAIN, RETRY_PAUSES, SHOWN_INTERRUPTIONS
from voi.messages.reason import code_of


class InterruptionTests(CoordinatorCase):
    """A PC that crashes, and one that is switched off each evening."""

    async def crash(self, percent: float, *, noticed: bool = True) -> None:
        """It comes so far and crashes; sooner or later that is seen, and it is back."""
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, percent))
        if noticed:
            self.registry.go(MAC)
        await self.settle()
        self.registry.come(MAC)
        await self.settle()
        for state in (self.state(BASE, 1, "checking"), self.state(BASE, percent)):
            await self.coordinator.progress_receiver.task_state(MAC, state)
        await self.settle()

    async def next_try(self) -> None:
        """Wait for its next try, where it has to, and let it begin."""
        target = await self.target()
        if target.state == "waiting":
            self.now = max(self.now, target.next_try)
            await self.coordinator.stall_monitor.tick()
            await self.settle()

    async def test_crashes_in_each_download(self) -> None:
        """Fifteen crashes at the same place are counted, shown with a reason, and need attention."""
        await self.started()
        for _ in range(SHOWN_INTERRUPTIONS - 1):
            await self.crash(34)
        self.assertEqual(self.coordinator.stall_monitor.failing(), {})
        for number in range(SHOWN_INTERRUPTIONS - 1, 15):
            await self.crash(34)
            await self.next_try()
            if number == SHOWN_INTERRUPTIONS:
                self.assertIn("its connection broke", (await self.target()).reason)
        target = await self.target()
        self.assertEqual((target.state, target.interruptions, target.attempts), ("downloading", 15, 4))
        self.assertEqual(self.coordinator.stall_monitor.failing(), {1: 1})
        self.assertIn("its connection broke 14 times during this download, the last time at 17%", target.reason)

    async def test_given_up_in_the_end(self) -> None:
        """One that never gains anything has failed after its tries, with that reason."""
        await self.started()
        for _ in range((len(RETRY_PAUSES) + 1) * SHOWN_INTERRUPTIONS + 1):
            await self.crash(34)
            await self.next_try()
        target = await self.target()
        self.assertEqual(target.state, "failed")
        self.assertIn("its connection broke 18 times", target.reason)
        self.assertEqual(target.progress, 0.17)

    async def test_back_before_it_was_missed(self) -> None:
        """A PC that crashed and logs in again before its silence was noticed has crashed all the same."""
        await self.started()
        await self.crash(34, noticed=False)
        self.assertEqual((await self.target()).interruptions, 1)

    async def test_switched_off_each_evening(self) -> None:
        """An honest terminal that gets on each day is never given up, nor shown as one that breaks."""
        await self.started()
        for day in range(1, 40):
            await self.crash(day * LEAST_GAIN * 2 * 100)
            self.assertEqual(code_of((await self.target()).reason), "")
        target = await self.target()
        self.assertEqual((target.state, target.attempts, target.fruitless), ("downloading", 0, 0))
        self.assertEqual(target.interruptions, 39)

    async def test_gains_at_last(self) -> None:
        """Once it comes further than ever, that its connection broke is no obstacle any more."""
        await self.started()
        for _ in range(SHOWN_INTERRUPTIONS + 1):
            await self.crash(34)
        self.now += RETRY_PAUSES[0]
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 60))
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        target = await self.target()
        self.assertEqual((target.fruitless, target.reason), (0, ""))

    async def test_nothing_was_sent(self) -> None:
        """A connection that ends while nothing is fetched interrupts nothing."""
        await self.prepare()
        await self.begin()
        self.registry.there.add(MAC)
        self.registry.go(MAC)
        self.assertEqual((await self.target()).interruptions, 0)

    async def test_the_server_ends(self) -> None:
        """Connections that the server closes because it stops are nobody's interruption."""
        await self.started()
        self.coordinator.stop()
        self.registry.go(MAC)
        self.assertEqual((await self.target()).interruptions, 0)

    async def test_counted_across_restarts(self) -> None:
        """How often it broke is on disk."""
        await self.started()
        await self.crash(34)
        self.coordinator = self.build()
        await self.coordinator.recover()
        await self.crash(34)
        target = await self.target()
        self.assertEqual((target.interruptions, target.fruitless), (2, 1))

    async def test_retried(self) -> None:
        """Somebody has repaired it, and lets it try again: it begins anew."""
        await self.started()
        for _ in range(SHOWN_INTERRUPTIONS + 1):
            await self.crash(34)
        await self.coordinator.retry(LI, 1)
        target = await self.target()
        self.assertEqual((target.fruitless, target.attempts), (0, 0))
