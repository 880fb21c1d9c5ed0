"""The journal's entries: written down, found again by filters, and thrown away when they are old or too many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.events import BY_STRANGERS, Event
from voi.store.database import Store

RETENTION_DAYS: Final = 365
"""How long entries are kept unless an administrator says otherwise: a school year."""

MOST_EVENTS: Final = 200_000
"""Entries kept at most: about 100 MB, and a search through all of them takes a fraction of a second."""

MOST_BY_STRANGERS: Final = 20_000
"""Of these, entries that a stranger can bring about: however often somebody tries, no other entry goes for them."""

PRUNED_AT_ONCE: Final = 1000
"""Entries thrown away in one transaction: others' writes wait for some milliseconds."""

_COLUMNS: Final = "id, time, kind, who, origin, text, mac, rollout, template, data"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are meant; None and the empty text leave a thing open.

    `q` is a part of the text, in any case; `kind` a whole kind or the first word of it. `since` and `until` are
    seconds since the epoch, the first within, the second not; `before` is an id that is not within.
    """

    q: str = ""
    who: str = ""
    kind: str = ""
    mac: str | None = None
    since: float | None = None
    until: float | None = None
    before: int | None = None


class Events:
    """All entries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, event: Event) -> Deferred[Event]:
        """Write an entry down; gives it with its number."""

        def job(db: Database) -> Event:
            cursor = db.execute(
                f"INSERT INTO events ({_COLUMNS[4:]}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    event.time,
                    event.kind,
                    event.who,
                    event.origin,
                    event.text,
                    event.mac,
                    event.rollout,
                    event.template,
                    json.dumps(dict(event.data)),
                ),
            )
            number = cursor.lastrowid
            assert number is not None
            db.execute(
                "INSERT OR IGNORE INTO event_terminals SELECT value, ? FROM json_each(?)",
                (number, json.dumps(event.macs)),
            )
            return replace(event, id=number)

        return self._store.write(job)

    def find(self, wanted: Filter, limit: int) -> Deferred[list[Event]]:
        """The newest entries that a filter means; the terminals of those that are about several are left out."""
        where, values = _where(wanted)
        query = f"SELECT {_COLUMNS} FROM events WHERE {where} ORDER BY id DESC LIMIT ?"
        return self._store.read(lambda db: [_event(row) for row in db.execute(query, (*values, limit))])

    def count(self, wanted: Filter) -> Deferred[int]:
        """How many entries a filter means."""
        where, values = _where(wanted)
        query = f"SELECT count(*) FROM events WHERE {where}"
        return self._store.read(lambda db: int(db.execute(query, values).fetchone()[0]))

    def rollouts_left_open(self) -> Deferred[list[int]]:
        """Rollouts that changed last in the server's life before this one, without an entry that they have ended."""

        def job(db: Database) -> list[int]:
            rows = db.execute(
                "SELECT rollout_id FROM "
                "(SELECT rollout_id, max(updated) AS last FROM rollout_targets GROUP BY rollout_id) "
                "WHERE last >= (SELECT max(time) FROM events WHERE kind = 'server.started') AND NOT EXISTS "
                "(SELECT 1 FROM events WHERE kind = 'rollout.finished' AND rollout = rollout_id AND time >= last)"
            )
            return [row[0] for row in rows]

        return self._store.read(job)

    def retention_days(self) -> Deferred[int]:
        """How many days entries are kept."""

        def job(db: Database) -> int:
            row = db.execute("SELECT days FROM keeping WHERE what = 'events'").fetchone()
            return int(row[0]) if row else RETENTION_DAYS

        return self._store.read(job)

    def set_retention_days(self, days: int) -> Deferred[None]:
        """Keep entries for so many days from now on."""

        def job(db: Database) -> None:
            db.execute("INSERT OR REPLACE INTO keeping VALUES ('events', ?)", (days,))

        return self._store.write(job)

    def prune(
        self,
        older_than: float,
        most: int = MOST_EVENTS,
        by_strangers: int = MOST_BY_STRANGERS,
        at_once: int = PRUNED_AT_ONCE,
    ) -> Deferred[int]:
        """Throw away some of what is older, or beyond the newest `most`, or the newest of strangers; how many.

        0: there is nothing left to.
        """
        kinds = ", ".join(f"'{kind}'" for kind in BY_STRANGERS)

        def beyond(db: Database, where: str, bound: int) -> int:
            row = db.execute(
                f"SELECT id FROM events WHERE {where} ORDER BY id DESC LIMIT 1 OFFSET ?", (bound,)
            ).fetchone()
            return int(row[0]) if row else 0

        def job(db: Database) -> int:
            cursor = db.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE time < ?1 LIMIT ?4) "
                "OR id IN (SELECT id FROM events WHERE id <= ?2 ORDER BY id LIMIT ?4) "
                f"OR id IN (SELECT id FROM events WHERE id <= ?3 AND kind IN ({kinds}) ORDER BY id LIMIT ?4)",
                (older_than, beyond(db, "1", most), beyond(db, f"kind IN ({kinds})", by_strangers), at_once),
            )
            return int(cursor.rowcount)

        return self._store.write(job)


def _event(row: Sequence[Any]) -> Event:
    number, time, kind, who, origin, text, mac, rollout, template, data = row
    return Event(number, time, kind, who, origin, text, mac, rollout, template, json.loads(data))


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    """The condition of a filter, and its values."""
    parts: list[str] = ["1"]
    values: list[Any] = []

    def add(part: str, *given: Any) -> None:
        parts.append(part)
        values.extend(given)

    if wanted.q:
        escaped = wanted.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        add("text LIKE ? ESCAPE '\\'", f"%{escaped}%")
    if wanted.who:
        add("who = ?", wanted.who)
    if wanted.kind:
        add("(kind = ? OR substr(kind, 1, ?) = ?)", wanted.kind, len(wanted.kind) + 1, f"{wanted.kind}.")
    if wanted.mac is not None:
        add("id IN (SELECT event_id FROM event_terminals WHERE mac = ?)", wanted.mac)
    if wanted.since is not None:
        add("time >= ?", wanted.since)
    if wanted.until is not None:
        add("time < ?", wanted.until)
    if wanted.before is not None:
        add("id < ?", wanted.before)
    return " AND ".join(parts), values
