"""Commands to terminals and what became of them, terminal by terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.command_outcomes import STATES, Command, CommandCounts, CommandOutcome, CommandResult
from voi.messages.reason import Reason, kept, recall
from voi.store.conditions import Conditions, part
from voi.store.database import Store
from voi.store.interfaces.commands import CommandFilter, Commands

_COMMAND: Final = "c.batch_no, c.code, c.body, c.waits, c.created"


def insert_command(
    db: Database,
    code: int,
    body: Mapping[str, Any],
    macs: Sequence[str],
    *,
    waits: bool,
    now: float,
    replaces: bool = False,
) -> Command:
    """Write down a command for some terminals, all waiting; for use inside a job.

    One that `replaces` others of its code ends those that still wait at its terminals.
    """
    cursor = db.execute(
        "INSERT INTO commands (code, body, waits, created) VALUES (?, ?, ?, ?)",
        (code, json.dumps(dict(body)), int(waits), now),
    )
    number = cursor.lastrowid
    assert number is not None
    targets = json.dumps(list(macs))
    if replaces:
        reason = Reason("newer_command", number=number)
        db.execute(_REPLACE, (reason, now, targets, code, kept(reason)))
    db.execute(_INSERT, (number, now, targets))
    outcomes = tuple(CommandOutcome(mac, "waiting", "", now) for mac in macs)
    return Command(number, code, dict(body), waits, now, outcomes)


# One statement for thousands of rows, given as JSON: SQLite works through them without Python's lock, where a statement
# a row would take the lock from the reactor once for each.
_INSERT = (
    "INSERT INTO command_outcomes (batch_no, mac, state, updated) SELECT ?1, value, 'waiting', ?2 FROM json_each(?3)"
)
_REPLACE = (
    "UPDATE command_outcomes SET state = 'replaced', reason = ?1, why = ?5, updated = ?2 "
    "WHERE state = 'waiting' AND mac IN (SELECT value FROM json_each(?3)) "
    "AND (SELECT c.code FROM commands c WHERE c.batch_no = command_outcomes.batch_no) = ?4"
)
_END = (
    "UPDATE command_outcomes SET state = n.state, reason = n.reason, why = n.why, updated = n.updated FROM ("
    "SELECT json_extract(value, '$[0]') AS batch_no, json_extract(value, '$[1]') AS mac, json_extract(value, '$[2]') "
    "AS state, json_extract(value, '$[3]') AS reason, json_extract(value, '$[4]') AS updated, "
    "json_extract(value, '$[5]') AS why FROM json_each(?)) AS n "
    "WHERE command_outcomes.batch_no = n.batch_no AND command_outcomes.mac = n.mac "
    "AND (command_outcomes.state = 'waiting' OR n.state != 'waiting')"  # what was replaced waits no longer
)


class SqlCommands(Commands):
    """`Commands` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self,
        code: int,
        body: Mapping[str, Any],
        macs: Iterable[str],
        *,
        waits: bool,
        now: float,
        replaces: bool = False,
        audit: Audit[Command] | None = None,
    ) -> Deferred[Command]:
        targets = list(dict.fromkeys(macs))
        return self._store.write(
            lambda db: insert_command(db, code, body, targets, waits=waits, now=now, replaces=replaces), audit
        )

    def end(self, ended: Sequence[CommandResult]) -> Deferred[None]:
        # One for each row: SQLite takes any of several. What ended does not wait again.
        last: dict[tuple[int, str], CommandResult] = {}
        for one in ended:
            key = (one.batch_no, one.mac)
            if one.state != "waiting" or key not in last or last[key].state == "waiting":
                last[key] = one

        def job(db: Database) -> None:
            db.execute(_END, (json.dumps([(*one, kept(one.reason)) for one in last.values()]),))

        return self._store.write(job)

    def give_up_unfinished(self, reason: str, now: float) -> Deferred[int]:
        def job(db: Database) -> int:
            cursor = db.execute(
                "UPDATE command_outcomes SET state = 'failed', reason = ?, why = ?, updated = ? "
                "WHERE state = 'waiting' AND batch_no IN (SELECT batch_no FROM commands WHERE waits = 0)",
                (reason, kept(reason), now),
            )
            return int(cursor.rowcount)

        return self._store.write(job)

    def get(self, batch_no: int) -> Deferred[Command | None]:
        return self._store.read(lambda db: _get(db, batch_no))

    def find(
        self, wanted: CommandFilter, *, sort: str = "-created", limit: int = -1, offset: int = 0
    ) -> Deferred[tuple[list[CommandCounts], int]]:
        where = _where(wanted)
        if wanted.mac is not None:
            where.add("c.batch_no IN (SELECT o.batch_no FROM command_outcomes o WHERE o.mac = ?)", wanted.mac)

        def job(db: Database) -> tuple[list[CommandCounts], int]:
            total = db.execute(f"SELECT count(*) FROM commands c WHERE {where}", where.values).fetchone()[0]
            query = f"SELECT {_COMMAND} FROM commands c WHERE {where} ORDER BY {_order(sort)} LIMIT ? OFFSET ?"
            rows = db.execute(query, [*where.values, limit, offset]).fetchall()
            return [CommandCounts(_command(row), _counts(db, row[0])) for row in rows], total

        return self._store.read(job)

    def of_terminal(
        self, mac: str, limit: int, *, wanted: CommandFilter | None = None, sort: str = "-created", offset: int = 0
    ) -> Deferred[tuple[list[Command], int]]:
        where = _where(wanted or CommandFilter())
        where.equal("o.mac", mac)
        where.equal("o.state", None if wanted is None else wanted.state)
        found_in = f"FROM command_outcomes o JOIN commands c ON c.batch_no = o.batch_no WHERE {where}"

        def job(db: Database) -> tuple[list[Command], int]:
            total = db.execute(f"SELECT count(*) {found_in}", where.values).fetchone()[0]
            rows = db.execute(
                f"SELECT {_COMMAND}, o.mac, o.state, o.reason, o.updated, o.why {found_in} "
                f"ORDER BY {_order(sort)} LIMIT ? OFFSET ?",
                [*where.values, limit, offset],
            )
            return [_command(row[:5], [_outcome(row[5:])]) for row in rows], total

        return self._store.read(job)

    def waiting_for(self, mac: str) -> Deferred[list[Command]]:
        def job(db: Database) -> list[Command]:
            rows = db.execute(
                f"SELECT {_COMMAND} FROM command_outcomes o "
                "JOIN commands c ON c.batch_no = o.batch_no "
                "WHERE o.mac = ? AND o.state = 'waiting' AND c.waits = 1 ORDER BY c.batch_no",
                (mac,),
            )
            return [_command(row) for row in rows]

        return self._store.read(job)


