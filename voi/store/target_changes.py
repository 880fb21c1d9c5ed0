"""What happens to one target of a rollout, step by step; each a job of the thread that writes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlite_utils import Database

from voi.domain.rollouts import CALLED_OFF, LEAST_GAIN, OPEN_TARGETS, Target, TargetState, Task, Unconfirmed, Work
from voi.domain.templates import PublishedLevel, missing_levels
from voi.domain.terminals import ReportedLevel
from voi.messages.reason import kept
from voi.store.interfaces.rollouts import Settled
from voi.store.reported_levels import drop_level, put_level, read_disks
from voi.store.targets import (
    OPEN,
    insert_never_sent,
    merge_tasks,
    never_sent,
    read_ended,
    read_open_target,
    read_target,
    read_tasks,
)
from voi.store.templates import levels_of_version, read_template


def plan(db: Database, rollout_id: int, mac: str, now: float, unconfirmed: Unconfirmed) -> tuple[Work, Settled] | None:
    """Make the tasks for what a terminal lacks; None where its target is not open."""
    target = read_open_target(db, rollout_id, mac)
    if target is None:
        return None
    levels, held = _levels_of(db, target), _believed(db, target)
    lacking = _lacking(levels, held)
    doubtful = {level.name for level in lacking} - {level.name for level in missing_levels(levels, held)}
    unsaid = bool(doubtful) and unconfirmed is Unconfirmed.UNDECIDED
    if not unsaid:
        there = doubtful if unconfirmed is Unconfirmed.THERE else set()
        merge_tasks(db, target, [level for level in lacking if level.name not in there], lacking)
    tasks = read_tasks(db, rollout_id, mac)
    if not lacking and all(task.state is TargetState.DONE for task in tasks):
        _set_target(db, rollout_id, mac, TargetState.DONE, "", now)
    unsaid = unsaid or (bool(doubtful) and all(task.state is TargetState.DONE for task in tasks))
    settled = _settled(db, rollout_id, mac)
    return Work(settled.target, tasks, unsaid, never_sent(settled.target, levels, tasks)), settled


def replan(db: Database, rollout_id: int, mac: str, now: float) -> None:
    """Forget the tasks of an open target."""
    if read_open_target(db, rollout_id, mac) is None:
        return
    db.execute("DELETE FROM rollout_tasks WHERE rollout_id = ? AND mac = ?", (rollout_id, mac))
    _set_target(db, rollout_id, mac, TargetState.WAITING, "", now)


def sent(db: Database, task: Task, now: float) -> None:
    """Note that a terminal confirmed what it was sent."""
    if read_open_target(db, task.rollout_id, task.mac) is None:
        return
    db.execute(
        "UPDATE rollout_tasks SET sent = 1, reason = '', state = ? WHERE id = ? AND state = 'waiting'",
        (TargetState.DOWNLOADING, task.id),
    )
    _set_target(db, task.rollout_id, task.mac, TargetState.DOWNLOADING, "", now)


def done(db: Database, task: Task, level: ReportedLevel, now: float) -> Settled | None:
    """Note that a terminal has a level; None where its task or target is not open any more."""
    if db.execute("SELECT 1 FROM rollout_tasks WHERE id = ?", (task.id,)).fetchone() is None:
        return None  # planned anew meanwhile: what the terminal said it lacks, it lacks
    put_level(db, task.mac, level)
    target = read_open_target(db, task.rollout_id, task.mac)
    if target is None:
        return None
    db.execute("UPDATE rollout_tasks SET state = ?, reason = '' WHERE id = ?", (TargetState.DONE, task.id))
    tasks, levels = read_tasks(db, task.rollout_id, task.mac), _levels_of(db, target)
    whole = all(other.state is TargetState.DONE for other in tasks)
    if whole and not _lacking(levels, read_disks(db, task.mac)):  # what it had before is there as well
        _set_target(db, task.rollout_id, task.mac, TargetState.DONE, "", now)
    return _settled(db, task.rollout_id, task.mac)


def failed(
    db: Database, task: Task, reason: str, attempts: int, next_try: float | None, now: float, progress: float | None
) -> Settled | None:
    """Note that a try failed; None where the target is not open any more."""
    if read_open_target(db, task.rollout_id, task.mac) is None:
        return None
    state = TargetState.FAILED if next_try is None else TargetState.WAITING
    changed = db.execute(
        "UPDATE rollout_tasks SET state = ?, sent = 0, reason = ? WHERE id = ? AND state != 'done'",
        (state, reason, task.id),
    )
    if not changed.rowcount:
        return _settled(db, task.rollout_id, task.mac)
    _set_failed(db, task, state, reason, attempts, next_try, progress, now)
    return _settled(db, task.rollout_id, task.mac)


def reopen(db: Database, task: Task, reason: str, attempts: int, next_try: float | None, now: float) -> Settled | None:
    """Note that a terminal has not got what it was done with; None where that changes nothing any more."""
    target = read_target(db, task.rollout_id, task.mac)
    if target is None or target.state in (*CALLED_OFF, TargetState.FAILED):
        return None
    if target.state is TargetState.DONE:
        insert_never_sent(db, task)
    if (
        _has_newer(db, target)
        or not db.execute("SELECT 1 FROM rollout_tasks WHERE id = ? AND state = 'done'", (task.id,)).fetchone()
    ):
        return None
    state = TargetState.FAILED if next_try is None else TargetState.WAITING
    db.execute("UPDATE rollout_tasks SET state = ?, sent = 0, reason = ? WHERE id = ?", (state, reason, task.id))
    drop_level(db, task.mac, task.name)
    _set_failed(db, task, state, reason, attempts, next_try, None, now)
    return _settled(db, task.rollout_id, task.mac)


def interrupted(db: Database, rollout_id: int, mac: str, reached: float) -> Target | None:
    """Count an interruption of an open target."""
    db.execute(
        "UPDATE rollout_targets SET interruptions = interruptions + 1, "
        "fruitless = CASE WHEN ?3 - best >= ?4 THEN 0 ELSE fruitless + 1 END, best = max(best, ?3) "
        f"WHERE rollout_id = ?1 AND mac = ?2 AND {OPEN}",
        (rollout_id, mac, reached, LEAST_GAIN),
    )
    return read_open_target(db, rollout_id, mac)


def gained(db: Database, rollout_id: int, mac: str, reached: float) -> Target | None:
    """Note that a terminal gained since its interruption."""
    db.execute(
        f"UPDATE rollout_targets SET fruitless = 0, best = max(best, ?) WHERE rollout_id = ? AND mac = ? AND {OPEN}",
        (reached, rollout_id, mac),
    )
    return read_open_target(db, rollout_id, mac)


def explain(db: Database, rollout_id: int, mac: str, reason: str, now: float) -> None:
    """Say what an open target waits for."""
    db.execute(
        f"UPDATE rollout_targets SET reason = ?, why = ?, updated = ? WHERE rollout_id = ? AND mac = ? AND {OPEN}",
        (reason, kept(reason), now, rollout_id, mac),
    )


def _set_target(db: Database, rollout_id: int, mac: str, state: TargetState, reason: str, now: float) -> None:
    db.execute(
        "UPDATE rollout_targets SET state = ?, reason = ?, why = ?, updated = ? WHERE rollout_id = ? AND mac = ?",
        (state, reason, kept(reason), now, rollout_id, mac),
    )
    if state is TargetState.DONE:
        db.execute(
            "UPDATE rollout_targets SET done_session = (SELECT session FROM terminals WHERE mac = ?2), booted = NULL "
            "WHERE rollout_id = ?1 AND mac = ?2",
            (rollout_id, mac),
        )


def _set_failed(
    db: Database,
    task: Task,
    state: TargetState,
    reason: str,
    attempts: int,
    next_try: float | None,
    progress: float | None,
    now: float,
) -> None:
    db.execute(
        "UPDATE rollout_targets SET state = ?, reason = ?, why = ?, attempts = ?, next_try = ?, progress = ?, "
        "updated = ?, booted = NULL WHERE rollout_id = ? AND mac = ?",
        (state, reason, kept(reason), attempts, next_try or 0, progress, now, task.rollout_id, task.mac),
    )


def _settled(db: Database, rollout_id: int, mac: str) -> Settled:
    """A target as it is now, and its rollout if it has ended with it; there must be one."""
    target = read_target(db, rollout_id, mac)
    assert target is not None
    return Settled(target, None if target.state in OPEN_TARGETS else read_ended(db, rollout_id))


def _has_newer(db: Database, target: Target) -> bool:
    """Whether a terminal has a newer rollout of the same template."""
    row = db.execute(
        "SELECT 1 FROM rollout_targets t JOIN rollouts r ON r.id = t.rollout_id "
        "WHERE t.mac = ? AND r.template_uuid = ? AND r.id > ? LIMIT 1",
        (target.mac, target.template_uuid, target.rollout_id),
    ).fetchone()
    return row is not None


def _levels_of(db: Database, target: Target) -> Sequence[PublishedLevel]:
    """The levels that a target's terminal should have."""
    row = db.execute("SELECT template_uuid, version FROM rollouts WHERE id = ?", (target.rollout_id,)).fetchone()
    template = read_template(db, row[0])
    return levels_of_version(db, template, row[1]) if template is not None else ()


def _believed(db: Database, target: Target) -> list[ReportedLevel]:
    """What a target's terminal said that it has; of what is sent again, only what was sent since."""
    held = read_disks(db, target.mac)
    if not target.again:
        return held
    sent = {task.name for task in read_tasks(db, target.rollout_id, target.mac) if task.state is TargetState.DONE}
    return [level for level in held if level.name in sent]


def _lacking(levels: Sequence[PublishedLevel], held: Sequence[ReportedLevel]) -> list[PublishedLevel]:
    """Those of which the terminal has not said since its login that it has them."""
    return missing_levels(levels, [level for level in held if level.confirmed])
