"""Tests of voi.terminals.deadlines."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voi.terminals.deadlines import Deadlines


class DeadlineTests(SynchronousTestCase):
    """Ten seconds for everybody."""

    def setUp(self) -> None:
        """Those that are late are noted."""
        self.clock = Clock()
        self.late: list[str] = []
        self.deadlines: Deadlines[str] = Deadlines(self.clock, 10.0, self.late.append)

    def test_each_in_its_turn(self) -> None:
        """One timer, and everybody is late at their own time."""
        self.deadlines.begin("a")
        self.clock.advance(4)
        self.deadlines.begin("b")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(6)
        self.assertEqual(self.late, ["a"])
        self.clock.advance(4)
        self.assertEqual((self.late, len(self.deadlines)), (["a", "b"], 0))

    def test_in_time(self) -> None:
        """Who ends is not late, and no timer stays when nobody is waited for."""
        self.deadlines.begin("a")
        self.deadlines.end("a")
        self.deadlines.end("never began")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.deadlines.begin("b")
        self.clock.advance(10)
        self.assertEqual(self.late, ["b"])

    def test_beginning_twice(self) -> None:
        """The first beginning counts: who drips bytes gains no time."""
        self.deadlines.begin("a")
        self.clock.advance(9)
        self.deadlines.begin("a")
        self.clock.advance(1)
        self.assertEqual(self.late, ["a"])

    def test_oldest(self) -> None:
        """Who began first and has not ended."""
        for one in "abc":
            self.deadlines.begin(one)
        self.deadlines.end("a")
        self.assertEqual(self.deadlines.oldest, "b")
        self.deadlines.end("b")
        self.deadlines.end("c")
        self.assertIsNone(self.deadlines.oldest)
