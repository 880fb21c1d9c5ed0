"""Tests of clocks that are set: waiting goes by one that never jumps, the time of day is for people alone."""

from __future__ import annotations

from tests.unit.rollouts.case import BASE, CoordinatorCase
from tests.unit.store.values import MAC
from voi.domain.rollouts import RETRY_PAUSES
from voi.rollouts.stalls import NOTHING_ARRIVES, STALL_SECONDS, STUCK_SECONDS
from voi.wire.messages import DownloadResult

DAY, YEAR = 86_400.0, 365 * 86_400.0


class SteppedClockTests(CoordinatorCase):
    """A day back, a day forward, two years forward: nobody loses a try, nothing stops."""

    async def tick(self) -> None:
        """What is done every few seconds."""
        await self.coordinator.stall_monitor.tick()
        await self.settle()

    async def test_downloads_go_on(self) -> None:
        """A step costs no running download a try, and says of none that nothing arrives."""
        for step in (DAY, -2 * DAY, 2 * YEAR):
            await self.started()
            self.step(step)
            await self.tick()
            target = await self.target()
            self.assertEqual((target.state, target.attempts, target.reason), ("downloading", 0, ""), step)
            self.tearDownStore()

    async def test_standstill_is_seen(self) -> None:
        """A standstill is said and failed in time, whatever the clock on the wall does meanwhile."""
        await self.started()
        self.now += STUCK_SECONDS / 2
        self.step(-DAY)
        self.now += STUCK_SECONDS / 2
        await self.tick()
        self.assertEqual((await self.target()).reason, NOTHING_ARRIVES)
        self.now += STALL_SECONDS - STUCK_SECONDS
        await self.tick()
        self.assertEqual((await self.target()).attempts, 1)

    async def test_next_try(self) -> None:
        """A pause lasts as long as it was said to, neither skipped nor made longer by a step."""
        for step in (-DAY, DAY):
            await self.started()
            await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
            await self.settle()
            self.registry.sent.clear()
            self.step(step)
            self.now += RETRY_PAUSES[0] - 1
            await self.tick()
            self.assertEqual(self.registry.sent, [], step)
            self.now += 1
            await self.tick()
            self.assertEqual(self.registry.names(MAC), [str(BASE)], step)
            self.tearDownStore()

    async def test_stored_in_the_far_future(self) -> None:
        """What was written down by a clock that was wrong waits no longer than the longest pause."""
        await self.started()
        self.step(2 * YEAR)
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=2))
        await self.settle()
        self.step(-2 * YEAR)
        self.registry.sent.clear()
        self.coordinator = self.build()
        await self.coordinator.recover()
        await self.tick()
        self.assertEqual(self.registry.sent, [])
        self.now += RETRY_PAUSES[-1]
        await self.tick()
        self.assertIn(str(BASE), self.registry.names(MAC))

    def tearDownStore(self) -> None:
        """Another server, from the beginning."""
        self.store.close()
        self.setUp()
