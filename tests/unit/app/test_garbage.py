"""Tests of voi.app.garbage."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voi.app.garbage import ALL, MIDDLE, YOUNG, settle


class FakeCollector:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def collect(self) -> int:
        self.told.append("collect")
        return 0

    def freeze(self) -> None:
        self.told.append("freeze")

    def set_threshold(self, threshold0: int, threshold1: int, threshold2: int, /) -> None:
        self.told.append((threshold0, threshold1, threshold2))


class SettleTests(SynchronousTestCase):
    """What Python is told."""

    def test_settle(self) -> None:
        """Garbage goes first, for what is frozen is never freed by a search; then searches become rare."""
        collector = FakeCollector()
        settle(collector)
        self.assertEqual(collector.told, ["collect", "freeze", (YOUNG, MIDDLE, ALL)])
