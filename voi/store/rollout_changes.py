"""Rollouts as a whole: begun, cancelled, tried again; each a job of the thread that writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlite_utils import Database

from voi.domain.commands import CANCEL
from voi.domain.rollouts import OPEN_TARGETS, Target
from voi.errors import Conflict, NotFound, UnknownTemplate, UnknownTerminal
from voi.messages.reason import Reason, kept
from voi.store.commands import insert_command
from voi.store.interfaces.rollouts import Begun, CancelledRollout, Key
from voi.store.reported_levels import forget_levels
from voi.store.targets import OPEN, read_ended, read_rollout, read_target, read_tasks
from voi.store.templates import levels_of_version, read_template

_CANCELLED = Reason("cancelled")


def begin(
    db: Database,
    template_uuid: str,
    macs: Sequence[str] | None,
    now: float,
    version: int | None,
    progress: Mapping[Key, float | None],
    *,
    again: bool,
) -> Begun:
    """Write down a rollout, and take its terminals out of older ones."""
    template = read_template(db, template_uuid)
    if template is None:
        raise UnknownTemplate(Reason("no_template", uuid=template_uuid), field="template")
    if not template.levels:
        raise Conflict(Reason("nothing_published", name=template.name))
    number = template.version if version is None else version
    levels_of_version(db, template, number)
    known = [row[0] for row in db.execute("SELECT mac FROM terminals ORDER BY mac")]
    targets = known if macs is None else macs
    if not targets:
        raise Conflict(Reason("no_terminal"), field="macs")
    unknown = sorted(set(targets) - set(known))
    if unknown:
        raise UnknownTerminal(Reason("never_logged_in", mac=unknown[0]), field="macs")
    cursor = db.execute(
        "INSERT INTO rollouts (template_uuid, version, created, again) VALUES (?, ?, ?, ?)",
        (template_uuid, number, now, again),
    )
    rollout_id = cursor.lastrowid
    assert rollout_id is not None
    if again:  # what they said of it is not believed any more, until they say it anew
        forget_levels(db, targets, template_uuid)
    older = _supersede(db, template_uuid, targets, rollout_id, progress, now)
    db.conn.executemany(
        "INSERT INTO rollout_targets (rollout_id, mac, state, updated) VALUES (?, ?, 'waiting', ?)",
        [(rollout_id, mac, now) for mac in targets],
    )
    rollout = read_rollout(db, rollout_id)
    assert rollout is not None
    ended = [summary for number in older if (summary := read_ended(db, number)) is not None]
    return Begun(rollout, template.name, ended)


def cancel(
    db: Database, rollout_id: int, now: float, macs: Sequence[str] | None, progress: Mapping[str, float | None]
) -> CancelledRollout | None:
    """Cancel what is open, and write down the commands that tell it; None where there is no such rollout."""
    wanted = None if macs is None else set(macs)
    row = db.execute("SELECT template_uuid FROM rollouts WHERE id = ?", (rollout_id,)).fetchone()
    if row is None:
        return None
    template = read_template(db, row[0])
    there = f"SELECT mac FROM rollout_targets WHERE rollout_id = ? AND {OPEN} ORDER BY mac"
    found = [row[0] for row in db.execute(there, (rollout_id,)) if wanted is None or row[0] in wanted]
    tasks = [task for mac in found for task in read_tasks(db, rollout_id, mac) if task.state in OPEN_TARGETS]
    started: dict[str, list[str]] = {}
    for task in tasks:
        started.setdefault(task.mac, []).append(task.id)
    if found and wanted is None:
        db.execute("UPDATE rollouts SET cancelled = 1 WHERE id = ?", (rollout_id,))
    db.conn.executemany("UPDATE rollout_tasks SET state = 'cancelled' WHERE id = ?", [(task.id,) for task in tasks])
    db.conn.executemany(
        "UPDATE rollout_targets SET state = 'cancelled', reason = ?, why = ?, updated = ?, progress = ? "
        "WHERE rollout_id = ? AND mac = ?",
        [(_CANCELLED, kept(_CANCELLED), now, progress.get(mac), rollout_id, mac) for mac in found],
    )
    group = template.group_uuid if template else ""
    commands = [
        insert_command(db, CANCEL.code, {"desktop_group_uuid": group, "tasks": ids}, [mac], waits=CANCEL.waits, now=now)
        for mac, ids in started.items()
    ]
    return CancelledRollout(found, commands, read_ended(db, rollout_id) if found and wanted is not None else None)


def retry(db: Database, rollout_id: int, now: float) -> list[Target]:
    """Let the targets that failed begin again, unless their terminal has a newer rollout."""
    rollout = read_rollout(db, rollout_id)
    if rollout is None:
        raise NotFound(Reason("no_rollout", number=rollout_id))
    if rollout.cancelled:
        raise Conflict(Reason("rollout_cancelled", number=rollout_id))
    newer = {
        row[0]
        for row in db.execute(
            "SELECT t.mac FROM rollout_targets t JOIN rollouts r ON r.id = t.rollout_id "
            "WHERE r.template_uuid = ? AND r.id > ?",
            (rollout.template_uuid, rollout_id),
        )
    }
    macs = [x.mac for x in rollout.targets if x.has_failed and x.mac not in newer]
    if not macs:
        raise Conflict(Reason("nothing_to_retry", number=rollout_id))
    keys = [(rollout_id, mac) for mac in macs]
    db.conn.executemany(
        "UPDATE rollout_tasks SET state = 'waiting', sent = 0, reason = '' "
        "WHERE rollout_id = ? AND mac = ? AND state != 'done'",
        keys,
    )
    db.conn.executemany(
        "UPDATE rollout_targets SET state = 'waiting', reason = '', why = '', attempts = 0, next_try = 0, "
        "fruitless = 0, updated = ? WHERE rollout_id = ? AND mac = ?",
        [(now, *key) for key in keys],
    )
    return [target for key in keys if (target := read_target(db, *key)) is not None]


def _supersede(
    db: Database,
    template_uuid: str,
    macs: Sequence[str],
    number: int,
    progress: Mapping[Key, float | None],
    now: float,
) -> list[int]:
    """Take terminals out of older rollouts of the same template; the numbers of those."""
    rows = db.execute(
        f"SELECT rollout_id, mac FROM rollout_targets WHERE {OPEN} AND mac IN (SELECT value FROM json_each(?)) "
        "AND rollout_id IN (SELECT id FROM rollouts WHERE template_uuid = ? AND id < ?) ORDER BY 1",
        (json.dumps(list(macs)), template_uuid, number),
    ).fetchall()
    reason = Reason("newer_rollout", number=number)
    why = kept(reason)
    db.conn.executemany(
        f"UPDATE rollout_tasks SET state = 'superseded' WHERE rollout_id = ? AND mac = ? AND {OPEN}", rows
    )
    db.conn.executemany(
        "UPDATE rollout_targets SET state = 'superseded', reason = ?, why = ?, updated = ?, progress = ? "
        "WHERE rollout_id = ? AND mac = ?",
        [(reason, why, now, progress.get((older, mac)), older, mac) for older, mac in rows],
    )
    return sorted({older for older, _ in rows})
