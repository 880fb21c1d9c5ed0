"""Tests of voi.signals."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voi.signals import Signal


class SignalTests(SynchronousTestCase):
    """Who is told, and in which order."""

    def test_everybody_is_told_in_order(self) -> None:
        """Listeners are called with what is told, first those that were connected first."""
        told: list[tuple[str, str]] = []
        came: Signal[[str]] = Signal("a terminal came")
        came.connect(lambda mac: told.append(("first", mac)))
        came.connect(lambda mac: told.append(("second", mac)))
        came("M")
        self.assertEqual((told, len(came)), ([("first", "M"), ("second", "M")], 2))

    def test_a_listeners_fault(self) -> None:
        """One listener that fails does not keep the news from the next, nor from who tells; the log names the news."""
        told: list[str] = []
        came: Signal[[str]] = Signal("a terminal came")

        def broken(_mac: str) -> None:
            raise ValueError("a bug")

        came.connect(broken)
        came.connect(told.append)
        came("M")
        self.assertEqual(told, ["M"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
