"""A database file of which a part cannot be read: told from other failures, and remembered, so that nothing more is
written to it.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

from twisted.logger import Logger

from voi.errors import NotSaved, StorageMissing
from voi.messages.reason import Reason

log = Logger()

_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY: Final = 0xFF  # of an extended error code

_STEPS: Final = 10_000
"""Steps of SQLite between two looks at the time, some milliseconds."""


class Damage:
    """What is known to be damaged; for any thread. `text` is SQLite's word, empty while nothing is known."""

    def __init__(self) -> None:
        self.text = ""

    def noticed(self, error: BaseException) -> bool:
        """Whether an error says that the file is damaged; then that is remembered."""
        if not is_damage(error):
            return False
        self.note(str(error))
        return True

    def note(self, text: str) -> None:
        """Remember it; the first word stays."""
        if text and not self.text:
            self.text = text
            log.critical("the database is damaged, nothing is written to it any more: {text}", text=text)

    @property
    def reason(self) -> Reason:
        """What is wrong, and what to do."""
        return Reason("database_damaged", text=self.text)

    def refusal(self, *, writes: bool) -> StorageMissing:
        """What a job is answered with."""
        return NotSaved(self.reason) if writes else StorageMissing(self.reason)


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the file is damaged, and not that it is locked, full, or cannot be read just now."""
    return isinstance(error, sqlite3.DatabaseError) and _code(error) in _DAMAGED


def _code(error: sqlite3.Error) -> int:
    """What SQLite calls an error; 0 for one of Python's own."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY


def find_damage(path: Path, seconds: float | None = None) -> str:
    """Read every page of the file on a connection of its own: what is wrong with the first bad one, or nothing. Blocks.

    80 MB take 0.07 s, or as long as the disk needs to give them.

    :param seconds: after so long it is given up, and nothing is found.
    :raises sqlite3.Error: the file cannot be read for another reason.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)
    try:
        if seconds is not None:
            end = time.monotonic() + seconds
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return str(error)
        if _code(error) == sqlite3.SQLITE_INTERRUPT:
            return ""
        raise
    finally:
        connection.close()
    return "" if found == "ok" else str(found).splitlines()[-1]
