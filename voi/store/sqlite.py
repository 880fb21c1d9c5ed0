"""The database on SQLite, in one file: what `voi.store.interfaces.database` asks for, put together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred

from voi.domain.room_directory import RoomDirectory
from voi.metrics import PackageCollector
from voi.store.database import Store
from voi.store.interfaces.database import Database, Known, WorkerState
from voi.store.interfaces.repositories import Repositories
from voi.store.metrics import DatabaseMetrics
from voi.store.repositories import sql_repositories
from voi.store.start import read_known
from voi.store.worker import FromThread


class SqliteDatabase(Database):
    """Opens a file that `voi.store.preparation.prepare` made or upgraded; keeps `room_directory` current.

    `started` is when this server did, in seconds since the epoch.
    """

    def __init__(self, path: Path, reactor: FromThread, room_directory: RoomDirectory, started: float) -> None:
        self._path = path
        self.store: Final = Store(path, reactor)
        self._repositories = sql_repositories(self.store, room_directory, started)

    @property
    def repositories(self) -> Repositories:
        return self._repositories

    @property
    def reader(self) -> WorkerState:
        return self.store.reader

    @property
    def writer(self) -> WorkerState:
        return self.store.writer

    @property
    def damage(self) -> str:
        return self.store.damage

    def look_for_damage(self) -> None:
        self.store.look_for_damage()

    def try_reading(self) -> Deferred[None]:
        return self.store.try_reading()

    def try_writing(self) -> Deferred[str]:
        return self.store.try_writing()

    def known(self) -> Known:
        return read_known(self._path)

    def metrics(self) -> PackageCollector:
        return DatabaseMetrics(self.store, self._path)

    def close(self) -> None:
        self.store.close()
