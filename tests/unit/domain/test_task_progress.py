"""Tests of voi.domain.task_progress: how far a terminal is, and what counts as an advance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.domain.task_progress import MOST_CHECKS, ProgressSource, TaskProgress, target_progress


class TaskProgressTests(SynchronousTestCase):
    """Reports, and what they say."""

    def test_progress(self) -> None:
        """Levels weigh by their bytes; nothing to do is everything done."""
        self.assertAlmostEqual(target_progress([(900, 0.5), (100, 1.0)]), 0.55)
        self.assertEqual(target_progress([]), 1.0)

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
