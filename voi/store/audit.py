"""Entries of the audit log: written down, found again by filters, and thrown away when they are old or too many."""

from __future__ import annotations

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.clock import believable_age
from voi.domain.audit import BY_STRANGERS, Audit, AuditEntry
from voi.signals import Signal
from voi.store.audit_rows import COLUMNS, entry_of
from voi.store.conditions import Conditions
from voi.store.database import Store
from voi.store.interfaces.audit import (
    DAY_SECONDS,
    LONGEST_OFF,
    MOST_BY_STRANGERS,
    MOST_EVENTS,
    PRUNED_AT_ONCE,
    RETENTION_DAYS,
    AuditEntries,
    AuditFilter,
)


class SqlAuditEntries(AuditEntries):
    """`AuditEntries` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def noted(self) -> Signal[[AuditEntry]]:
        return self._store.noted

    def add(self, entry: AuditEntry) -> Deferred[None]:
        return self._store.write(lambda _db: None, audit=lambda _: entry)

    def find(
        self, wanted: AuditFilter, limit: int, *, offset: int = 0, oldest_first: bool = False
    ) -> Deferred[list[AuditEntry]]:
        where, order = _where(wanted), "ASC" if oldest_first else "DESC"
        query = f"SELECT {COLUMNS} FROM events WHERE {where} ORDER BY id {order} LIMIT ? OFFSET ?"
        values = (*where.values, limit, offset)
        return self._store.read(lambda db: [entry_of(row) for row in db.execute(query, values)])

    def count(self, wanted: AuditFilter) -> Deferred[int]:
        where = _where(wanted)
        query = f"SELECT count(*) FROM events WHERE {where}"
        return self._store.read(lambda db: int(db.execute(query, where.values).fetchone()[0]))

    def retention_days(self) -> Deferred[int]:
        def job(db: Database) -> int:
            row = db.execute("SELECT days FROM keeping WHERE what = 'events'").fetchone()
            return int(row[0]) if row else RETENTION_DAYS

        return self._store.read(job)

    def set_retention_days(self, days: int, *, audit: Audit[None] | None = None) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute("INSERT OR REPLACE INTO keeping VALUES ('events', ?)", (days,))

        return self._store.write(job, audit)

    def count_time(self, now: float, elapsed: float | None = None) -> Deferred[float]:
        def job(db: Database) -> float:
            counted, seen = db.execute("SELECT counted, seen FROM audit_clock").fetchone()
            seen = now if seen is None else seen
            day = int(counted // DAY_SECONDS)
            counted += believable_age(seen, now, LONGEST_OFF) if elapsed is None else elapsed
            db.execute("UPDATE audit_clock SET counted = ?, seen = ?", (counted, now))
            if int(counted // DAY_SECONDS) > day:
                db.execute("INSERT INTO audit_days SELECT ?, coalesce(max(id), 0) FROM events", (day + 1,))
                # Of those before the entries that are left one is enough.
                db.execute(
                    "DELETE FROM audit_days WHERE day < (SELECT max(day) FROM audit_days "
                    "WHERE last_event < (SELECT coalesce(min(id), 0) FROM events))"
                )
            return float(now - seen)

        return self._store.write(job)

    def prune(
        self,
        days: int,
        most: int = MOST_EVENTS,
        by_strangers: int = MOST_BY_STRANGERS,
        at_once: int = PRUNED_AT_ONCE,
    ) -> Deferred[int]:
        kinds = ", ".join(f"'{kind}'" for kind in BY_STRANGERS)

        def beyond(db: Database, where: str, bound: int) -> int:
            row = db.execute(
                f"SELECT id FROM events WHERE {where} ORDER BY id DESC LIMIT 1 OFFSET ?", (bound,)
            ).fetchone()
            return int(row[0]) if row else 0

        def job(db: Database) -> int:
            cursor = db.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= (SELECT max(last_event) "
                f"FROM audit_days WHERE day <= (SELECT counted FROM audit_clock) / {DAY_SECONDS} - ?1) "
                "ORDER BY id LIMIT ?4) "
                "OR id IN (SELECT id FROM events WHERE id <= ?2 ORDER BY id LIMIT ?4) "
                f"OR id IN (SELECT id FROM events WHERE id <= ?3 AND kind IN ({kinds}) ORDER BY id LIMIT ?4)",
                (days, beyond(db, "1", most), beyond(db, f"kind IN ({kinds})", by_strangers), at_once),
            )
            return int(cursor.rowcount)

        return self._store.write(job)


def _where(wanted: AuditFilter) -> Conditions:
    """The condition of a filter."""
    where = Conditions()
    where.contains(wanted.q, "text")
    where.equal("who", wanted.actor or None)
    if wanted.kind:
        where.add("kind = ? OR substr(kind, 1, ?) = ?", wanted.kind, len(wanted.kind) + 1, f"{wanted.kind}.")
    if wanted.mac is not None:
        where.add("id IN (SELECT event_id FROM event_terminals WHERE mac = ?)", wanted.mac)
    if wanted.since is not None:
        where.add("time >= ?", wanted.since)
    if wanted.until is not None:
        where.add("time < ?", wanted.until)
    if wanted.before is not None:
        where.add("id < ?", wanted.before)
    return where
