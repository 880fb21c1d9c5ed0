"""Readings as metrics in Prometheus' text format: names, types, labels and their bounds. No reactor, no I/O of ours.

A label's values come from a closed set, written here or in the code that counts; the one exception is `torrent`, of
which `voi.web.metrics.routes` gives as many as its bound says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from voi.domain.metric_counts import CountedLevel, MetricCounts
from voi.web.metrics.readings import LiveReadings, StorageReadings, TorrentReading

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"

TORRENT_STATES: Final = ("checking", "downloading", "finished", "seeding", "other")
"""Of the server's own peer; what libtorrent may call a state besides is `other`."""

_ABSENT: Final = TorrentReading("absent", 0, 0, 0, 0)
Rows = Iterable[tuple[Sequence[str], float]]
"""Values of labels, and the value that they have."""


@dataclass(frozen=True, slots=True)
class Readings:
    """All that is told. `build` are names of programs and libraries with their versions, `health` says of each check
    whether all is well. `storage` is None where the disk could not be asked, `census` where the database could not.
    """

    build: Mapping[str, str]
    terminals: Mapping[str, int]
    census: MetricCounts | None
    live: LiveReadings
    storage: StorageReadings | None
    health: Mapping[str, bool]


class Exposition:
    """Writes one set of readings after the other; for one thread at a time."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._readings: Readings | None = None
        ProcessCollector(registry=self._registry)  # CPU, memory and descriptors by the names that everybody has
        self._registry.register(_Families(self))

    def write(self, readings: Readings) -> bytes:
        """The page; for any thread but the reactor's, for it takes some milliseconds."""
        self._readings = readings
        return generate_latest(self._registry)

    @property
    def readings(self) -> Readings | None:
        """What is being written."""
        return self._readings


class _Families(Collector):
    """The collector: asked at each scrape, and has nothing of its own."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are not known before there are readings, and nobody else registers any."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All families."""
        readings = self._exposition.readings
        return () if readings is None else families(readings)


def families(readings: Readings) -> Iterator[Metric]:
    """Everything that is told of the server, in the order of the documentation."""
    live, census = readings.live, readings.census
    build = sorted(readings.build.items())
    yield _gauge(
        "voi_build_info", "Versions of the server and of what it stands on.", [(_values(build), 1)], _names(build)
    )
    yield _gauge("voi_start_time_seconds", "When the server was started, since the epoch.", [((), live.started)])
    yield _gauge(
        "voi_health_check", "Whether a check of /healthz is content: 1 or 0.", _one(readings.health), ["check"]
    )
    yield from _terminals(readings)
    yield from _tracker(live)
    yield from _bittorrent(live)
    if census is not None:
        yield _gauge("voi_terminals", "Terminals that ever logged in, by state.", _one(readings.terminals), ["state"])
        yield from _torrents(live, census)
        yield from _counted(census)
    yield from _process(readings)


def _terminals(readings: Readings) -> Iterator[Metric]:
    live = readings.live
    yield _gauge("voi_terminal_sessions", "Terminals that are logged in.", [((), live.sessions)])
    yield _gauge(
        "voi_terminal_connections", "Connections at the terminals' port, logged in or not.", [((), live.connections)]
    )
    yield _gauge(
        "voi_terminal_unfinished_frame_bytes", "Bytes of frames that are not whole yet.", [((), live.held_bytes)]
    )
    yield _counter(
        "voi_terminal_frames_received",
        "Frames from terminals, by service code.",
        _codes(live.frames_received),
        ["code"],
    )
    yield _counter(
        "voi_terminal_frames_sent", "Frames to terminals, by service code.", _codes(live.frames_sent), ["code"]
    )
    errors = [*_codes(live.errors), (("framing",), live.broken)]
    yield _counter(
        "voi_terminal_errors", "Requests of terminals that were refused, by the code of the reason.", errors, ["code"]
    )


def _tracker(live: LiveReadings) -> Iterator[Metric]:
    labels = ["protocol", "outcome"]
    yield _counter("voi_tracker_announces", "Announces, by how they ended.", _two(live.announces), labels)
    yield _counter("voi_tracker_scrapes", "Scrapes, by how they ended.", _two(live.scrapes), labels)
    yield _gauge("voi_tracker_swarms", "Torrents that may be announced.", [((), live.swarms)])
    yield _gauge("voi_tracker_peers", "Peers of terminals in all swarms.", [((), live.peers)])
    yield _gauge("voi_http_connections", "Connections at the HTTP port.", [((), live.http_connections)])


