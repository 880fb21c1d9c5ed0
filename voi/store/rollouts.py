"""Rollouts: a row for each terminal and each level, on disk before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.commands import CANCEL
from voi.domain.rollouts import (
    CALLED_OFF,
    LEAST_GAIN,
    OPEN_TARGETS,
    Demand,
    Participation,
    Rollout,
    Summary,
    Target,
    TargetState,
    Task,
    Unconfirmed,
    Work,
)
from voi.domain.templates import PublishedLevel, missing_levels
from voi.domain.terminals import ReportedLevel
from voi.errors import Conflict, NotFound, UnknownTemplate, UnknownTerminal
from voi.messages.reason import Reason, kept
from voi.store.commands import insert_command
from voi.store.conditions import Conditions, part
from voi.store.database import Store, where_found
from voi.store.interfaces.rollouts import NOTHING, Begun, CancelledRollout, Key, Rollouts, Settled
from voi.store.reported_levels import drop_level, forget_levels, put_level, read_disks
from voi.store.targets import (
    OPEN,
    TARGET,
    TASK,
    insert_never_sent,
    merge_tasks,
    never_sent,
    read_open_target,
    read_rollout,
    read_summary,
    read_target,
    read_tasks,
    target_of,
    task_of,
)
from voi.store.templates import levels_of_version, read_template

_ORDERS = {"created": "r.id", "template_name": "coalesce(t.name, '') COLLATE NOCASE", "version": "r.version"}
_CANCELLED = Reason("cancelled")


class SqlRollouts(Rollouts):
    """`Rollouts` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(
        self,
        template_uuid: str,
        macs: Iterable[str] | None,
        now: float,
        version: int | None = None,
        *,
        again: bool = False,
        progress: Mapping[Key, float | None] = NOTHING,
        audit: Audit[Begun] | None = None,
    ) -> Deferred[Rollout]:
        wanted = None if macs is None else list(dict.fromkeys(macs))

        def job(db: Database) -> Begun:
            template = read_template(db, template_uuid)
            if template is None:
                raise UnknownTemplate(Reason("no_template", uuid=template_uuid), field="template")
            if not template.levels:
                raise Conflict(Reason("nothing_published", name=template.name))
            number = template.version if version is None else version
            levels_of_version(db, template, number)
            known = [row[0] for row in db.execute("SELECT mac FROM terminals ORDER BY mac")]
            targets = known if wanted is None else wanted
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
            ended = [summary for number in older if (summary := _ended(db, number)) is not None]
            return Begun(rollout, template.name, ended)

        return self._store.write(job, audit).addCallback(lambda begun: begun.rollout)

    def demand(self, rollout_id: int) -> Deferred[Demand]:
        def job(db: Database) -> Demand:
            image = db.execute(
                "SELECT coalesce(sum(size), 0) FROM (SELECT max(size) AS size FROM rollout_tasks "
                "WHERE rollout_id = ? GROUP BY info_hash)",
                (rollout_id,),
            ).fetchone()[0]
            most, total, terminals = db.execute(
                "SELECT coalesce(max(size), 0), coalesce(sum(size), 0), count(*) FROM "
                "(SELECT sum(size) AS size FROM rollout_tasks WHERE rollout_id = ? GROUP BY mac)",
                (rollout_id,),
            ).fetchone()
            return Demand(image, most, total, terminals)

        return self._store.read(job)

    def plan(
        self,
        rollout_id: int,
        mac: str,
        now: float,
        unconfirmed: Unconfirmed = Unconfirmed.LACKING,
        *,
        audit: Audit[Settled] | None = None,
    ) -> Deferred[Work | None]:
        def job(db: Database) -> tuple[Work, Settled] | None:
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
            held_before = never_sent(settled.target, levels, tasks)
            return Work(settled.target, tasks, unsaid, held_before), settled

        tells = None if audit is None else _second(audit)
        return self._store.write(job, where_found(tells)).addCallback(lambda found: None if found is None else found[0])

    def replan(self, rollout_id: int, mac: str, now: float) -> Deferred[None]:
        def job(db: Database) -> None:
            if read_open_target(db, rollout_id, mac) is None:
                return
            db.execute("DELETE FROM rollout_tasks WHERE rollout_id = ? AND mac = ?", (rollout_id, mac))
            _set_target(db, rollout_id, mac, TargetState.WAITING, "", now)

        return self._store.write(job)

    def sent(self, task: Task, now: float) -> Deferred[None]:
        def job(db: Database) -> None:
            if read_open_target(db, task.rollout_id, task.mac) is None:
                return
            db.execute(
                "UPDATE rollout_tasks SET sent = 1, reason = '', state = ? WHERE id = ? AND state = 'waiting'",
                (TargetState.DOWNLOADING, task.id),
            )
            _set_target(db, task.rollout_id, task.mac, TargetState.DOWNLOADING, "", now)

        return self._store.write(job)

    def done(
        self, task: Task, level: ReportedLevel, now: float, *, audit: Audit[Settled] | None = None
    ) -> Deferred[Target | None]:
        def job(db: Database) -> Settled | None:
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

        return self._store.write(job, where_found(audit)).addCallback(_target)

    def failed(
        self,
        task: Task,
        reason: str,
        attempts: int,
        next_try: float | None,
        now: float,
        *,
        progress: float | None = None,
        audit: Audit[Settled] | None = None,
    ) -> Deferred[Target | None]:
        def job(db: Database) -> Settled | None:
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

        return self._store.write(job, where_found(audit)).addCallback(_target)

    def reopen(
        self,
        task: Task,
        reason: str,
        attempts: int,
        next_try: float | None,
        now: float,
        *,
        audit: Audit[Settled] | None = None,
    ) -> Deferred[Target | None]:
        def job(db: Database) -> Settled | None:
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
            db.execute(
                "UPDATE rollout_tasks SET state = ?, sent = 0, reason = ? WHERE id = ?", (state, reason, task.id)
            )
            drop_level(db, task.mac, task.name)
            _set_failed(db, task, state, reason, attempts, next_try, None, now)
            return _settled(db, task.rollout_id, task.mac)

        return self._store.write(job, where_found(audit)).addCallback(_target)

    def interrupted(self, rollout_id: int, mac: str, reached: float) -> Deferred[Target | None]:
        def job(db: Database) -> Target | None:
            db.execute(
                "UPDATE rollout_targets SET interruptions = interruptions + 1, "
                "fruitless = CASE WHEN ?3 - best >= ?4 THEN 0 ELSE fruitless + 1 END, best = max(best, ?3) "
                f"WHERE rollout_id = ?1 AND mac = ?2 AND {OPEN}",
                (rollout_id, mac, reached, LEAST_GAIN),
            )
            return read_open_target(db, rollout_id, mac)

        return self._store.write(job)

    def gained(self, rollout_id: int, mac: str, reached: float) -> Deferred[Target | None]:
        def job(db: Database) -> Target | None:
            db.execute(
                "UPDATE rollout_targets SET fruitless = 0, best = max(best, ?) "
                f"WHERE rollout_id = ? AND mac = ? AND {OPEN}",
                (reached, rollout_id, mac),
            )
            return read_open_target(db, rollout_id, mac)

        return self._store.write(job)

    def explain(self, rollout_id: int, mac: str, reason: str, now: float) -> Deferred[None]:
        def job(db: Database) -> None:
            db.execute(
                "UPDATE rollout_targets SET reason = ?, why = ?, updated = ? "
                f"WHERE rollout_id = ? AND mac = ? AND {OPEN}",
                (reason, kept(reason), now, rollout_id, mac),
            )

        return self._store.write(job)

    def cancel(
        self,
        rollout_id: int,
        now: float,
        macs: Sequence[str] | None = None,
        *,
        progress: Mapping[str, float | None] = NOTHING,
        audit: Audit[CancelledRollout] | None = None,
    ) -> Deferred[CancelledRollout | None]:
        wanted = None if macs is None else set(macs)

        def job(db: Database) -> CancelledRollout | None:
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
            db.conn.executemany(
                "UPDATE rollout_tasks SET state = 'cancelled' WHERE id = ?", [(task.id,) for task in tasks]
            )
            db.conn.executemany(
                "UPDATE rollout_targets SET state = 'cancelled', reason = ?, why = ?, updated = ?, progress = ? "
                "WHERE rollout_id = ? AND mac = ?",
                [(_CANCELLED, kept(_CANCELLED), now, progress.get(mac), rollout_id, mac) for mac in found],
            )
            group = template.group_uuid if template else ""
            commands = [
                insert_command(
                    db, CANCEL.code, {"desktop_group_uuid": group, "tasks": ids}, [mac], waits=CANCEL.waits, now=now
                )
                for mac, ids in started.items()
            ]
            return CancelledRollout(found, commands, _ended(db, rollout_id) if found and wanted is not None else None)

        return self._store.write(job, where_found(audit))

    def summary(self, rollout_id: int) -> Deferred[Summary | None]:
        def job(db: Database) -> Summary | None:
            known = db.execute("SELECT 1 FROM rollouts WHERE id = ?", (rollout_id,)).fetchone()
            return read_summary(db, rollout_id) if known else None

        return self._store.read(job)

    def running(self) -> Deferred[list[Summary]]:
        def job(db: Database) -> list[Summary]:
            numbers = db.execute(f"SELECT DISTINCT rollout_id FROM rollout_targets WHERE {OPEN} ORDER BY 1 DESC")
            return [read_summary(db, row[0]) for row in numbers.fetchall()]

        return self._store.read(job)

    def retry(self, rollout_id: int, now: float, *, audit: Audit[list[Target]] | None = None) -> Deferred[list[Target]]:
        def job(db: Database) -> list[Target]:
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

        return self._store.write(job, audit)

    def get(self, rollout_id: int) -> Deferred[Rollout | None]:
        return self._store.read(lambda db: read_rollout(db, rollout_id))

    def summaries(
        self,
        *,
        q: str = "",
        template_uuid: str | None = None,
        state: str | None = None,
        sort: str = "-created",
        limit: int = -1,
        offset: int = 0,
    ) -> Deferred[tuple[list[Summary], int]]:
        where = Conditions()
        where.equal("r.template_uuid", template_uuid)
        if q:
            number = int(q) if q.isascii() and q.isdecimal() and len(q) < 16 else None
            where.add("t.name LIKE ? ESCAPE '\\' OR r.id = ?", part(q), number)
        order = f"{_ORDERS[sort.removeprefix('-')]} {'DESC' if sort.startswith('-') else 'ASC'}, r.id DESC"
        found_in = f"FROM rollouts r LEFT JOIN templates t ON t.uuid = r.template_uuid WHERE {where}"

        def job(db: Database) -> tuple[list[Summary], int]:
            query, values = f"SELECT r.id {found_in} ORDER BY {order}", where.values
            if state is None:  # by far the most often: only those that are shown are counted through
                total = db.execute(f"SELECT count(*) {found_in}", values).fetchone()[0]
                rows = db.execute(f"{query} LIMIT ? OFFSET ?", [*values, limit, offset])
                return [read_summary(db, row[0]) for row in rows.fetchall()], total
            found = [read_summary(db, row[0]) for row in db.execute(query, values).fetchall()]
            found = [summary for summary in found if summary.state == state]
            return found[offset : None if limit < 0 else offset + limit], len(found)

        return self._store.read(job)

    def tasks(self, rollout_id: int) -> Deferred[list[Task]]:
        def job(db: Database) -> list[Task]:
            query = f"SELECT {TASK} FROM rollout_tasks WHERE rollout_id = ? ORDER BY mac, disk_uuid, level"
            return [task_of(row) for row in db.execute(query, (rollout_id,))]

        return self._store.read(job)

    def of_terminal(self, mac: str, limit: int) -> Deferred[list[Participation]]:
        def job(db: Database) -> list[Participation]:
            rows = db.execute(
                f"SELECT r.version, r.created, {TARGET} WHERE t.mac = ? ORDER BY t.rollout_id DESC LIMIT ?",
                (mac, limit),
            ).fetchall()
            return [Participation(target_of(target), version, begun) for version, begun, *target in rows]

        return self._store.read(job)

    def open_work(self) -> Deferred[list[Work]]:
        def job(db: Database) -> list[Work]:
            rows = db.execute(f"SELECT {TARGET} WHERE t.{OPEN} ORDER BY t.rollout_id, t.mac").fetchall()
            return [Work(target, read_tasks(db, target.rollout_id, target.mac)) for target in map(target_of, rows)]

        return self._store.read(job)


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


