"""The torrents of published levels."""

from __future__ import annotations

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.store.database import Store
from voi.store.interfaces.torrents import LevelTorrents


def put_torrent(db: Database, info_hash: bytes, torrent: bytes) -> None:
    """Keep a torrent; for use inside a job."""
    db.execute(
        "INSERT INTO level_torrents (info_hash, torrent) VALUES (?, ?) "
        "ON CONFLICT (info_hash) DO UPDATE SET torrent = excluded.torrent",
        (info_hash, torrent),
    )


class SqlLevelTorrents(LevelTorrents):
    """`LevelTorrents` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, info_hash: bytes) -> Deferred[bytes | None]:
        def job(db: Database) -> bytes | None:
            row = db.execute("SELECT torrent FROM level_torrents WHERE info_hash = ?", (info_hash,)).fetchone()
            return row[0] if row else None

        return self._store.read(job)

    def known(self) -> Deferred[frozenset[bytes]]:
        return self._store.read(
            lambda db: frozenset(info_hash for (info_hash,) in db.execute("SELECT info_hash FROM level_torrents"))
        )

    def keep(self, info_hash: bytes, torrent: bytes) -> Deferred[None]:
        return self._store.write(lambda db: put_torrent(db, info_hash, torrent))
