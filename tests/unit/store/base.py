"""A real database in a directory of its own, for tests of what is kept."""

from __future__ import annotations

from pathlib import Path

import sqlite_utils
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from tests.unit.store.values import MAC
from voi.domain.room_directory import RoomDirectory
from voi.domain.templates import PublishedLevel, Template
from voi.store.database import Store
from voi.store.interfaces.database import Database
from voi.store.preparation import prepare
from voi.store.repositories import sql_repositories
from voi.store.sqlite import SqliteDatabase
from voi.store.templates import publish_level


def store_of(database: Database) -> Store:
    """The store behind a server's database, for what no repository tells."""
    assert isinstance(database, SqliteDatabase)
    return database.store


class StoreCase(TestCase):
    """A test with an open store."""

    def setUp(self) -> None:
        """Make a database."""
        self.path = Path(self.mktemp())
        self.path.mkdir()
        prepare(self.path / "voi.sqlite")
        self.store = Store(self.path / "voi.sqlite", reactor)  # type: ignore[arg-type]  # the module is the reactor
        self.addCleanup(self.store.close)
        self.room_directory = RoomDirectory()
        self.repositories = repositories = sql_repositories(self.store, self.room_directory)
        self.terminals, self.templates = repositories.terminals, repositories.templates
        self.uploads, self.rollouts = repositories.uploads, repositories.rollouts

    async def publish(self, *levels: PublishedLevel) -> Template:
        """Put levels into the catalogue."""

        def job(db: sqlite_utils.Database) -> Template:
            for one in levels:
                template = publish_level(db, one, name="Office", sys_type=1, desc="")
            return template

        return await self.store.write(job)

    async def terminal(self, mac: str = MAC) -> str:
        """Make a terminal's row; its tracker key."""
        return (await self.terminals.touch(mac, "10.0.0.1", 1, 1.0)).tracker_key
