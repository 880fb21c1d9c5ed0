"""What every part of the server stands on: configuration, directory, database, threads, who is online."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from voi.app.database import open_database
from voi.app.lag import LagProbe
from voi.app.listeners import Listeners
from voi.app.threads import Threads
from voi.audit.clock import ClockMonitor
from voi.audit.log import AuditLog
from voi.clock import SteadyTime
from voi.config import Config
from voi.domain.room_directory import RoomDirectory
from voi.files.directory import DataDirectory
from voi.store.interfaces.database import Database
from voi.store.interfaces.repositories import Repositories
from voi.terminals.registry import ConnectionRegistry
from voi.tracker.keys import TrackerKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """`directory` is open and locked; `listeners` are not open yet; `reactor` has all that Twisted's has.

    `steady` is the time of day for what is stored and runs out.
    """

    config: Config
    directory: DataDirectory
    threads: Threads
    listeners: Listeners
    reactor: Any
    database: Database
    room_directory: RoomDirectory
    repositories: Repositories
    audit_log: AuditLog
    clock_monitor: ClockMonitor
    steady: SteadyTime
    registry: ConnectionRegistry
    keys: TrackerKeys
    lag: LagProbe


def lay_foundation(
    *, config: Config, directory: DataDirectory, threads: Threads, listeners: Listeners, reactor: Any
) -> Foundation:
    """Open the database; everything else is empty yet."""
    rooms = RoomDirectory()
    database = open_database(directory, reactor, rooms)
    repositories = database.repositories
    audit_log = AuditLog(repositories.audit_entries)
    return Foundation(
        config=config,
        directory=directory,
        threads=threads,
        listeners=listeners,
        reactor=reactor,
        database=database,
        room_directory=rooms,
        repositories=repositories,
        audit_log=audit_log,
        clock_monitor=ClockMonitor(audit_log, reactor),
        steady=SteadyTime(),
        registry=ConnectionRegistry(),
        keys=TrackerKeys(),
        lag=LagProbe(reactor),
    )
