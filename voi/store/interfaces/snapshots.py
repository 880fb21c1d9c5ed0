"""What is read in one go of many things: lists of thousands of terminals, and counts for metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from voi.domain.metric_counts import MetricCounts
from voi.domain.snapshots import TerminalSnapshot


class TerminalSnapshots(Protocol):
    """Reads all that lists of terminals show, as it was at one moment."""

    def read(self, macs: Sequence[str] | None = None) -> Deferred[TerminalSnapshot]:
        """Of all terminals, or of some; rooms and templates are all there in any case. Unknown MACs are passed over."""


class Statistics(Protocol):
    """Counts what there is of each kind, as it was at one moment."""

    def count(self, most_levels: int) -> Deferred[MetricCounts]:
        """Count; of the published levels, so many at most are named, newest first.

        However many terminals there are, it must not hold the reactor up: the database counts.
        """
