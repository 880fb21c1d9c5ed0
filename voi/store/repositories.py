"""All repositories on one SQLite database."""

from __future__ import annotations

from voi.domain.room_directory import RoomDirectory
from voi.store.accounts import SqlAccounts
from voi.store.audit import SqlAuditEntries
from voi.store.commands import SqlCommands
from voi.store.database import Store
from voi.store.idempotency import SqlStoredResponses
from voi.store.interfaces.repositories import Repositories
from voi.store.metric_counts import SqlStatistics
from voi.store.rollout_history import SqlRolloutHistories
from voi.store.rollouts import SqlRollouts
from voi.store.rooms import SqlRooms
from voi.store.sessions import SqlSessions
from voi.store.snapshots import SqlTerminalSnapshots
from voi.store.templates import SqlTemplates
from voi.store.terminals import SqlTerminals
from voi.store.tokens import SqlTokens
from voi.store.torrents import SqlLevelTorrents
from voi.store.uploads import SqlUploads


def sql_repositories(store: Store, room_directory: RoomDirectory, started: float = 0.0) -> Repositories:
    """The repositories of an open database, which keep `room_directory` current.

    `started` is when this server did, in seconds since the epoch.
    """
    return Repositories(
        accounts=SqlAccounts(store),
        sessions=SqlSessions(store),
        tokens=SqlTokens(store),
        audit_entries=SqlAuditEntries(store),
        commands=SqlCommands(store),
        responses=SqlStoredResponses(store),
        rollouts=SqlRollouts(store),
        rollout_histories=SqlRolloutHistories(store),
        rooms=SqlRooms(store, room_directory),
        snapshots=SqlTerminalSnapshots(store),
        statistics=SqlStatistics(store),
        templates=SqlTemplates(store),
        terminals=SqlTerminals(store, room_directory, started),
        torrents=SqlLevelTorrents(store),
        uploads=SqlUploads(store),
    )
