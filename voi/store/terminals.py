"""Terminals and the disks they reported."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.room_directory import RoomDirectory
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Terminal, Visit
from voi.errors import Conflict
from voi.messages.reason import Reason
from voi.store.boots import note_boot
from voi.store.conditions import among
from voi.store.database import Store
from voi.store.interfaces.terminals import MAX_TEMPLATES, MOST_VISITS, Terminals
from voi.store.reported_levels import put_level, put_levels, read_all_disks, read_disks

_COLUMNS = (
    "mac, ip, client_type, boot_disk, first_seen, last_seen, tracker_key, name, room_id, boot_hash, "
    "boot_session = session"
)


def _terminal(row: Sequence[Any]) -> Terminal:
    columns: Sequence[Any] = (*row[:-1], bool(row[-1]))
    return Terminal(*columns)


class SqlTerminals(Terminals):
    """`Terminals` in SQL."""

    def __init__(self, store: Store, directory: RoomDirectory, started: float = 0.0) -> None:
        self._store = store
        self._directory = directory
        self._started = started

    def touch(
        self,
        mac: str,
        ip: str,
        client_type: int,
        now: float,
        *,
        again: bool = False,
        audit: Audit[Terminal] | None = None,
    ) -> Deferred[Terminal]:
        def job(db: Database) -> Terminal:
            db.execute(
                "INSERT INTO terminals (mac, ip, client_type, first_seen, last_seen, tracker_key, session) "
                "VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (mac) DO UPDATE SET ip = excluded.ip, "
                "client_type = excluded.client_type, last_seen = excluded.last_seen, session = session + ?",
                (mac, ip, client_type, now, now, secrets.token_hex(16), not again),
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

    def set_boot_disk(self, mac: str, boot_disk: str, content: bytes | None, now: float) -> Deferred[int | None]:
        def job(db: Database) -> int | None:
            db.execute(
                "UPDATE terminals SET boot_disk = ?, boot_hash = ?, boot_session = session WHERE mac = ?",
                (boot_disk, content, mac),
            )
            return note_boot(db, mac, boot_disk, content, now)

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
        rows = list(levels)

        def job(db: Database) -> None:
            known = {row[0] for row in db.execute("SELECT uuid FROM terminal_templates WHERE mac = ?", (mac,))}
            if template.uuid not in known and len(known) >= MAX_TEMPLATES:
                raise Conflict(Reason("templates_full", mac=mac, count=len(known)))
            db.execute(
                "INSERT OR REPLACE INTO terminal_templates VALUES (?, ?, ?, ?, ?)",
                (mac, template.uuid, template.name, template.sys_type, template.desc),
            )
            db.execute("DELETE FROM terminal_disks WHERE mac = ? AND template_uuid = ?", (mac, template.uuid))
            put_levels(db, mac, rows)

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


def read_terminals(db: Database, macs: Sequence[str] | None = None) -> list[Terminal]:
    """All terminals by MAC, or some of them; for use inside a job."""
    where, values = among("mac", macs)
    return [_terminal(row) for row in db.execute(f"SELECT {_COLUMNS} FROM terminals {where} ORDER BY mac", values)]