def _where(wanted: CommandFilter) -> Conditions:
    """The condition of a filter, but for what it says of a terminal."""
    where = Conditions()
    where.equal("c.code", wanted.code)
    if wanted.q:
        codes = ", ".join(str(int(code)) for code in wanted.codes)
        where.add(f"c.code IN ({codes}) OR c.batch_no LIKE ? ESCAPE '\\'", part(wanted.q))
    return where


def _order(sort: str) -> str:
    column = {"created": "c.batch_no", "command": "c.code"}[sort.removeprefix("-")]
    return f"{column} {'DESC' if sort.startswith('-') else 'ASC'}, c.batch_no DESC"


def _counts(db: Database, batch_no: int) -> dict[str, int]:
    query = "SELECT state, count(*) FROM command_outcomes WHERE batch_no = ? GROUP BY state"
    return dict.fromkeys(STATES, 0) | dict(db.execute(query, (batch_no,)).fetchall())


def _outcome(row: tuple[Any, ...]) -> CommandOutcome:
    mac, state, reason, updated, why = row
    return CommandOutcome(mac, state, recall(reason, why), updated)


def _command(row: tuple[Any, ...], outcomes: Iterable[CommandOutcome] = ()) -> Command:
    batch_no, code, body, waits, created = row
    return Command(batch_no, code, json.loads(body), bool(waits), created, tuple(outcomes))


def _get(db: Database, batch_no: int) -> Command | None:
    row = db.execute(
        "SELECT batch_no, code, body, waits, created FROM commands WHERE batch_no = ?", (batch_no,)
    ).fetchone()
    if row is None:
        return None
    outcomes = db.execute(
        "SELECT mac, state, reason, updated, why FROM command_outcomes WHERE batch_no = ? ORDER BY mac",
        (batch_no,),
    )
    return _command(row, [_outcome(outcome) for outcome in outcomes])
