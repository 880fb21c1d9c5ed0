"""Answers that are given again to whoever repeats a change: a lost answer must not make it happen twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.store.database import Store

KEPT_SECONDS: Final = 86400.0
"""How long an answer is kept: programs try again within minutes, people within the day."""
MOST_ANSWERS: Final = 10_000
"""Answers kept of all together; the oldest give way. Each has a few hundred bytes, at most `LONGEST_BODY`."""
LONGEST_BODY: Final = 16 << 10
"""Bytes of an answer's body that are kept; what has more is read again, not kept."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """An answer over HTTP; `request` is a hash of what it answers, `location` empty where it has none."""

    request: bytes
    status: int
    location: str
    body: bytes


class StoredResponses:
    """Answers by who asked and the key of the request; times are seconds since the epoch."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, actor: str, key: str, now: float) -> Deferred[StoredResponse | None]:
        """What was answered to this key, None if nothing, or too long ago."""

        def job(db: Database) -> StoredResponse | None:
            row = db.execute(
                "SELECT request, status, location, body FROM answers WHERE who = ? AND key = ? AND created > ?",
                (actor, key, now - KEPT_SECONDS),
            ).fetchone()
            return StoredResponse(*row) if row else None

        return self._store.read(job)

    def keep(self, actor: str, key: str, answer: StoredResponse, now: float) -> Deferred[None]:
        """Keep an answer; old ones go."""

        def job(db: Database) -> None:
            db.execute("DELETE FROM answers WHERE created <= ?", (now - KEPT_SECONDS,))
            db.execute(
                "DELETE FROM answers WHERE created <= "
                "(SELECT created FROM answers ORDER BY created DESC LIMIT 1 OFFSET ?)",
                (MOST_ANSWERS - 1,),
            )
            db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (actor, key, answer.request, answer.status, answer.location, answer.body, now),
            )

        return self._store.write(job)
