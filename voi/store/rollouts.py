"""Rollouts: a row for each terminal and each level, on disk before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.rollout_demand import Demand
from voi.domain.rollouts import Participation, Rollout, Summary, Target, Task, Unconfirmed, Work
from voi.domain.terminals import ReportedLevel
from voi.store import rollout_changes, target_changes
from voi.store.conditions import Conditions, part
from voi.store.database import Store, where_found
from voi.store.interfaces.rollouts import NOTHING, Begun, CancelledRollout, Key, Rollouts, Settled
from voi.store.targets import OPEN, TARGET, TASK, read_rollout, read_summary, read_tasks, target_of, task_of

_ORDERS = {"created": "r.id", "template_name": "coalesce(t.name, '') COLLATE NOCASE", "version": "r.version"}


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
        written = self._store.write(
            lambda db: rollout_changes.begin(db, template_uuid, wanted, now, version, progress, again=again), audit
        )
        return written.addCallback(lambda begun: begun.rollout)

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
        tells = None if audit is None else _second(audit)
        planned = self._store.write(
            lambda db: target_changes.plan(db, rollout_id, mac, now, unconfirmed), where_found(tells)
        )
        return planned.addCallback(lambda found: None if found is None else found[0])

    def replan(self, rollout_id: int, mac: str, now: float) -> Deferred[None]:
        return self._store.write(lambda db: target_changes.replan(db, rollout_id, mac, now))

    def sent(self, task: Task, now: float) -> Deferred[None]:
        return self._store.write(lambda db: target_changes.sent(db, task, now))

    def done(
        self, task: Task, level: ReportedLevel, now: float, *, audit: Audit[Settled] | None = None
    ) -> Deferred[Target | None]:
        settled = self._store.write(lambda db: target_changes.done(db, task, level, now), where_found(audit))
        return settled.addCallback(_target)

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
        settled = self._store.write(
            lambda db: target_changes.failed(db, task, reason, attempts, next_try, now, progress), where_found(audit)
        )
        return settled.addCallback(_target)

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
        settled = self._store.write(
            lambda db: target_changes.reopen(db, task, reason, attempts, next_try, now), where_found(audit)
        )
        return settled.addCallback(_target)

    def interrupted(self, rollout_id: int, mac: str, reached: float) -> Deferred[Target | None]:
        return self._store.write(lambda db: target_changes.interrupted(db, rollout_id, mac, reached))

    def gained(self, rollout_id: int, mac: str, reached: float) -> Deferred[Target | None]:
        return self._store.write(lambda db: target_changes.gained(db, rollout_id, mac, reached))

    def explain(self, rollout_id: int, mac: str, reason: str, now: float) -> Deferred[None]:
        return self._store.write(lambda db: target_changes.explain(db, rollout_id, mac, reason, now))

    def cancel(
        self,
        rollout_id: int,
        now: float,
        macs: Sequence[str] | None = None,
        *,
        progress: Mapping[str, float | None] = NOTHING,
        audit: Audit[CancelledRollout] | None = None,
    ) -> Deferred[CancelledRollout | None]:
        return self._store.write(
            lambda db: rollout_changes.cancel(db, rollout_id, now, macs, progress), where_found(audit)
        )

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
        return self._store.write(lambda db: rollout_changes.retry(db, rollout_id, now), audit)

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


def _target(settled: Settled | None) -> Target | None:
    return None if settled is None else settled.target


def _second(audit: Audit[Settled]) -> Audit[tuple[Work, Settled]]:
    return lambda found: audit(found[1])
