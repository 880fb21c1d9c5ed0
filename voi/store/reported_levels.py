"""The levels that terminals said they have, as they stand in the database; for use inside a job."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from sqlite_utils import Database

from voi.domain.terminals import ReportedLevel
from voi.names import DiskName
from voi.store.conditions import among

_LEVEL = "d.template_uuid, d.disk_uuid, d.level, d.type, d.real_size, d.operate_id, d.session = m.session"
# Said in the present session, so of today; the number of a terminal's sessions is raised by each login.
_PUT_LEVEL = (
    "INSERT OR REPLACE INTO terminal_disks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
    "ifnull((SELECT session FROM terminals WHERE mac = ?1), 0))"
)


def _row(mac: str, x: ReportedLevel) -> tuple[Any, ...]:
    return (mac, x.template_uuid, x.name.uuid, x.name.level, x.type, x.real_size, x.operate_id)


def _level(row: Sequence[Any]) -> ReportedLevel:
    template_uuid, disk_uuid, level, kind, real_size, operate_id, confirmed = row
    return ReportedLevel(template_uuid, DiskName(disk_uuid, level), kind, real_size, operate_id, bool(confirmed))


def read_all_disks(db: Database, macs: Sequence[str] | None = None) -> dict[str, list[ReportedLevel]]:
    """What every terminal has, or some of them."""
    result: dict[str, list[ReportedLevel]] = {}
    known: dict[tuple[Any, ...], ReportedLevel] = {}  # the terminals of a room have the same disks
    where, values = among("m.mac", macs)
    rows = db.execute(
        f"SELECT d.mac, {_LEVEL} FROM terminal_disks d JOIN terminals m ON m.mac = d.mac {where} "
        "ORDER BY d.mac, d.disk_uuid, d.level",
        values,
    )
    for owner, *row in rows:
        key = tuple(row)
        level = known.get(key)
        if level is None:
            level = known[key] = _level(row)
        result.setdefault(owner, []).append(level)
    return result


def read_disks(db: Database, mac: str) -> list[ReportedLevel]:
    """What a terminal has."""
    rows = db.execute(
        f"SELECT {_LEVEL} FROM terminal_disks d JOIN terminals m ON m.mac = d.mac WHERE d.mac = ? "
        "ORDER BY d.disk_uuid, d.level",
        (mac,),
    )
    return [_level(row) for row in rows]


def put_levels(db: Database, mac: str, levels: Iterable[ReportedLevel]) -> None:
    """Note that a terminal says now that it has these."""
    db.conn.executemany(_PUT_LEVEL, [_row(mac, level) for level in levels])


def put_level(db: Database, mac: str, level: ReportedLevel) -> None:
    """Note that a terminal has one more level. An unknown terminal is passed over."""
    try:
        db.execute(_PUT_LEVEL, _row(mac, level))
    except sqlite3.IntegrityError:
        if db.execute("SELECT 1 FROM terminals WHERE mac = ?", (mac,)).fetchone():
            raise


def forget_levels(db: Database, macs: Iterable[str], template_uuid: str) -> None:
    """What terminals said of a template is not believed any more, until they say it anew."""
    db.conn.executemany(
        "UPDATE terminal_disks SET session = -1 WHERE mac = ? AND template_uuid = ?",
        [(mac, template_uuid) for mac in macs],
    )


def drop_level(db: Database, mac: str, name: DiskName) -> None:
    """Note that a terminal has a level no more."""
    db.execute("DELETE FROM terminal_disks WHERE mac = ? AND disk_uuid = ? AND level = ?", (mac, name.uuid, name.level))
