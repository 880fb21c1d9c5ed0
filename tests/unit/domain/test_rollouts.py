"""Tests of voi.domain.rollouts: states, when to try again, the least time that one takes."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.rollout_demand import Demand, LinkRates
from voi.domain.rollouts import RETRY_PAUSES, SHOWN_INTERRUPTIONS, Target, TargetState, next_pause, rollout_state


class RolloutTests(SynchronousTestCase):
    """States, pauses and times."""

    def test_states(self) -> None:
        """Running while any target is open, failed if any failed, done if all are; cancelled stays cancelled."""
        waiting, done, failed = TargetState.WAITING, TargetState.DONE, TargetState.FAILED
        self.assertEqual(rollout_state(False, [done, waiting, failed]), "running")
        self.assertEqual(rollout_state(False, [done, failed]), "failed")
        self.assertEqual(rollout_state(False, [done, TargetState.CANCELLED]), "done")
        self.assertEqual(rollout_state(True, [waiting]), "cancelled")
        self.assertEqual(rollout_state(False, [TargetState.CANCELLED] * 2), "cancelled")

    def test_taken_over(self) -> None:
        """A rollout whose terminals a later one took over is neither done nor cancelled."""
        done, superseded, failed = TargetState.DONE, TargetState.SUPERSEDED, TargetState.FAILED
        self.assertEqual(rollout_state(False, [superseded] * 2), "superseded")
        self.assertEqual(rollout_state(False, [done, superseded, TargetState.CANCELLED]), "superseded")
        self.assertEqual(rollout_state(False, [superseded, TargetState.WAITING]), "running")
        self.assertEqual(rollout_state(False, [superseded, failed]), "failed")

    def test_pauses(self) -> None:
        """Five retries, each after a longer pause than the one before, and then none."""
        pauses = [next_pause(attempts) for attempts in range(1, 7)]
        self.assertEqual(pauses, [*RETRY_PAUSES, None])
        self.assertEqual(sorted(RETRY_PAUSES), list(RETRY_PAUSES))

    def test_least_time(self) -> None:
        """What takes longest sets it: the server's own part, the neediest terminal's, or that of all links together."""
        links = LinkRates(server=10, terminal=20)
        self.assertEqual(links.least_seconds(Demand(image=1000, most=1000, total=1000, terminals=1)), 100.0)
        self.assertEqual(links.least_seconds(Demand(image=100, most=1000, total=3000, terminals=100)), 50.0)
        self.assertEqual(LinkRates(10, 1000).least_seconds(Demand(10, 10, 10_100, 1)), 10.0)
        self.assertEqual(links.least_seconds(Demand(0, 0, 0, 0)), 0.0)

    def test_interrupted(self) -> None:
        """A terminal whose connection breaks again and again without a gain needs a look, as long as it is open."""
        target = Target(1, "t", "m", TargetState.DOWNLOADING, "", 0, 0.0, 1.0, interruptions=9, fruitless=2)
        self.assertFalse(target.has_failed)
        target = replace(target, fruitless=SHOWN_INTERRUPTIONS)
        self.assertTrue(target.has_failed)
        self.assertFalse(replace(target, state=TargetState.DONE).has_failed)
