"""Tests of voi.domain.rollouts: states, when to try again, how far it is."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.values import DISK
from voi.domain.rollouts import (
    RETRY_PAUSES,
    Demand,
    LinkRates,
    TargetState,
    TaskProgress,
    next_pause,
    rollout_state,
    target_progress,
)
from voi.names import DiskName

BASE, DIFF, SECOND, THIRD = (DiskName(DISK, number) for number in range(4))


class RolloutTests(SynchronousTestCase):
    """States, pauses and progress."""

    def test_states(self) -> None:
        """Running while any target is open, failed if any failed, done if all are; cancelled stays cancelled."""
        waiting, done, failed = TargetState.WAITING, TargetState.DONE, TargetState.FAILED
        self.assertEqual(rollout_state(False, [done, waiting, failed]), "running")
        self.assertEqual(rollout_state(False, [done, failed]), "failed")
        self.assertEqual(rollout_state(False, [done, TargetState.CANCELLED]), "done")
        self.assertEqual(rollout_state(True, [waiting]), "cancelled")
        self.assertEqual(rollout_state(False, [TargetState.CANCELLED] * 2), "cancelled")

    def test_pauses(self) -> None:
        """Five retries, each after a longer pause than the one before, and then none."""
        pauses = [next_pause(attempts) for attempts in range(1, 7)]
        self.assertEqual(pauses, [*RETRY_PAUSES, None])
        self.assertEqual(sorted(RETRY_PAUSES), list(RETRY_PAUSES))

    def test_progress(self) -> None:
        """Levels weigh by their bytes; nothing to do is everything done."""
        self.assertAlmostEqual(target_progress([(900, 0.5), (100, 1.0)]), 0.55)
        self.assertEqual(target_progress([]), 1.0)

    def test_least_time(self) -> None:
        """What takes longest sets it: the server's own part, the neediest terminal's, or that of all links together."""
        links = LinkRates(server=10, terminal=20)
        self.assertEqual(links.least_seconds(Demand(image=1000, most=1000, total=1000, terminals=1)), 100.0)
        self.assertEqual(links.least_seconds(Demand(image=100, most=1000, total=3000, terminals=100)), 50.0)
        self.assertEqual(LinkRates(10, 1000).least_seconds(Demand(10, 10, 10_100, 1)), 10.0)
        self.assertEqual(links.least_seconds(Demand(0, 0, 0, 0)), 0.0)

    def test_advance(self) -> None:
        """A report without news counts as a sign of life, and is no advance."""
        progress = TaskProgress()
        progress.update(0.5, 1.0)
        progress.update(0.5, 9.0)
        self.assertEqual((progress.updated, progress.advanced), (9.0, 1.0))
