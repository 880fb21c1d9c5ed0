"""What must be known before the first port is open, read at once: whom the tracker answers, and of which torrents."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from voi.domain.uploads import OPEN_STATES
from voi.errors import StartupError
from voi.names import DiskName
from voi.store.damage import find_damage
from voi.store.interfaces.database import FoundDatabase, Known
from voi.store.preparation import connect
from voi.store.rooms import read_rooms
from voi.store.terminals import read_terminals

CHECK_SECONDS: Final = 5.0
"""How long a start looks for damage before its ports are open; a database that takes longer is looked through later."""

_OPEN_UPLOAD: Final = ", ".join(f"'{state}'" for state in OPEN_STATES)


def read_known(path: Path) -> Known:
    """Read the database on a connection of its own, which blocks: 5,000 terminals take 30 ms.

    :raises StartupError: it cannot be read.
    """
    try:
        db = connect(path)
        try:
            torrents = db.execute(
                "SELECT info_hash FROM levels UNION SELECT info_hash FROM upload_disks "
                f"WHERE info_hash IS NOT NULL AND state IN ({_OPEN_UPLOAD})"
            )
            return Known(read_terminals(db), read_rooms(db), [info_hash for (info_hash,) in torrents])
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StartupError(f"database {path}: {error}") from error


def examine(path: Path) -> FoundDatabase:
    """What is in the file, whatever version of the schema it has. Blocks for milliseconds.

    :raises StartupError: it cannot be read.
    """
    try:
        if not path.exists() or not path.stat().st_size:
            return FoundDatabase()
        damage = find_damage(path, CHECK_SECONDS)
        if damage:
            raise StartupError(
                f"database {path} is damaged ({damage}): put a backup back, or rescue what can still be read with "
                "`sqlite3 voi.sqlite .dump` (Operations, A damaged database); nothing was changed"
            )
        db = connect(path)
        try:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"levels", "upload_disks"} <= tables:
                return FoundDatabase()
            levels = frozenset(DiskName(*row) for row in db.execute("SELECT disk_uuid, level FROM levels"))
            uploads = db.execute("SELECT count(*) FROM (SELECT 1 FROM upload_disks LIMIT 1)").fetchone()[0]
            identity = db.execute("SELECT id FROM identity").fetchone() if "identity" in tables else None
            return FoundDatabase(
                there=True,
                identity=identity[0] if identity else "",
                knows_disks=bool(levels or uploads),
                levels=levels,
            )
        finally:
            db.close()
    except (sqlite3.Error, OSError) as error:
        raise StartupError(f"database {path}: {error}") from error


def identify(path: Path, identity: str) -> None:
    """Give the database its identity, which it keeps; one that has one keeps that. Blocks.

    :raises StartupError: it cannot be written.
    """
    try:
        db = connect(path)
        try:
            db.execute("INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT 1 FROM identity)", (identity,))
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StartupError(f"database {path}: {error}") from error
