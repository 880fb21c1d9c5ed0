"""Entries of the audit log as rows: written and read inside a job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlite_utils import Database

from voi.domain.actors import actor_of
from voi.domain.audit import AuditEntry

COLUMNS: Final = "id, time, kind, who, origin, text, mac, rollout, template, data"


def insert_entry(db: Database, entry: AuditEntry) -> AuditEntry:
    """Write an entry down; gives it with its number. For use inside a job."""
    cursor = db.execute(
        f"INSERT INTO events ({COLUMNS[4:]}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            entry.time,
            entry.kind,
            entry.actor.text,
            entry.actor.address,
            entry.text,
            entry.mac,
            entry.rollout,
            entry.template,
            json.dumps(dict(entry.data)),
        ),
    )
    number = cursor.lastrowid
    assert number is not None
    db.execute(
        "INSERT OR IGNORE INTO event_terminals SELECT value, ? FROM json_each(?)", (number, json.dumps(entry.macs))
    )
    return replace(entry, id=number)


def entry_of(row: Sequence[Any]) -> AuditEntry:
    """An entry from the COLUMNS; the terminals of one about several are left out."""
    number, time, kind, who, origin, text, mac, rollout, template, data = row
    return AuditEntry(number, time, kind, actor_of(who, origin), text, mac, rollout, template, json.loads(data))
