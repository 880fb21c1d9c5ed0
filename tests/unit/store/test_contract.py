"""The contracts of the repositories, held by SQLite."""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor

from tests.unit.store.contract import (
    accounts,
    audit,
    audited,
    case,
    commands,
    general,
    responses,
    rollouts,
    rooms,
    snapshots,
    targets,
    templates,
    terminals,
    torrents,
    uploads,
)
from voi.domain.room_directory import RoomDirectory
from voi.store.database import Store
from voi.store.interfaces.repositories import Repositories
from voi.store.preparation import prepare
from voi.store.repositories import sql_repositories


class OnSqlite(case.Contract):
    """A database file for each test."""

    _store: Store | None = None

    def open_repositories(self, room_directory: RoomDirectory, started: float = 0.0) -> Repositories:
        """Make or open the file."""
        if self._store is None:
            self._path = Path(self.mktemp())
            self.addCleanup(self._close)
        else:
            self._close()
        prepare(self._path)
        self._store = Store(self._path, reactor)  # type: ignore[arg-type]  # the module is the reactor
        return sql_repositories(self._store, room_directory, started)

    def _close(self) -> None:
        if self._store is not None:
            self._store.close()


class GeneralTests(OnSqlite, general.GeneralContract):
    """What holds for all."""


class AccountsTests(OnSqlite, accounts.AccountsContract):
    """Accounts."""


class SessionsTests(OnSqlite, accounts.SessionsContract):
    """Sessions at browsers."""


class TokensTests(OnSqlite, accounts.TokensContract):
    """Tokens of programs."""


class AuditEntriesTests(OnSqlite, audit.AuditEntriesContract):
    """Entries of the audit log."""


class AuditedTests(OnSqlite, audited.AuditedContract):
    """Changes and their entries."""


class CommandsTests(OnSqlite, commands.CommandsContract):
    """Commands."""


class StoredResponsesTests(OnSqlite, responses.StoredResponsesContract):
    """Answers that are given again."""


class RolloutsTests(OnSqlite, rollouts.RolloutsContract):
    """Rollouts."""


class TargetsTests(OnSqlite, targets.TargetsContract):
    """Targets of rollouts."""


class RolloutHistoriesTests(OnSqlite, rollouts.RolloutHistoriesContract):
    """How rollouts went."""


class RoomsTests(OnSqlite, rooms.RoomsContract):
    """Rooms."""


class RoomDirectoryTests(OnSqlite, rooms.RoomDirectoryContract):
    """The directory of rooms."""


class TerminalSnapshotsTests(OnSqlite, snapshots.TerminalSnapshotsContract):
    """What lists are made of."""


class StatisticsTests(OnSqlite, snapshots.StatisticsContract):
    """What metrics are made of."""


class TemplatesTests(OnSqlite, templates.TemplatesContract):
    """Templates."""


class TerminalsTests(OnSqlite, terminals.TerminalsContract):
    """Terminals."""


class LevelTorrentsTests(OnSqlite, torrents.LevelTorrentsContract):
    """The torrents of published levels."""


class UploadsTests(OnSqlite, uploads.UploadsContract):
    """Uploads."""
