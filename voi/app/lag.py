"""How late the reactor comes: a timer that measures it, and a histogram that keeps what it measured.

Everybody waits for the reactor: a terminal for its answer, a peer for its addresses. What holds the reactor up is
seen here by all that should have happened meanwhile, not by one late timer: a standstill of a second counts a hundred
times, with what was left of it at each of the hundred moments.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voi.web.api.schemas.server import LagView

log = Logger()

INTERVAL: Final = 0.01
"""Seconds between two looks: a hundred a second, for a thousandth of a core."""

SMALLEST: Final = 0.00025
"""Seconds up to which lateness is not distinguished; the kernel's own timers are no better."""

STEPS: Final = 8
"""Buckets for each doubling: a bucket's upper bound is at most 9 % above what is in it."""

BUCKETS: Final = 16 * STEPS + 1
"""From SMALLEST to 16 seconds; the last one holds whatever is longer."""

MOST_MISSED: Final = 2000
"""Looks missed at a time that are counted: a laptop that slept is no lesson about the reactor."""

LATE_SECONDS: Final = 0.1
"""What a person at a page begins to notice."""

WINDOW_SECONDS: Final = 30.0
"""What is recent is between one and two of these old."""

NOTICEABLE_SECONDS: Final = 0.5
"""A standstill of so long is worth a line in the log."""

UPPER_BOUNDS: Final = tuple(SMALLEST * 2 ** (index / STEPS) for index in range(BUCKETS))
"""Seconds of lateness that each bucket reaches up to."""


def bucket(seconds: float) -> int:
    """The number of the bucket for so much lateness."""
    return min(bisect_left(UPPER_BOUNDS, seconds), BUCKETS - 1)


def quantile(counts: Sequence[int], part: float) -> float:
    """Seconds that `part` (0 to 1) of what is counted did not exceed: a bucket's upper bound; 0 for nothing."""
    wanted, seen = part * sum(counts), 0
    for bound, count in zip(UPPER_BOUNDS, counts, strict=True):
        seen += count
        if count and seen >= wanted:
            return bound
    return 0.0


class LagProbe:
    """Measures from `start` to `stop`; `now` is a monotonic clock.

    `counts` has one number for each of UPPER_BOUNDS, and never grows; `longest` is exact, and so is `total`, the
    lateness of all looks together. Seconds.
    """

    interval = INTERVAL
    upper_bounds = UPPER_BOUNDS

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = time.monotonic) -> None:
        self.counts = [0] * BUCKETS
        self.longest = self.total = 0.0
        self._looks, self._late = [0, 0], [0, 0]  # in the window before, and in this one
        self._window_ends = 0.0
        self._clock = clock
        self._now = now
        self._due = 0.0
        self._call: IDelayedCall | None = None

    def quantile(self, part: float) -> float:
        """Seconds that `part` (0 to 1) of all looks did not come later than."""
        return quantile(self.counts, part)

    @property
    def late_part(self) -> float:
        """Which part (0 to 1) of the recent looks came later than LATE_SECONDS; a start counts as in time."""
        return sum(self._late) / max(WINDOW_SECONDS / INTERVAL, sum(self._looks))

    def start(self) -> None:
        """Begin to look."""
        self._due = self._now() + INTERVAL
        self._call = self._clock.callLater(INTERVAL, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _look(self) -> None:
        now = self._now()
        late = max(0.0, now - self._due)
        self.longest = max(self.longest, late)
        if late >= NOTICEABLE_SECONDS:
            log.warn("the reactor stood still for {seconds:.1f} seconds", seconds=late)
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._looks, self._late = [self._looks[1], 0], [self._late[1], 0]
        tardy = 0
        for looks in range(1, MOST_MISSED + 1):
            behind = now - self._due
            self.counts[bucket(behind)] += 1
            self.total += max(0.0, behind)
            tardy += behind > LATE_SECONDS
            self._due += INTERVAL
            if self._due > now:
                self._looks[1] += looks
                self._late[1] += tardy
                break
        else:  # it slept
            self._due = now + INTERVAL
        self._call = self._clock.callLater(self._due - now, self._look)


def lag_view(probe: LagProbe) -> LagView:
    """What the API says of the lag since the server's start."""
    return LagView(
        interval=probe.interval,
        p50=probe.quantile(0.5),
        p99=probe.quantile(0.99),
        p999=probe.quantile(0.999),
        longest=probe.longest,
        upper_bounds=list(probe.upper_bounds),
        counts=list(probe.counts),
    )
