"""The database file made, or brought to this version's schema, before anybody uses it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import sqlite_utils
from twisted.logger import Logger

from voi.errors import StartupError
from voi.files.atomic import sync_directory, sync_file
from voi.files.permissions import SECRET_MODE, restrict
from voi.store.migrations import migrations

log = Logger()

_BUSY_SECONDS: Final = 10.0
"""How long to wait for another process that holds the file, such as a backup."""


def connect(path: Path) -> sqlite_utils.Database:
    """A connection with our settings; transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    return sqlite_utils.Database(connection, execute_plugins=False)


def prepare(path: Path) -> bool:
    """Make the database file, or bring it to this version's schema; True if it was made.

    A new one is made under another name and renamed when whole; one to be upgraded is copied first.

    :raises StartupError: the file is no database, or of a newer version than this program.
    """
    try:
        return _prepare(path)
    except sqlite3.Error as error:
        raise StartupError(f"database {path}: {error}") from error


def _prepare(path: Path) -> bool:
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(SECRET_MODE)
        restrict(draft, SECRET_MODE)  # SQLite's other files take its mode over
        db = connect(draft)
        migrations.apply(db)
        db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.conn.execute("PRAGMA journal_mode = DELETE")  # leaves one file to rename
        db.close()
        draft.rename(path)
        return True
    db = connect(path)
    try:
        pending = {migration.name for migration in migrations.pending(db)}
        applied = {migration.name for migration in migrations.applied(db)}
        unknown = applied - migration_names()
        if unknown:
            raise StartupError(
                f"database {path} was written by a newer version of voi ({', '.join(sorted(unknown))}): "
                "install that version, or start with the copy made before the upgrade"
            )
        if pending and applied:
            backup = path.with_name(f"{path.name}.before-{min(pending)}")
            if not backup.exists():
                # Under another name until it is whole: a kill in the middle leaves an empty file.
                copy = backup.with_name(f".{backup.name}.new")
                copy.unlink(missing_ok=True)
                db.conn.execute("VACUUM INTO ?", [str(copy)])
                restrict(copy, SECRET_MODE)
                sync_file(copy)
                copy.rename(backup)
                sync_directory(backup.parent)
                log.info("database copied to {backup} before its upgrade", backup=str(backup))
        migrations.apply(db)
    finally:
        db.close()
    return False


def migration_names() -> set[str]:
    """The names of all migrations that this program knows."""
    empty = sqlite_utils.Database(sqlite3.connect(":memory:"), execute_plugins=False)
    names = {migration.name for migration in migrations.pending(empty)}
    empty.close()
    return names
