"""What must be known before the first port is open, read at once: whom the tracker answers, and of which torrents."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from voi.domain.uploads import OPEN_STATES
from voi.errors import StartupError
from voi.store.database import connect
from voi.store.interfaces.database import Known
from voi.store.rooms import read_rooms
from voi.store.terminals import read_terminals

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
