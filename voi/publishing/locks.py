"""One thing at a time for each disk of an upload."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from twisted.internet.defer import DeferredLock


class DiskLocks:
    """A lock for each disk that something is done with, by the id of its row; the others cost nothing."""

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    def __contains__(self, disk_id: object) -> bool:
        return disk_id in self._locks

    async def alone(self, disk_ids: Sequence[str], work: Coroutine[Any, Any, None]) -> None:
        """Do it while nothing else is done with these: what calls a disk off waits until its stage has noticed.

        :param disk_ids: in order, so that two who want the same ones do not wait for each other.
        """
        held: list[tuple[str, DeferredLock]] = []
        try:
            for disk_id in disk_ids:
                lock = self._locks.setdefault(disk_id, DeferredLock())
                await lock.acquire()
                held.append((disk_id, lock))
            await work
        finally:
            for disk_id, lock in held:
                lock.release()
                if not lock.locked:
                    self._locks.pop(disk_id, None)
