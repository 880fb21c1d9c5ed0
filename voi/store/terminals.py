"""Terminals and the disks they reported."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.room_directory import RoomDirectory
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Terminal, Visit
from voi.errors import Conflict
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.store.database import Store
from voi.store.interfaces.terminals import MAX_TEMPLATES, MOST_VISITS, Terminals

_COLUMNS = "mac, ip, client_type, boot_disk, first_seen, last_seen, tracker_key, name, room_id"


def _terminal(row: Sequence[Any]) -> Terminal:
    return Terminal(*row)


class SqlTerminals(Terminals):
    """`Terminals` in SQL."""

    def __init__(self, store: Store, directory: RoomDirectory, started: float = 0.0) -> None:
        self._store = store
        self._directory = directory
        self._started = started

    def touch(
        self, mac: str, ip: str, client_type: int, now: float, *, audit: Audit[Terminal] | None = None
    ) -> Deferred[Terminal]:
        def job(db: Database) -> Terminal:
            db.execute(
                "INSERT INTO terminals (mac, ip, client_type, first_seen, last_seen, tracker_key) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (mac) DO UPDATE SET "
                "ip = excluded.ip, client_type = excluded.client_type, last_seen = excluded.last_seen",
                (mac, ip, client_type, now, now, secrets.token_hex(16)),
            )
            note_visit(db, mac, now, self._started)
            return _terminal(db.execute(f"SELECT {_COLUMNS} FROM terminals WHERE mac = ?", (mac,)).fetchone())

        def tell(terminal: Terminal) -> Terminal:
            self._directory.logged_in(terminal)
            return terminal

        return self._store.write(job, audit).addCallback(tell)

    def seen(self, mac: str, now: float) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute("UPDATE terminals SET last_seen = ? WHERE mac = ?", (now, mac))
            db.execute("UPDATE terminal_visits SET went = ? WHERE mac = ? AND went IS NULL", (now, mac))

        return self._store.write(job)

    def visits(self, mac: str) -> Deferred[list[Visit]]:
        def job(db: Database) -> list[Visit]:
            rows = db.execute("SELECT came, went FROM terminal_visits WHERE mac = ? ORDER BY came DESC", (mac,))
            return [Visit(came, went) for came, went in rows]

        return self._store.read(job)

    def set_boot_disk(self, mac: str, boot_disk: str) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute("UPDATE terminals SET boot_disk = ? WHERE mac = ?", (boot_disk, mac))

        return self._store.write(job)

    def get(self, mac: str) -> Deferred[Terminal | None]:
        def job(db: Database) -> Terminal | None:
            row = db.execute(f"SELECT {_COLUMNS} FROM terminals WHERE mac = ?", (mac,)).fetchone()
            return _terminal(row) if row else None

        return self._store.read(job)

    def all(self) -> Deferred[list[Terminal]]:
        return self._store.read(read_terminals)

    def some(self, macs: Sequence[str] | None) -> Deferred[list[Terminal]]:
        return self._store.read(lambda db: read_terminals(db, macs))

    def report(self, mac: str, template: ReportedTemplate, levels: Iterable[ReportedLevel]) -> Deferred[None]:
        rows = [_row(mac, level) for level in levels]

        def job(db: Database) -> None:
            known = {row[0] for row in db.execute("SELECT uuid FROM terminal_templates WHERE mac = ?", (mac,))}
            if template.uuid not in known and len(known) >= MAX_TEMPLATES:
                raise Conflict(Reason("templates_full", mac=mac, count=len(known)))
            db.execute(
                "INSERT OR REPLACE INTO terminal_templates VALUES (?, ?, ?, ?, ?)",
                (mac, template.uuid, template.name, template.sys_type, template.desc),
            )
            db.execute("DELETE FROM terminal_disks WHERE mac = ? AND template_uuid = ?", (mac, template.uuid))
            db.conn.executemany(_PUT_LEVEL, rows)

        return self._store.write(job)

    def add_level(self, mac: str, level: ReportedLevel) -> Deferred[None]:
        return self._store.write(lambda db: put_level(db, mac, level))

    def reported_template(self, mac: str, template_uuid: str) -> Deferred[ReportedTemplate | None]:
        def job(db: Database) -> ReportedTemplate | None:
            row = db.execute(
                "SELECT uuid, name, sys_type, desc FROM terminal_templates WHERE mac = ? AND uuid = ?",
                (mac, template_uuid),
            ).fetchone()
            return ReportedTemplate(*row) if row else None

        return self._store.read(job)

    def reported_names(self, macs: Sequence[str] | None = None) -> Deferred[dict[tuple[str, str], str]]:
        def job(db: Database) -> dict[tuple[str, str], str]:
            where, values = among("mac", macs)
            rows = db.execute(f"SELECT mac, uuid, name FROM terminal_templates {where}", values)
            return {(mac, template): name for mac, template, name in rows}

        return self._store.read(job)

    def disks(self, mac: str) -> Deferred[list[ReportedLevel]]:
        return self._store.read(lambda db: read_disks(db, mac))

    def all_disks(self, macs: Sequence[str] | None = None) -> Deferred[dict[str, list[ReportedLevel]]]:
        return self._store.read(lambda db: read_all_disks(db, macs))


def note_visit(db: Database, mac: str, now: float, started: float) -> None:
    """Note that a terminal came, unless it is there since the server's start; for use inside a job."""
    newest = db.execute("SELECT max(came), went FROM terminal_visits WHERE mac = ?", (mac,)).fetchone()
    came, went = newest
    if came is not None and went is None:
        if came >= started:
            return
        db.execute("UPDATE terminal_visits SET went = 0 WHERE mac = ? AND went IS NULL", (mac,))
    db.execute("INSERT OR REPLACE INTO terminal_visits VALUES (?, ?, NULL)", (mac, now))
    db.execute(
        "DELETE FROM terminal_visits WHERE mac = ?1 AND came < "
        "(SELECT min(came) FROM (SELECT came FROM terminal_visits WHERE mac = ?1 ORDER BY came DESC LIMIT ?2))",
        (mac, MOST_VISITS),
    )


