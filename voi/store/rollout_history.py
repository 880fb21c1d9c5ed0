"""How rollouts went: what the server sent, and the rates over time; written now and then, for a plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.rollout_history import Point, RolloutHistory
from voi.store.database import Store
from voi.store.interfaces.rollouts import RolloutHistories


class SqlRolloutHistories(RolloutHistories):
    """`RolloutHistories` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, rollout_id: int) -> Deferred[RolloutHistory | None]:
        def job(db: Database) -> RolloutHistory | None:
            row = db.execute(
                "SELECT server_sent, points FROM rollout_courses WHERE rollout_id = ?", (rollout_id,)
            ).fetchone()
            return RolloutHistory(rollout_id, row[0], [Point(*point) for point in json.loads(row[1])]) if row else None

        return self._store.read(job)

    def save(self, history: RolloutHistory, sources: Mapping[str, float] = MappingProxyType({})) -> Deferred[None]:
        points = list(history.points)  # as they are now; the text is made in the writer's thread

        def job(db: Database) -> None:
            db.execute(
                "INSERT INTO rollout_courses SELECT id, ?, ? FROM rollouts WHERE id = ? "
                "ON CONFLICT (rollout_id) DO UPDATE SET server_sent = excluded.server_sent, points = excluded.points",
                (history.server_sent, json.dumps(points), history.rollout_id),
            )
            db.conn.executemany(
                "UPDATE rollout_targets SET from_server = ? WHERE rollout_id = ? AND mac = ?",
                [(part, history.rollout_id, mac) for mac, part in sources.items()],
            )

        return self._store.write(job)
