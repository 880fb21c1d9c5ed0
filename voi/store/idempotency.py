"""Answers that are given again to whoever repeats a change: a lost answer must not make it happen twice."""

from __future__ import annotations

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.store.database import Store
from voi.store.interfaces.idempotency import KEPT_SECONDS, MOST_ANSWERS, StoredResponse, StoredResponses


class SqlStoredResponses(StoredResponses):
    """`StoredResponses` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, actor: str, key: str, now: float) -> Deferred[StoredResponse | None]:
        def job(db: Database) -> StoredResponse | None:
            row = db.execute(
                "SELECT request, status, location, body FROM answers WHERE who = ? AND key = ? "
                "AND created > ? AND created < ?",
                (actor, key, now - KEPT_SECONDS, now + KEPT_SECONDS),
            ).fetchone()
            return StoredResponse(*row) if row else None

        return self._store.read(job)

    def keep(self, actor: str, key: str, answer: StoredResponse, now: float) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute(
                "DELETE FROM answers WHERE created <= ? OR created >= ?", (now - KEPT_SECONDS, now + KEPT_SECONDS)
            )
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
