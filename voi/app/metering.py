"""Reads from every package what its metrics show. Nothing here waits, and nothing is kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from voi.app.lag import STEPS, UPPER_BOUNDS, LagProbe
from voi.files.directory import DataDirectory
from voi.seeding.session import TorrentSession
from voi.store.database import Store, WorkerState
from voi.terminals.factory import TerminalFactory
from voi.tracker.tracker import Tracker
from voi.web.metrics.readings import LiveReadings, StorageReadings, TorrentReading, WorkerReading


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """The parts of a server that are measured; `http_connections` is how many are open."""

    factory: TerminalFactory
    tracker: Tracker
    seeding: TorrentSession
    lag: LagProbe
    store: Store
    directory: DataDirectory
    http_connections: Callable[[], int]
    started: float

    def live(self) -> LiveReadings:
        """What is in memory; on the reactor's thread, which it takes a millisecond for 200 torrents."""
        factory, tracker, seeding, tally = self.factory, self.tracker, self.seeding, self.factory.tally
        torrents = {}
        for info_hash, status in seeding.statuses().items():
            counts = tracker.counts(info_hash)
            torrents[info_hash] = TorrentReading(
                status.state, status.uploaded, status.downloaded, counts.seeds, counts.leeches
            )
        # Every doubling is enough; the last bucket holds whatever is longer, so it has no bound.
        sums = list(accumulate(self.lag.counts))
        return LiveReadings(
            started=self.started,
            connections=factory.connections,
            sessions=len(factory.registry),
            held_bytes=factory.unfinished_bytes,
            frames_received=dict(tally.received),
            frames_sent=dict(tally.sent),
            errors=dict(tally.errors),
            broken=tally.broken,
            http_connections=self.http_connections(),
            announces={"http": tracker.over_http.outcomes(), "udp": tracker.over_udp.outcomes()},
            scrapes={"http": tracker.scrapes_over_http.outcomes(), "udp": tracker.scrapes_over_udp.outcomes()},
            swarms=tracker.swarm_count,
            peers=tracker.peer_count,
            bytes_sent=seeding.sent,
            bytes_received=seeding.received,
            torrents=torrents,
            lag=list(zip(UPPER_BOUNDS[::STEPS], sums[::STEPS], strict=True))[:-1],
            lag_looks=sums[-1],
            lag_total=self.lag.total,
            lag_longest=self.lag.longest,
            workers={"writer": _worker(self.store.writer), "reader": _worker(self.store.reader)},
        )

    def storage(self) -> StorageReadings:
        """What is on the disk; asks the file system, so for any thread but the reactor's.

        :raises OSError: the disk cannot be asked.
        """
        database = self.directory.database
        usage = shutil.disk_usage(self.directory.root)
        files = {"main": database, "wal": database.with_name(f"{database.name}-wal")}
        return StorageReadings({name: _size(path) for name, path in files.items()}, usage.free, usage.total)


def _worker(state: WorkerState) -> WorkerReading:
    return WorkerReading(state.alive, state.waiting, state.busy_seconds)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # there is no write-ahead log before the first write
        return 0
