"""What metrics are made of: plain values, as they were at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TorrentReading:
    """What the server's own peer and the tracker see of a torrent: bytes of payload, peers of terminals."""

    state: str
    sent: int
    received: int
    seeds: int
    leeches: int


@dataclass(frozen=True, slots=True)
class WorkerReading:
    """A thread of the database: whether it lives, jobs that wait for it, seconds that it is at the present ones."""

    alive: bool
    waiting: int
    busy_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReadings:
    """What the server has in memory. Every mapping's keys come from a closed set, torrents by info-hash apart.

    `frames_received` and `frames_sent` go by service code, `errors` by the code of the answer, 0 for all that are none
    of ours; announces and scrapes by protocol and outcome. `lag` has how many looks came at most so many seconds late,
    for rising seconds; `lag_looks` is all of them, `lag_total` and `lag_longest` are seconds.
    """

    started: float
    connections: int
    sessions: int
    held_bytes: int
    frames_received: Mapping[int, int]
    frames_sent: Mapping[int, int]
    errors: Mapping[int, int]
    broken: int
    http_connections: int
    announces: Mapping[str, Mapping[str, int]]
    scrapes: Mapping[str, Mapping[str, int]]
    swarms: int
    peers: int
    bytes_sent: int
    bytes_received: int
    torrents: Mapping[bytes, TorrentReading]
    lag: Sequence[tuple[float, int]]
    lag_looks: int
    lag_total: float
    lag_longest: float
    workers: Mapping[str, WorkerReading]


@dataclass(frozen=True, slots=True)
class StorageReadings:
    """Bytes of the database's files (0 where one is not there), and of the disk below the data directory."""

    files: Mapping[str, int]
    free: int
    size: int
