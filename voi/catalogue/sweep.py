"""Files that nothing refers to, listed and removed when an administrator says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted.logger import Logger

from voi.catalogue.orphans import Orphan, OrphanKind, Referred, find_orphans
from voi.domain.actors import Actor
from voi.domain.audit import make_entry
from voi.errors import Conflict
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason, of_system
from voi.store.interfaces.audit import AuditEntries
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread

log = Logger()

YOUNG_SECONDS: Final = 3600.0
"""What was written within so long may be part of something that is just being written down: it is left alone. What a
clock that was set makes of a file's time is no reason to remove it either.
"""

Alone = Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]
"""Does something while no upload is let in."""


class Swept(NamedTuple):
    """What was removed; and what the operating system would not remove, each with its reason."""

    removed: Sequence[Orphan]
    refused: Sequence[tuple[Orphan, Reason]]


class Sweeper:
    """Finds and removes what no row of the database names; `now` is the time since the epoch."""

    def __init__(
        self,
        *,
        templates: Templates,
        uploads: Uploads,
        audit_entries: AuditEntries,
        directory: DataDirectory,
        alone: Alone,
        in_disk_thread: InThread,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._templates = templates
        self._uploads = uploads
        self._audit_entries = audit_entries
        self._directory = directory
        self._alone = alone
        self._in_disk_thread = in_disk_thread
        self._now = now

    async def find(self) -> list[Orphan]:
        """What would be removed now, by path.

        :raises Conflict: the disks are not this database's, which then knows none of them.
        :raises StorageMissing: a directory cannot be read.
        """
        found: list[Orphan] = await self._alone(self._find())
        return found

    async def sweep(self, actor: Actor) -> Swept:
        """Write down how much that is, and remove it for good.

        :raises Conflict, StorageMissing: as `find` says.
        """
        swept: Swept = await self._alone(self._sweep(actor))
        return swept

    async def _find(self) -> list[Orphan]:
        if not await self._in_disk_thread(self._directory.disks_are_ours):
            raise Conflict(Reason("disks_not_ours"))
        # What is there first, what is known after it: a file that gets its row in between is not removed.
        there = await self._in_disk_thread(find_orphans, self._directory, Referred(published=(), info_hashes=()))
        known = await self._known()
        orphans = await self._in_disk_thread(find_orphans, self._directory, known)
        found: list[Orphan] = await self._in_disk_thread(_old, sorted(set(there) & set(orphans)), self._now())
        return found

    async def _known(self) -> Referred:
        levels = [level for template in await self._templates.all() for level in template.levels]
        uploads = await self._uploads.open_disks()
        names = {level.name for level in levels}
        under_way = {disk.name for disk in uploads}
        hashes = {level.info_hash for level in levels} | {disk.info_hash for disk in uploads if disk.info_hash}
        # One that is being published lies in its place before it is a level.
        return Referred(published=names | under_way, uploads=under_way, info_hashes=hashes, fetched=names)

    async def _sweep(self, actor: Actor) -> Swept:
        found, now = await self._find(), self._now()
        if found:  # the entry first: what cannot be written down is not done
            data = {"files": len(found), "bytes": sum(orphan.size for orphan in found)}
            await self._audit_entries.add(make_entry("server.swept", actor, now, data=data))
        swept: Swept = await self._in_disk_thread(_remove, found, now)
        for orphan in swept.removed:
            log.info("deleted {path}, to which nothing refers", path=str(orphan.path))
        for orphan, reason in swept.refused:
            log.warn("not deleted: {orphan}: {reason}", orphan=str(orphan.path), reason=reason)
        return swept


def _old(orphans: Sequence[Orphan], now: float) -> list[Orphan]:
    """Those that this server made, and that were not touched lately. Blocks."""
    return [orphan for orphan in orphans if orphan.what is not OrphanKind.OTHER and _is_old(orphan.path, now)]


def _is_old(path: Path, now: float) -> bool:
    try:
        return abs(now - path.lstat().st_mtime) >= YOUNG_SECONDS
    except OSError:
        return False


def _remove(orphans: Sequence[Orphan], now: float) -> Swept:
    removed: list[Orphan] = []
    refused: list[tuple[Orphan, Reason]] = []
    for orphan in orphans:
        if not _is_old(orphan.path, now):  # an import has just taken its name
            continue
        try:
            orphan.path.unlink(missing_ok=True)
            removed.append(orphan)
        except OSError as error:
            refused.append((orphan, Reason("path_failed", path=str(orphan.path), text=of_system(error.strerror))))
    return Swept(removed, refused)
