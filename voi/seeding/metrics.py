"""Metrics of the server's BitTorrent session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric

from voi.metrics import PackageCollector, alone, by_name, counter, gauge
from voi.seeding.interfaces import BitTorrentSession

STATES: Final = ("checking", "downloading", "finished", "seeding", "other")
"""Of the server's own peer; what libtorrent may call a state besides is `other`."""


class SeedingMetrics(PackageCollector):
    """Bytes, and torrents by state; series of each torrent are in `voi.web.metrics.counted`."""

    def __init__(self, session: BitTorrentSession) -> None:
        self._session = session
        self._seen: list[Metric] = []

    def look(self) -> None:
        """What the session said last."""
        session = self._session
        directions = {"sent": session.sent, "received": session.received}
        found = Counter(x.state if x.state in STATES else "other" for x in session.statuses().values())
        self._seen = [
            counter(
                "voi_bittorrent_bytes",
                "Payload that the server sent and received.",
                by_name(directions),
                ["direction"],
            ),
            counter(
                "voi_bittorrent_wrong_pieces",
                "Pieces that the server received and that did not match their hash.",
                alone(session.failed_pieces),
            ),
            gauge(
                "voi_bittorrent_torrents",
                "Torrents of the server's own peer, by state.",
                by_name(dict.fromkeys(STATES, 0) | found),
                ["state"],
            ),
        ]

    def collect(self) -> Iterable[Metric]:
        """What was seen."""
        return self._seen
