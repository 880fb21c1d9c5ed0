"""Tests of voi.web.api.recent."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.unit.fakes import FakeConnections
from voi.domain.snapshots import TerminalSnapshot
from voi.domain.terminal_status import VersionIndex
from voi.web.api.recent import RECENT_SECONDS, RecentRows


class FakeRosters:
    """Gives empty snapshots when the test lets it; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[Deferred[TerminalSnapshot]] = []

    def read(self) -> Deferred[TerminalSnapshot]:
        self.asked.append(Deferred())
        return self.asked[-1]

    def answer(self) -> None:
        """Answer the newest question."""
        self.asked[-1].callback(TerminalSnapshot((), {}, {}, (), VersionIndex((), {})))


class RecentTests(TestCase):
    """One reading for many who ask."""

    def setUp(self) -> None:
        """A clock that the test sets."""
        self.now, self.snapshots = 100.0, FakeRosters()
        self.recent = RecentRows(self.snapshots, FakeConnections(), lambda: self.now)  # type: ignore[arg-type]  # enough of one

    def ask(self) -> Deferred[object]:
        """Somebody asks."""
        return Deferred.fromCoroutine(self.recent.get())

    async def test_shared(self) -> None:
        """Who asks while it is read, or soon after, waits for no reading of their own."""
        first, second = self.ask(), self.ask()
        self.assertNoResult(second)
        self.snapshots.answer()
        await first
        await second
        self.now += RECENT_SECONDS / 2
        await self.ask()
        self.assertEqual(len(self.snapshots.asked), 1)

    async def test_old(self) -> None:
        """After a while it is read again."""
        first = self.ask()
        self.snapshots.answer()
        await first
        self.now += RECENT_SECONDS
        second = self.ask()
        self.assertNoResult(second)
        self.snapshots.answer()
        await second
        self.assertEqual(len(self.snapshots.asked), 2)

    async def test_changed(self) -> None:
        """Who changed something sees it, also where a reading had begun before."""
        first = self.ask()
        self.recent.changed()
        self.snapshots.answer()
        await first
        second = self.ask()
        self.assertNoResult(second)
        self.snapshots.answer()
        await second
        await self.ask()
        self.assertEqual(len(self.snapshots.asked), 2)

    async def test_failed(self) -> None:
        """A reading that fails is the failure of who asked, and the next one is tried."""
        first = self.ask()
        self.snapshots.asked[-1].errback(OSError("no disk"))
        await self.assertFailure(first, OSError)
        second = self.ask()
        self.snapshots.answer()
        await second
