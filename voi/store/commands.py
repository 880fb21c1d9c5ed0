"""Commands to terminals and what became of them, terminal by terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.store.database import Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command at one terminal: `waiting`, `done`, or `failed` with a reason."""

    mac: str
    state: str
    reason: str
    updated: float


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was given.

    `body` is without batch_no; `waits` says whether terminals that are offline get it at their next login.
    """

    batch_no: int
    code: int
    body: dict[str, Any]
    waits: bool
    created: float
    outcomes: tuple[Outcome, ...] = ()


def insert_command(
    db: Database, code: int, body: Mapping[str, Any], macs: Sequence[str], *, waits: bool, now: float
) -> Command:
    """Write down a command for some terminals, all waiting; for use inside a job."""
    cursor = db.execute(
        "INSERT INTO commands (code, body, waits, created) VALUES (?, ?, ?, ?)",
        (code, json.dumps(dict(body)), int(waits), now),
    )
    number = cursor.lastrowid
    assert number is not None
    db.conn.executemany(
        "INSERT INTO command_outcomes VALUES (?, ?, 'waiting', '', ?)", [(number, mac, now) for mac in macs]
    )
    outcomes = tuple(Outcome(mac, "waiting", "", now) for mac in macs)
    return Command(number, code, dict(body), waits, now, outcomes)


class Commands:
    """All commands, by batch number."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self, code: int, body: Mapping[str, Any], macs: Iterable[str], *, waits: bool, now: float
    ) -> Deferred[Command]:
        """Write down a command for some terminals, all waiting; gives it a batch number."""
        targets = list(dict.fromkeys(macs))
        return self._store.write(lambda db: insert_command(db, code, body, targets, waits=waits, now=now))

    def end(self, batch_no: int, mac: str, state: str, reason: str, now: float) -> Deferred[None]:
        """Note an outcome; `waiting` with a reason says what it waits for."""

        def job(db: Database) -> None:
            db.execute(
                "UPDATE command_outcomes SET state = ?, reason = ?, updated = ? WHERE batch_no = ? AND mac = ?",
                (state, reason, now, batch_no, mac),
            )

        return self._store.write(job)

    def give_up_unfinished(self, reason: str, now: float) -> Deferred[int]:
        """At start: commands that were under way and do not wait for a login have failed; how many."""

        def job(db: Database) -> int:
            cursor = db.execute(
                "UPDATE command_outcomes SET state = 'failed', reason = ?, updated = ? "
                "WHERE state = 'waiting' AND batch_no IN (SELECT batch_no FROM commands WHERE waits = 0)",
                (reason, now),
            )
            return int(cursor.rowcount)

        return self._store.write(job)

    def get(self, batch_no: int) -> Deferred[Command | None]:
        """A command with its outcomes by MAC."""
        return self._store.read(lambda db: _get(db, batch_no))

    def waiting_for(self, mac: str) -> Deferred[list[Command]]:
        """Commands that wait for a terminal's login, oldest first, without their outcomes."""

        def job(db: Database) -> list[Command]:
            rows = db.execute(
                "SELECT c.batch_no, c.code, c.body, c.waits, c.created FROM command_outcomes o "
                "JOIN commands c ON c.batch_no = o.batch_no "
                "WHERE o.mac = ? AND o.state = 'waiting' AND c.waits = 1 ORDER BY c.batch_no",
                (mac,),
            )
            return [_command(row) for row in rows]

        return self._store.read(job)


def _command(row: tuple[Any, ...], outcomes: Iterable[Outcome] = ()) -> Command:
    batch_no, code, body, waits, created = row
    return Command(batch_no, code, json.loads(body), bool(waits), created, tuple(outcomes))


def _get(db: Database, batch_no: int) -> Command | None:
    row = db.execute(
        "SELECT batch_no, code, body, waits, created FROM commands WHERE batch_no = ?", (batch_no,)
    ).fetchone()
    if row is None:
        return None
    outcomes = db.execute(
        "SELECT mac, state, reason, updated FROM command_outcomes WHERE batch_no = ? ORDER BY mac",
        (batch_no,),
    )
    return _command(row, [Outcome(*outcome) for outcome in outcomes])