_LEVEL = "template_uuid, disk_uuid, level, type, real_size, operate_id"
_PUT_LEVEL = "INSERT OR REPLACE INTO terminal_disks VALUES (?, ?, ?, ?, ?, ?, ?)"


def _row(mac: str, x: ReportedLevel) -> tuple[Any, ...]:
    return (mac, x.template_uuid, x.name.uuid, x.name.level, x.type, x.real_size, x.operate_id)


def _level(row: Sequence[Any]) -> ReportedLevel:
    template_uuid, disk_uuid, level, kind, real_size, operate_id = row
    return ReportedLevel(template_uuid, DiskName(disk_uuid, level), kind, real_size, operate_id)


def read_terminals(db: Database, macs: Sequence[str] | None = None) -> list[Terminal]:
    """All terminals by MAC, or some of them; for use inside a job."""
    where, values = among("mac", macs)
    return [_terminal(row) for row in db.execute(f"SELECT {_COLUMNS} FROM terminals {where} ORDER BY mac", values)]


def read_all_disks(db: Database, macs: Sequence[str] | None = None) -> dict[str, list[ReportedLevel]]:
    """What every terminal has, or some of them; for use inside a job."""
    result: dict[str, list[ReportedLevel]] = {}
    known: dict[tuple[Any, ...], ReportedLevel] = {}  # the terminals of a room have the same disks
    where, values = among("mac", macs)
    rows = db.execute(f"SELECT mac, {_LEVEL} FROM terminal_disks {where} ORDER BY mac, disk_uuid, level", values)
    for owner, *row in rows:
        key = tuple(row)
        level = known.get(key)
        if level is None:
            level = known[key] = _level(row)
        result.setdefault(owner, []).append(level)
    return result


def among(column: str, macs: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """The condition that a column is one of these MACs, with its values; None for no condition."""
    if macs is None:
        return "", ()
    return f"WHERE {column} IN (SELECT value FROM json_each(?))", (json.dumps(list(macs)),)


def read_disks(db: Database, mac: str) -> list[ReportedLevel]:
    """What a terminal has; for use inside a job."""
    rows = db.execute(f"SELECT {_LEVEL} FROM terminal_disks WHERE mac = ? ORDER BY disk_uuid, level", (mac,))
    return [_level(row) for row in rows]


def put_level(db: Database, mac: str, level: ReportedLevel) -> None:
    """Note that a terminal has one more level; for use inside a job. An unknown terminal is passed over."""
    try:
        db.execute(_PUT_LEVEL, _row(mac, level))
    except sqlite3.IntegrityError:
        if db.execute("SELECT 1 FROM terminals WHERE mac = ?", (mac,)).fetchone():
            raise
