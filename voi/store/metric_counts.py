"""What there is of each kind, counted in one reading: for metrics, which are asked for again and again.

SQLite counts, for it does so without Python's lock: reading thousands of rows into objects would hold up the reactor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.metric_counts import ROLLOUT_STATES, CountedLevel, MetricCounts
from voi.domain.rollouts import OPEN_TARGETS, TargetState, rollout_state
from voi.domain.terminal_status import TerminalState
from voi.domain.uploads import UploadState
from voi.names import DiskName
from voi.store.database import Store
from voi.store.interfaces.snapshots import Statistics
from voi.store.reported_levels import read_all_disks
from voi.store.snapshots import read_catalogue
from voi.store.targets import read_newest_targets
from voi.store.terminals import read_terminals


class SqlStatistics(Statistics):
    """`Statistics` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self, most_levels: int) -> Deferred[MetricCounts]:
        def job(db: Database) -> MetricCounts:
            return MetricCounts(
                _rollouts(db),
                {state.value: 0 for state in TargetState} | dict(db.execute(_TARGETS).fetchall()),
                {state.value: 0 for state in UploadState} | dict(db.execute(_UPLOAD_DISKS).fetchall()),
                db.execute("SELECT count(*) FROM levels").fetchone()[0],
                [
                    CountedLevel(DiskName(disk, level), info_hash, size, template, name)
                    for disk, level, info_hash, size, template, name in db.execute(_LEVELS, (most_levels,))
                ],
                _alike(db),
            )

        return self._store.read(job)


_OPEN = "state IN (" + ", ".join(f"'{state}'" for state in OPEN_TARGETS) + ")"
_TARGETS = (
    "SELECT state, count(*) FROM rollout_targets WHERE rollout_id IN "
    f"(SELECT DISTINCT rollout_id FROM rollout_targets WHERE {_OPEN}) GROUP BY state"
)
_UPLOAD_DISKS = "SELECT state, count(*) FROM upload_disks GROUP BY state"
_LEVELS = (
    "SELECT l.disk_uuid, l.level, l.info_hash, l.file_size, t.uuid, t.name "
    "FROM levels l JOIN templates t ON t.uuid = l.template_uuid ORDER BY l.published DESC, l.rowid DESC LIMIT ?"
)
# One step in an index for each rollout and state, however many terminals it had.
_ROLLOUTS = (
    "SELECT r.cancelled, "
    + ", ".join(
        f"EXISTS (SELECT 1 FROM rollout_targets t WHERE t.rollout_id = r.id AND t.state = '{state}')"
        for state in TargetState
    )
    + " FROM rollouts r"
)
# What a terminal's state depends on, if it is online: the terminals of a room are alike.
_ALIKE = """
WITH seen AS (
    SELECT m.mac, m.boot_disk, m.boot_session = m.session AS boot_now,
        (SELECT max(rollout_id) FROM rollout_targets WHERE mac = m.mac) AS newest, (
        SELECT group_concat(
            template_uuid || ' ' || disk_uuid || ' ' || level || ' ' || ifnull(operate_id, '')
            || ' ' || (session = m.session)
        )
        FROM terminal_disks WHERE mac = m.mac
    ) AS held
    FROM terminals m
)
SELECT min(s.mac), group_concat(s.mac) FROM seen s
LEFT JOIN rollout_targets t ON t.mac = s.mac AND t.rollout_id = s.newest
GROUP BY s.boot_disk, s.boot_now, s.held, s.newest, t.state
"""


def _rollouts(db: Database) -> dict[str, int]:
    counts = Counter(
        rollout_state(bool(cancelled), [state for state, some in zip(TargetState, there, strict=True) if some])
        for cancelled, *there in db.execute(_ROLLOUTS)
    )
    return dict.fromkeys(ROLLOUT_STATES, 0) | counts


def _alike(db: Database) -> list[tuple[TerminalState, Sequence[str]]]:
    catalogue = read_catalogue(db)
    groups = {one: macs.split(",") for one, macs in db.execute(_ALIKE)}
    examples = list(groups)
    disks, targets = read_all_disks(db, examples), read_newest_targets(db, examples)
    return [
        (catalogue.status_of(x, disks.get(x.mac, ()), targets.get(x.mac), online=True).state, groups[x.mac])
        for x in read_terminals(db, examples)
    ]
