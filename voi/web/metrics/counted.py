"""Metrics that the database counts: terminals, rollouts, uploads, and published torrents with what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final, Protocol

from prometheus_client.core import Metric

from voi.domain.metric_counts import MetricCounts
from voi.metrics import PackageCollector, Rows, alone, by_name, counter, gauge
from voi.seeding.interfaces import TorrentStatus

MOST_TORRENTS: Final = 500
"""Published levels that have series of their own, the newest: seven series each. Sites have some dozens."""


class SwarmCounts(Protocol):
    """How many terminals are in a swarm."""

    @property
    def seeds(self) -> int:
        """That have all of it."""

    @property
    def leeches(self) -> int:
        """That do not."""


class CountedMetrics(PackageCollector):
    """`counts` is what the database said last, None where it did not; set before each look.

    :param online: MACs of terminals that are logged in.
    :param statuses: where the server's own peer stands, by info-hash.
    :param swarm: how many terminals are in a swarm.
    """

    def __init__(
        self,
        online: Container[object],
        statuses: Callable[[], Mapping[bytes, TorrentStatus]],
        swarm: Callable[[bytes], SwarmCounts],
    ) -> None:
        self.counts: MetricCounts | None = None
        self._online = online
        self._statuses = statuses
        self._swarm = swarm
        self._terminals: dict[str, int] = {}
        self._torrents: list[tuple[int, int, int, int]] = []

    def look(self) -> None:
        """Who of the counted is online, and what each torrent moved."""
        if self.counts is None:
            return
        self._terminals = self.counts.terminals(self._online.__contains__)
        statuses = self._statuses()
        self._torrents = []
        for level in self.counts.levels:
            status, peers = statuses.get(level.info_hash), self._swarm(level.info_hash)
            moved = (status.uploaded, status.downloaded) if status is not None else (0, 0)
            self._torrents.append((*moved, peers.seeds, peers.leeches))

    def collect(self) -> Iterable[Metric]:
        """Nothing where the database did not count: missing is true, 0 would not be."""
        counts = self.counts
        if counts is None:
            return
        yield gauge("voi_terminals", "Terminals that ever logged in, by state.", by_name(self._terminals), ["state"])
        yield from self._published(counts)
        yield gauge("voi_rollouts", "Rollouts ever begun, by state.", by_name(counts.rollouts), ["state"])
        yield gauge(
            "voi_rollout_targets", "Terminals in running rollouts, by state.", by_name(counts.targets), ["state"]
        )
        yield gauge(
            "voi_upload_disks",
            "Disks of uploads and imports ever begun, by state.",
            by_name(counts.upload_disks),
            ["state"],
        )

    def _published(self, counts: MetricCounts) -> Iterable[Metric]:
        yield gauge("voi_published_disks", "Levels of templates that are published.", alone(counts.level_count))
        each = list(zip(counts.levels, [str(level.name) for level in counts.levels], self._torrents, strict=True))
        info: Rows = [((name, level.template_name, level.template_uuid), 1) for level, name, _ in each]
        moved: list[tuple[tuple[str, str], float]] = []
        peers: list[tuple[tuple[str, str], float]] = []
        for _, name, (sent, received, seeds, leeches) in each:
            moved += [((name, "sent"), sent), ((name, "received"), received)]
            peers += [((name, "seed"), seeds), ((name, "leech"), leeches)]
        yield gauge(
            "voi_torrent_info", "Which template a torrent belongs to.", info, ["torrent", "template", "template_uuid"]
        )
        yield gauge(
            "voi_torrent_size_bytes",
            "How large a torrent's file is.",
            [((name,), level.size) for level, name, _ in each],
            ["torrent"],
        )
        yield counter(
            "voi_torrent_bytes", "Payload that the server sent and received.", moved, ["torrent", "direction"]
        )
        yield gauge(
            "voi_torrent_peers", "Peers of terminals in a swarm, by what they have.", peers, ["torrent", "role"]
        )
