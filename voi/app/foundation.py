"""What every part of the server stands on: configuration, directory, database, threads, who is online."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from voi.app.lag import LagProbe
from voi.app.listeners import Listeners
from voi.app.threads import Threads
from voi.audit.log import AuditLog
from voi.config import Config
from voi.domain.room_directory import RoomDirectory
from voi.files.directory import DataDirectory
from voi.store.database import Store
from voi.store.interfaces.repositories import Repositories
from voi.store.repositories import sql_repositories
from voi.terminals.registry import ConnectionRegistry
from voi.tracker.keys import TrackerKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """`directory` is open and locked; `listeners` are not open yet; `reactor` has all that Twisted's has."""

    config: Config
    directory: DataDirectory
    threads: Threads
    listeners: Listeners
    reactor: Any
    store: Store
    room_directory: RoomDirectory
    repositories: Repositories
    audit_log: AuditLog
    registry: ConnectionRegistry
    keys: TrackerKeys
    lag: LagProbe


def lay_foundation(
    *, config: Config, directory: DataDirectory, threads: Threads, listeners: Listeners, reactor: Any
) -> Foundation:
    """Open the database; everything else is empty yet."""
    store = Store(directory.database, reactor)
    rooms = RoomDirectory()
    repositories = sql_repositories(store, rooms, time.time())
    return Foundation(
        config=config,
        directory=directory,
        threads=threads,
        listeners=listeners,
        reactor=reactor,
        store=store,
        room_directory=rooms,
        repositories=repositories,
        audit_log=AuditLog(repositories.audit_entries),
        registry=ConnectionRegistry(),
        keys=TrackerKeys(),
        lag=LagProbe(reactor),
    )
