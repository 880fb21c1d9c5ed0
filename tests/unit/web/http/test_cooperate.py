"""Tests of voi.web.http.cooperate."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, Cooperator
from twisted.trial.unittest import SynchronousTestCase

from voi.web.http.cooperate import AT_A_TURN, in_parts


class SliceTests(SynchronousTestCase):
    """A list longer than a part."""

    def test_others_have_their_turn(self) -> None:
        """One part a turn, and in the end all of it in order."""
        clock = Clock()
        cooperator = Cooperator(lambda: lambda: True, lambda work: clock.callLater(1, work))
        made: list[int] = []

        def make(number: int) -> int:
            made.append(number)
            return number * 2

        done = Deferred.fromCoroutine(in_parts(make, range(2 * AT_A_TURN + 1), cooperator))
        clock.advance(1)
        self.assertEqual(len(made), AT_A_TURN)
        self.assertNoResult(done)
        clock.pump([1, 1, 1])
        self.assertEqual(self.successResultOf(done), [number * 2 for number in range(2 * AT_A_TURN + 1)])
