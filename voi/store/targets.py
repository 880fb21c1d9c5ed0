"""Rollouts, their targets and tasks, as they stand in the database; read inside a job."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from voi.domain.rollouts import CALLED_OFF, OPEN_TARGETS, Rollout, Summary, Target, TargetState, Task
from voi.domain.templates import PublishedLevel
from voi.messages.reason import recall
from voi.names import DiskName
from voi.store.conditions import among

OPEN = "state IN (" + ", ".join(f"'{state}'" for state in OPEN_TARGETS) + ")"
TASK = "id, rollout_id, mac, disk_uuid, level, operate_id, info_hash, size, state, sent, reason"
TARGET_COLUMNS = (
    "t.rollout_id, r.template_uuid, t.mac, t.state, t.reason, t.why, t.attempts, t.next_try, t.updated, t.from_server, "
    "t.booted, t.interruptions, t.fruitless, t.best, t.progress, r.again"
)
TARGET = f"{TARGET_COLUMNS} FROM rollout_targets t JOIN rollouts r ON r.id = t.rollout_id"


def task_of(row: Sequence[Any]) -> Task:
    """A task from the columns of TASK."""
    task_id, rollout_id, mac, disk_uuid, level, operate_id, info_hash, size, state, sent, reason = row
    name = DiskName(disk_uuid, level)
    return Task(
        task_id,
        rollout_id,
        mac,
        name,
        operate_id,
        info_hash,
        size,
        TargetState(state),
        bool(sent),
        reason,
    )


def target_of(row: Sequence[Any]) -> Target:
    """A target from the columns of TARGET_COLUMNS."""
    rollout_id, template_uuid, mac, state, reason, why, *rest, again = row
    rest.append(bool(again))
    return Target(rollout_id, template_uuid, mac, TargetState(state), recall(reason, why), *rest)


def read_tasks(db: Database, rollout_id: int, mac: str) -> tuple[Task, ...]:
    """The tasks of one target, parents first."""
    query = f"SELECT {TASK} FROM rollout_tasks WHERE rollout_id = ? AND mac = ? ORDER BY disk_uuid, level"
    return tuple(task_of(row) for row in db.execute(query, (rollout_id, mac)))


def read_newest_targets(db: Database, macs: Sequence[str] | None = None) -> dict[str, Target]:
    """The part of each terminal in the newest rollout that it was in, or of some terminals; for use inside a job."""
    where, values = among("m.mac", macs)
    # CROSS JOIN keeps this order: two steps in indices for each terminal, however many rollouts there were.
    rows = db.execute(
        f"SELECT {TARGET_COLUMNS} FROM terminals m CROSS JOIN rollout_targets t ON t.mac = m.mac "
        "AND t.rollout_id = (SELECT max(rollout_id) FROM rollout_targets WHERE mac = m.mac) "
        f"CROSS JOIN rollouts r ON r.id = t.rollout_id {where}",
        values,
    )
    return {target.mac: target for target in map(target_of, rows)}


def read_rollout(db: Database, rollout_id: int) -> Rollout | None:
    """A rollout with its targets, None where none has this number."""
    row = db.execute(
        "SELECT id, template_uuid, version, created, cancelled, again FROM rollouts WHERE id = ?", (rollout_id,)
    ).fetchone()
    if row is None:
        return None
    targets = db.execute(f"SELECT {TARGET} WHERE t.rollout_id = ? ORDER BY t.mac", (rollout_id,))
    number, template_uuid, version, created, cancelled, again = row
    found = tuple(target_of(target) for target in targets)
    return Rollout(number, template_uuid, version, created, bool(cancelled), found, bool(again))


def read_summary(db: Database, rollout_id: int) -> Summary:
    """A rollout in short; there must be one of this number."""
    number, template_uuid, version, created, cancelled = db.execute(
        "SELECT id, template_uuid, version, created, cancelled FROM rollouts WHERE id = ?", (rollout_id,)
    ).fetchone()
    rows = db.execute(
        "SELECT state, count(*), max(updated), count(booted), sum(progress) "
        "FROM rollout_targets WHERE rollout_id = ? GROUP BY state",
        (rollout_id,),
    ).fetchall()
    counts = dict.fromkeys(TargetState, 0) | {TargetState(state): count for state, count, *_ in rows}
    updated = max((row[2] for row in rows), default=created)
    ran = sum(row[3] for row in rows)
    reached = sum(row[4] or 0.0 for row in rows if row[0] in CALLED_OFF)
    return Summary(number, template_uuid, version, created, updated, bool(cancelled), counts, ran, reached)


def read_ended(db: Database, rollout_id: int) -> Summary | None:
    """A rollout in short if no target of it is open and it came to an end by itself, None if not."""
    if db.execute(f"SELECT 1 FROM rollout_targets WHERE rollout_id = ? AND {OPEN} LIMIT 1", (rollout_id,)).fetchone():
        return None
    summary = read_summary(db, rollout_id)
    ended = any(summary.counts[state] for state in (TargetState.DONE, TargetState.FAILED))
    return summary if ended and not summary.cancelled else None


def read_target(db: Database, rollout_id: int, mac: str) -> Target | None:
    """One target, None where there is none."""
    query = f"SELECT {TARGET} WHERE t.rollout_id = ? AND t.mac = ?"
    row = db.execute(query, (rollout_id, mac)).fetchone()
    return target_of(row) if row else None


def read_open_target(db: Database, rollout_id: int, mac: str) -> Target | None:
    """One target that has not ended, None where there is none."""
    target = read_target(db, rollout_id, mac)
    return target if target is not None and target.state in OPEN_TARGETS else None


def merge_tasks(
    db: Database, target: Target, wanted: Sequence[PublishedLevel], lacking: Sequence[PublishedLevel]
) -> None:
    """Let a target have a task that is not done for each level that is `wanted`, and none for what is not `lacking`.

    A task that goes on stays as it is: its terminal may be at work.
    """
    tasks = {task.name: task for task in read_tasks(db, target.rollout_id, target.mac)}
    new = [level for level in wanted if level.name not in tasks]
    db.conn.executemany(
        f"INSERT INTO rollout_tasks ({TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'waiting', 0, '')",
        [
            (
                str(uuid.uuid4()),
                target.rollout_id,
                target.mac,
                level.name.uuid,
                level.name.level,
                level.operate_id,
                level.info_hash,
                level.file_size,
            )
            for level in new
        ],
    )
    if new:  # how far it had come was a part of less
        db.execute(
            "UPDATE rollout_targets SET best = 0 WHERE rollout_id = ? AND mac = ?", (target.rollout_id, target.mac)
        )
    again = {level.name for level in wanted}
    lost = [task for task in tasks.values() if task.state is TargetState.DONE and task.name in again]
    db.conn.executemany(
        "UPDATE rollout_tasks SET state = 'waiting', sent = 0, reason = '' WHERE id = ?", [(task.id,) for task in lost]
    )
    open_still = {level.name for level in lacking}
    there = [task for task in tasks.values() if task.state is not TargetState.DONE and task.name not in open_still]
    db.conn.executemany(
        "UPDATE rollout_tasks SET state = 'done', reason = '' WHERE id = ?", [(task.id,) for task in there]
    )


def never_sent(target: Target, levels: Sequence[PublishedLevel], tasks: Sequence[Task]) -> tuple[Task, ...]:
    """What a terminal that is done had before, as tasks."""
    if target.state is not TargetState.DONE:
        return ()
    sent = {task.name for task in tasks}
    return tuple(
        Task(
            id=str(uuid.uuid4()),
            rollout_id=target.rollout_id,
            mac=target.mac,
            name=level.name,
            operate_id=level.operate_id,
            info_hash=level.info_hash,
            size=level.file_size,
            state=TargetState.DONE,
            sent=False,
            reason="",
        )
        for level in levels
        if level.name not in sent
    )


def insert_never_sent(db: Database, task: Task) -> None:
    """A level that its terminal had before, and has not got any more: now it is a task. For use inside a job."""
    db.execute(
        f"INSERT INTO rollout_tasks ({TASK}) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'done', 0, '' WHERE NOT EXISTS "
        "(SELECT 1 FROM rollout_tasks WHERE rollout_id = ?2 AND mac = ?3 AND disk_uuid = ?4 AND level = ?5)",
        (
            task.id,
            task.rollout_id,
            task.mac,
            task.name.uuid,
            task.name.level,
            task.operate_id,
            task.info_hash,
            task.size,
        ),
    )
