"""Metrics of the tracker."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client.core import Metric

from voi.metrics import PackageCollector, alone, by_two, counter, gauge
from voi.tracker.tracker import Tracker

_LABELS = ("protocol", "outcome")


class TrackerMetrics(PackageCollector):
    """Announces, scrapes, swarms; `http_connections` tells how many are open at the port of tracker and console."""

    def __init__(self, tracker: Tracker, http_connections: Callable[[], int]) -> None:
        self._tracker = tracker
        self._http_connections = http_connections
        self._seen: list[Metric] = []

    def look(self) -> None:
        """Counts that the tracker keeps."""
        tracker = self._tracker
        announces = {"http": tracker.over_http.outcomes(), "udp": tracker.over_udp.outcomes()}
        scrapes = {"http": tracker.scrapes_over_http.outcomes(), "udp": tracker.scrapes_over_udp.outcomes()}
        self._seen = [
            counter("voi_tracker_announces", "Announces, by how they ended.", by_two(announces), _LABELS),
            counter("voi_tracker_scrapes", "Scrapes, by how they ended.", by_two(scrapes), _LABELS),
            gauge("voi_tracker_swarms", "Torrents that may be announced.", alone(tracker.swarm_count)),
            gauge("voi_tracker_peers", "Peers of terminals in all swarms.", alone(tracker.peer_count)),
            gauge("voi_http_connections", "Connections at the HTTP port.", alone(self._http_connections())),
        ]

    def collect(self) -> Iterable[Metric]:
        """What was seen."""
        return self._seen
