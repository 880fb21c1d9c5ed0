"""Tests of voi.audit.clock."""

from __future__ import annotations

from unittest import mock

from twisted.internet.task import Clock

from tests.unit.audit.test_log import EventCase
from voi.audit.clock import SHOWN_SECONDS, ClockMonitor
from voi.clock import ClockWatch
from voi.errors import NotSaved
from voi.messages.reason import code_of

DAY = 86_400.0


class ClockMonitorTests(EventCase):
    """A clock that is set is noticed, written down, and shown."""

    def setUp(self) -> None:
        """A monitor."""
        super().setUp()
        self.clock = Clock()
        self.monitor = ClockMonitor(
            self.audit_log, self.clock, ClockWatch(lambda: self.now + self.clock.seconds(), self.clock.seconds)
        )

    async def test_not_set(self) -> None:
        """Time that passes is no news, nor is a clock that is adjusted gradually."""
        for _ in range(1000):
            self.clock.advance(5.0)
            self.now += 0.0025
            await self.monitor.look()
        self.assertEqual((await self.texts(), self.monitor.problem()), ([], ""))

    async def test_set(self) -> None:
        """A day forward, a day back, two years forward: each is in the audit log once, and shown for a day."""
        for step, code, words in (
            (DAY, "clock_forward", "set forward by 1 d 0 h"),
            (-DAY, "clock_back", "set back by 1 d 0 h"),
            (730 * DAY, "clock_forward", "set forward by 730 d 0 h"),
        ):
            before = len(await self.texts())
            self.now += step
            await self.monitor.look()
            await self.monitor.look()
            found = await self.texts()
            self.assertEqual(len(found), before + 1)
            self.assertIn(words, found[0])
            self.assertEqual(code_of(self.monitor.problem()), code)
        self.clock.advance(SHOWN_SECONDS)
        self.assertEqual(self.monitor.problem(), "")

    async def test_a_little(self) -> None:
        """Some seconds, as after the start of a machine, are written down and need no attention."""
        self.now += 20
        await self.monitor.look()
        self.assertEqual((len(await self.texts()), self.monitor.problem()), (1, ""))

    async def test_start(self) -> None:
        """A start finds a clock that is behind the last run; one that is ahead is time that passed."""
        await self.monitor.begin()
        self.now += DAY
        later = ClockMonitor(self.audit_log, self.clock)
        await later.begin()
        self.assertEqual(await self.texts(), [])
        self.now -= 3 * DAY
        await later.begin()
        (found,) = await self.texts()
        self.assertIn("set back by 3 d 0 h", found)

    async def test_start_that_cannot_write(self) -> None:
        """A database that takes nothing keeps no server from its start."""
        with mock.patch.object(self.events, "count_time", side_effect=NotSaved("full")):
            await self.monitor.begin()
        self.assertEqual((await self.texts(), self.monitor.problem()), ([], ""))
