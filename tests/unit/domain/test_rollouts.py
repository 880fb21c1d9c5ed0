"""Tests of voi.domain.rollouts: states, when to try again, how far it is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.values import DISK
from voi.domain.rollouts import (
    MOST_CHECKS,
    RETRY_PAUSES,
    SHOWN_INTERRUPTIONS,
    Demand,
    LinkRates,
    ProgressSource,
    Target,
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

    def test_up_and_down(self) -> None:
        """Two sources that round differently, or one that goes up and down, advance nothing; a new best does."""
        progress = TaskProgress()
        progress.update(0.943, 1.0, ProgressSource.TERMINAL)
        progress.update(0.944, 2.0, ProgressSource.SEED)
        for now in range(3, 300):
            progress.update(0.943 if now % 2 else 0.94, now, ProgressSource.TERMINAL)
            progress.update(0.944 if now % 3 else 0.943, now, ProgressSource.SEED)
        self.assertEqual(progress.advanced, 2.0)
        progress.update(0.9431, 300.0, ProgressSource.TERMINAL)
        self.assertEqual(progress.advanced, 300.0)

    @given(
        st.lists(
            st.tuples(st.sampled_from(ProgressSource), st.integers(0, 1000), st.integers(1, 30)),
            min_size=1,
            max_size=60,
        )
    )
    def test_gain(self, reports: list[tuple[ProgressSource, int, int]]) -> None:
        """Whatever is reported by whom, an advance is a word above all that the same source said before."""
        progress, now, advanced, best = TaskProgress(), 0.0, 0.0, dict.fromkeys(ProgressSource, 0)
        for source, thousandths, later in reports:
            now += later
            if thousandths > best[source]:
                best[source], advanced = thousandths, now
            progress.update(thousandths / 1000, now, source)
            self.assertEqual((progress.advanced, progress.fraction), (advanced, thousandths / 1000))
            self.assertEqual(progress.ever, max(best.values()) / 1000)

    def test_after_a_check(self) -> None:
        """A check starts a new measure: what it found is the best then, however far the terminal was before."""
        progress = TaskProgress()
        progress.update(0.9, 1.0)
        progress.update(0.9, 1.0, ProgressSource.TRACKER)
        progress.checks(5.0)
        progress.update(0.6, 6.0)
        self.assertEqual(progress.advanced, 6.0)
        progress.update(0.61, 20.0)
        self.assertEqual(progress.advanced, 20.0)

    def test_checks_without_end(self) -> None:
        """Who checks again and again what it has, and gains nothing, stands still."""
        progress = TaskProgress()
        for round_ in range(20):
            progress.checks(round_ * 10.0)
            progress.update(0.943, round_ * 10.0 + 5)
        self.assertEqual(progress.advanced, MOST_CHECKS * 10.0 + 5)
        progress.update(0.95, 500.0)
        progress.checks(600.0)
        self.assertEqual(progress.advanced, 600.0)

    def test_interrupted(self) -> None:
        """A terminal whose connection breaks again and again without a gain needs a look, as long as it is open."""
        target = Target(1, "t", "m", TargetState.DOWNLOADING, "", 0, 0.0, 1.0, interruptions=9, fruitless=2)
        self.assertFalse(target.has_failed)
        target = replace(target, fruitless=SHOWN_INTERRUPTIONS)
        self.assertTrue(target.has_failed)
        self.assertFalse(replace(target, state=TargetState.DONE).has_failed)