def _bittorrent(live: LiveReadings) -> Iterator[Metric]:
    directions = [(("sent",), live.bytes_sent), (("received",), live.bytes_received)]
    yield _counter("voi_bittorrent_bytes", "Payload that the server sent and received.", directions, ["direction"])
    found = Counter(x.state if x.state in TORRENT_STATES else "other" for x in live.torrents.values())
    states = dict.fromkeys(TORRENT_STATES, 0) | found
    yield _gauge("voi_bittorrent_torrents", "Torrents of the server's own peer, by state.", _one(states), ["state"])


def _counted(census: MetricCounts) -> Iterator[Metric]:
    yield _gauge("voi_rollouts", "Rollouts ever begun, by state.", _one(census.rollouts), ["state"])
    yield _gauge("voi_rollout_targets", "Terminals in running rollouts, by state.", _one(census.targets), ["state"])
    yield _gauge(
        "voi_upload_disks", "Disks of uploads and imports ever begun, by state.", _one(census.upload_disks), ["state"]
    )


def _torrents(live: LiveReadings, census: MetricCounts) -> Iterator[Metric]:
    yield _gauge("voi_published_disks", "Levels of templates that are published.", [((), census.level_count)])

    each = [(level, str(level.name), live.torrents.get(level.info_hash, _ABSENT)) for level in census.levels]
    size: Rows = [((name,), level.size) for level, name, _ in each]
    both: Rows = [row for _, name, x in each for row in (((name, "sent"), x.sent), ((name, "received"), x.received))]
    peers: Rows = [row for _, name, x in each for row in (((name, "seed"), x.seeds), ((name, "leech"), x.leeches))]
    info: Rows = [(_info(level, name), 1) for level, name, _ in each]
    yield _gauge(
        "voi_torrent_info", "Which template a torrent belongs to.", info, ["torrent", "template", "template_uuid"]
    )
    yield _gauge("voi_torrent_size_bytes", "How large a torrent's file is.", size, ["torrent"])
    yield _counter("voi_torrent_bytes", "Payload that the server sent and received.", both, ["torrent", "direction"])
    yield _gauge("voi_torrent_peers", "Peers of terminals in a swarm, by what they have.", peers, ["torrent", "role"])


def _info(level: CountedLevel, name: str) -> tuple[str, str, str]:
    return name, level.template_name, level.template_uuid


def _process(readings: Readings) -> Iterator[Metric]:
    live, workers = readings.live, readings.live.workers
    lag = HistogramMetricFamily("voi_reactor_lag_seconds", "How late the reactor came, a hundred looks a second.")
    buckets = [*((repr(bound), float(count)) for bound, count in live.lag), ("+Inf", float(live.lag_looks))]
    lag.add_metric([], buckets, live.lag_total)
    yield lag
    yield _gauge("voi_reactor_longest_lag_seconds", "The longest standstill since the start.", [((), live.lag_longest)])
    up = {name: worker.alive for name, worker in workers.items()}
    waiting = {name: worker.waiting for name, worker in workers.items()}
    busy = {name: worker.busy_seconds for name, worker in workers.items()}
    yield _gauge("voi_database_worker_up", "Whether a thread of the database lives: 1 or 0.", _one(up), ["worker"])
    yield _gauge("voi_database_queue_length", "Jobs that wait for a thread of the database.", _one(waiting), ["worker"])
    yield _gauge("voi_database_busy_seconds", "How long it has been at the present ones.", _one(busy), ["worker"])
    if readings.storage is not None:
        storage = readings.storage
        yield _gauge("voi_database_size_bytes", "The database's files.", _one(storage.files), ["file"])
        yield _gauge("voi_disk_free_bytes", "Room on the disk of the data directory.", [((), storage.free)])
        yield _gauge("voi_disk_size_bytes", "Size of the disk of the data directory.", [((), storage.size)])


def _gauge(name: str, text: str, rows: Rows, labels: Sequence[str] = ()) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _counter(name: str, text: str, rows: Rows, labels: Sequence[str] = ()) -> Metric:
    """A counter's samples are called `name` with ``_total``."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _one(counts: Mapping[str, float]) -> Rows:
    return [((name,), value) for name, value in counts.items()]


def _two(counts: Mapping[str, Mapping[str, float]]) -> Rows:
    return [((outer, inner), value) for outer, rows in counts.items() for inner, value in rows.items()]


def _codes(counts: Mapping[int, int]) -> Sequence[tuple[Sequence[str], float]]:
    return [((str(code) if code else "other",), count) for code, count in counts.items()]


def _names(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [name for name, _ in pairs]


def _values(pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [value for _, value in pairs]
