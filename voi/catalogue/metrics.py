"""Metrics of the server's own copies of published levels."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric

from voi.catalogue.contents import ContentMonitor
from voi.domain.contents import ContentState
from voi.metrics import PackageCollector, alone, by_name, gauge


class ContentMetrics(PackageCollector):
    """How many copies are in which state."""

    def __init__(self, contents: ContentMonitor) -> None:
        self._contents = contents
        self._seen: list[Metric] = []

    def look(self) -> None:
        """What is known of them now."""
        counts = self._contents.counts()
        self._seen = [
            gauge(
                "voi_published_files",
                "The server's files of published levels, by state.",
                by_name({state.value: counts[state] for state in ContentState}),
                ["state"],
            ),
            gauge(
                "voi_published_files_offered",
                "Published levels that terminals can fetch from the server.",
                alone(self._contents.offered),
            ),
        ]

    def collect(self) -> Iterable[Metric]:
        """What was seen."""
        return self._seen
