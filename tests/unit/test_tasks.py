"""Tests of voi.tasks."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, Cooperator
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from voi.tasks import in_turns, made_in_turns, one_slice_a_turn, spawn

log = Logger()


class SpawnTests(SynchronousTestCase):
    """Work that nobody waits for."""

    def test_done(self) -> None:
        """It begins at once, and what it gives is nobody's."""
        done: list[str] = []

        async def work() -> str:
            done.append("done")
            return "a result"

        self.assertIsNone(self.successResultOf(spawn(work(), log, "work")))
        self.assertEqual(done, ["done"])

    def test_failed(self) -> None:
        """A failure is in the log, with what was being done and the trace; nobody has to take it."""

        async def work() -> None:
            raise ValueError("a bug")

        self.assertIsNone(self.successResultOf(spawn(work(), log, "work for {mac}", mac="M")))
        (failure,) = self.flushLoggedErrors(ValueError)
        self.assertIn("a bug", str(failure))


class TurnTests(SynchronousTestCase):
    """Long work a part at a time."""

    def setUp(self) -> None:
        """Turns that come once a second, so that each can be looked at."""
        self.clock = Clock()
        self.turns = Cooperator(lambda: lambda: True, lambda work: self.clock.callLater(1, work))

    def test_others_have_their_turn(self) -> None:
        """So many items in one turn, and in the end all of them in order."""
        made: list[int] = []

        def make(number: int) -> int:
            made.append(number)
            return number * 2

        done = Deferred.fromCoroutine(made_in_turns(make, range(7), 3, self.turns))
        self.assertEqual(made, [0, 1, 2])
        self.assertNoResult(done)
        self.clock.advance(1)
        self.assertEqual(len(made), 6)
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.successResultOf(done), [number * 2 for number in range(7)])

    def test_turns_of_a_clock(self) -> None:
        """Turns come from the clock that is passed in, each in its own call."""
        turn = one_slice_a_turn(self.clock).coiterate(iter(()))
        self.assertNoResult(turn)
        self.clock.advance(0)
        self.successResultOf(turn)

    def test_a_fault_ends_it(self) -> None:
        """An error comes out where the work was asked for, and no later item is taken."""
        seen: list[int] = []

        async def work() -> None:
            async for number in in_turns(range(9), 2, self.turns):
                seen.append(number)
                if number == 2:
                    raise ValueError("a bug")

        done = Deferred.fromCoroutine(work())
        self.clock.pump([1, 1, 1])
        self.failureResultOf(done, ValueError)
        self.assertEqual(seen, [0, 1, 2])
