"""Tests of voi.domain.allowance."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voi.domain import allowance
from voi.domain.allowance import Allowance


class AllowanceTests(SynchronousTestCase):
    """So many times, and more as time goes by."""

    def setUp(self) -> None:
        """Three times, and once more every ten seconds."""
        self.clock = Clock()
        self.allowance = Allowance(self.clock.seconds, most=3, per=10.0)

    def test_bounded(self) -> None:
        """What is refused uses nothing up; each key has its own."""
        self.assertEqual([self.allowance.take("a") for _ in range(5)], [True] * 3 + [False] * 2)
        self.assertTrue(self.allowance.take("b"))
        self.clock.advance(10)
        self.assertEqual([self.allowance.take("a") for _ in range(2)], [True, False])

    def test_never_more_than_at_first(self) -> None:
        """A long silence gives no more than that."""
        self.allowance.take("a")
        self.clock.advance(1_000_000)
        self.assertEqual([self.allowance.take("a") for _ in range(4)], [True] * 3 + [False])

    def test_few_are_remembered(self) -> None:
        """The one that was quiet longest is forgotten."""
        self.patch(allowance, "MOST_KEYS", 2)
        for key in ("a", "a", "a", "b", "c"):
            self.allowance.take(key)
        self.assertEqual(len(self.allowance._used), 2)
        self.assertFalse("a" in self.allowance._used)