def _settled(db: Database, rollout_id: int, mac: str) -> Settled:
    """A target as it is now, and its rollout if it has ended with it; there must be one."""
    target = read_target(db, rollout_id, mac)
    assert target is not None
    return Settled(target, None if target.state in OPEN_TARGETS else _ended(db, rollout_id))


def _ended(db: Database, rollout_id: int) -> Summary | None:
    """A rollout in short if no target of it is open and it came to an end by itself, None if not."""
    if db.execute(f"SELECT 1 FROM rollout_targets WHERE rollout_id = ? AND {OPEN} LIMIT 1", (rollout_id,)).fetchone():
        return None
    summary = read_summary(db, rollout_id)
    ended = any(summary.counts[state] for state in (TargetState.DONE, TargetState.FAILED))
    return summary if ended and not summary.cancelled else None


def _target(settled: Settled | None) -> Target | None:
    return None if settled is None else settled.target


def _second(audit: Audit[Settled]) -> Audit[tuple[Work, Settled]]:
    return lambda found: audit(found[1])


def _has_newer(db: Database, target: Target) -> bool:
    """Whether a terminal has a newer rollout of the same template."""
    row = db.execute(
        "SELECT 1 FROM rollout_targets t JOIN rollouts r ON r.id = t.rollout_id "
        "WHERE t.mac = ? AND r.template_uuid = ? AND r.id > ? LIMIT 1",
        (target.mac, target.template_uuid, target.rollout_id),
    ).fetchone()
    return row is not None


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
