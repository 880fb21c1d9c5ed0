"""Metrics of the database: its threads and its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client.core import Metric

from voi.metrics import PackageCollector, by_name, gauge
from voi.store.database import Store
from voi.store.interfaces.database import WorkerState


class DatabaseMetrics(PackageCollector):
    """Of `store`, whose file is at `path`."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._files = {"main": path, "wal": path.with_name(f"{path.name}-wal")}
        self._workers: Mapping[str, WorkerState] = {}

    def look(self) -> None:
        """How the two threads do."""
        self._workers = {"writer": self._store.writer, "reader": self._store.reader}

    def collect(self) -> Iterable[Metric]:
        """Threads, and the sizes of the files.

        :raises OSError: the files cannot be looked at.
        """
        workers = self._workers.items()
        yield gauge(
            "voi_database_worker_up",
            "Whether a thread of the database lives: 1 or 0.",
            by_name({name: worker.alive for name, worker in workers}),
            ["worker"],
        )
        yield gauge(
            "voi_database_queue_length",
            "Jobs that wait for a thread of the database.",
            by_name({name: worker.waiting for name, worker in workers}),
            ["worker"],
        )
        yield gauge(
            "voi_database_busy_seconds",
            "How long it has been at the present ones.",
            by_name({name: worker.busy_seconds for name, worker in workers}),
            ["worker"],
        )
        sizes = {name: _size(path) for name, path in self._files.items()}
        yield gauge("voi_database_size_bytes", "The database's files.", by_name(sizes), ["file"])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # there is no write-ahead log before the first write
        return 0
