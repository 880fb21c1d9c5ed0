"""Everything that is known of terminals, read in one go: what lists of thousands of them are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database
from twisted.internet.defer import Deferred

from voi.domain.snapshots import TerminalSnapshot
from voi.domain.terminal_status import Contents, VersionIndex
from voi.names import DiskName
from voi.store.database import Store
from voi.store.interfaces.snapshots import TerminalSnapshots
from voi.store.reported_levels import read_all_disks
from voi.store.rooms import read_rooms
from voi.store.targets import read_newest_targets
from voi.store.templates import read_templates
from voi.store.terminals import read_terminals


class SqlTerminalSnapshots(TerminalSnapshots):
    """`TerminalSnapshots` in SQL."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, macs: Sequence[str] | None = None) -> Deferred[TerminalSnapshot]:
        def job(db: Database) -> TerminalSnapshot:
            return TerminalSnapshot(
                read_terminals(db, macs),
                read_all_disks(db, macs),
                read_newest_targets(db, macs),
                read_rooms(db),
                read_catalogue(db),
            )

        return self._store.read(job)


def read_catalogue(db: Database) -> VersionIndex:
    """Templates with their versions; for use inside a job."""
    return VersionIndex(read_templates(db), _versions(db))


def _versions(db: Database) -> dict[str, list[tuple[int, Contents]]]:
    """The versions of each template, newest first."""
    result: dict[str, list[tuple[int, Contents]]] = {}
    rows: Any = db.execute("SELECT template_uuid, number, levels FROM versions ORDER BY template_uuid, number DESC")
    for template, number, levels in rows:
        contents = frozenset((DiskName(disk, level), count) for disk, level, count in json.loads(levels))
        result.setdefault(template, []).append((number, contents))
    return result
