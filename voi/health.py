"""What `/healthz` asks: whether each part of the server can do its work, and if not, what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from sqlite_utils import Database

from voi.publishing.space import MARGIN
from voi.store.database import Store, free_bytes
from voi.store.directory import DataDirectory

Check = Callable[[], str | Awaitable[str]]
"""Gives nothing when all is well, else a sentence for the administrator."""


class Listener(Protocol):
    """The server's own BitTorrent peer."""

    @property
    def port(self) -> int:
        """The port it listens on, 0 while it does not."""


def checks(store: Store, directory: DataDirectory, peer: Listener) -> Mapping[str, Check]:
    """The checks of a server, by name."""

    async def database() -> str:
        await store.read(_ask)
        return ""

    def disk_space() -> str:
        free = free_bytes(directory.root)
        return "" if free >= MARGIN else f"{free >> 20} MiB are free on the server's disk: no upload is taken"

    def bittorrent() -> str:
        return "" if peer.port else "the BitTorrent session does not listen yet"

    return {"database": database, "disk space": disk_space, "bittorrent": bittorrent}


def _ask(db: Database) -> None:
    db.execute("SELECT count(*) FROM accounts").fetchone()
