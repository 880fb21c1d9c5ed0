"""Tests of voi.app.lag."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voi.app.lag import BUCKETS, INTERVAL, MOST_MISSED, SMALLEST, UPPER_BOUNDS, LagProbe, quantile


class QuantileTests(SynchronousTestCase):
    """What counts say."""

    def test_nothing(self) -> None:
        """Without a measurement there is no lateness."""
        self.assertEqual(quantile([0] * BUCKETS, 0.999), 0.0)

    def test_rare_ones(self) -> None:
        """One of a thousand is beyond p99.9, two are not."""
        counts = [0] * BUCKETS
        counts[0], counts[40] = 999, 1
        self.assertEqual(quantile(counts, 0.999), SMALLEST)
        counts[0], counts[40] = 998, 2
        self.assertEqual(quantile(counts, 0.999), UPPER_BOUNDS[40])

    def test_bounds_reach_far(self) -> None:
        """From a quarter of a millisecond to sixteen seconds, as the probe's description says."""
        self.assertEqual(UPPER_BOUNDS[0], 0.00025)
        self.assertAlmostEqual(UPPER_BOUNDS[-1], 16.384)


class ProbeTests(SynchronousTestCase):
    """A probe on a clock of the test's own."""

    def setUp(self) -> None:
        """It has begun."""
        self.clock, self.now = Clock(), 100.0
        self.probe = LagProbe(self.clock, lambda: self.now)
        self.probe.start()

    def look(self, late: float) -> None:
        """Its timer comes, that much too late."""
        (call,) = self.clock.getDelayedCalls()
        wait = call.getTime() - self.clock.seconds()
        self.now += wait + late
        self.clock.advance(wait)

    def test_in_time(self) -> None:
        """A reactor that is never late."""
        for _ in range(5):
            self.look(0.0)
        self.assertEqual((sum(self.probe.counts), self.probe.quantile(1.0)), (5, SMALLEST))

    def test_late_once(self) -> None:
        """The longest is exact, a quantile is the bound of its bucket; the schedule does not move."""
        self.look(0.004)
        self.assertAlmostEqual(self.probe.longest, 0.004)
        self.assertTrue(0.004 <= self.probe.quantile(1.0) < 0.0045)
        self.look(0.0)
        self.assertAlmostEqual(self.now, 100.0 + 2 * INTERVAL)

    def test_standstill(self) -> None:
        """It counts for every moment at which somebody might have waited for its end."""
        self.look(10.5 * INTERVAL)
        self.assertEqual(sum(self.probe.counts), 11)
        self.assertAlmostEqual(self.probe.longest, 10.5 * INTERVAL)
        self.assertTrue(5 * INTERVAL < self.probe.quantile(0.5) < 7 * INTERVAL, "on average half of it is left")

    def test_sleep(self) -> None:
        """A machine that slept for an hour does not count for an hour, and the looks go on."""
        self.look(3600.0)
        self.assertEqual(sum(self.probe.counts), MOST_MISSED)
        self.look(0.0)
        self.assertEqual(sum(self.probe.counts), MOST_MISSED + 1)

    def test_total(self) -> None:
        """The lateness of all looks, those that were missed too."""
        self.look(2.5 * INTERVAL)
        self.assertAlmostEqual(self.probe.total, (2.5 + 1.5 + 0.5) * INTERVAL)

    def test_late_part(self) -> None:
        """The recent looks that a person would notice; a start with few of them is no alarm, nor is a sleep."""
        self.look(0.2)
        self.assertAlmostEqual(self.probe.late_part, 11 / 3000, places=3)
        self.look(3600.0)
        self.assertLess(self.probe.late_part, 0.01)
        for _ in range(7000):
            self.look(0.0)
        self.assertEqual(self.probe.late_part, 0.0)

    def test_stop(self) -> None:
        """Nothing is left running."""
        self.probe.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
