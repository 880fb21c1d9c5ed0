"""What many open pages ask for, as it was a moment ago: one reading serves them all."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from twisted.internet.defer import DeferredLock

from voi.domain.rooms import Room
from voi.store.interfaces.snapshots import TerminalSnapshots
from voi.tasks import made_in_turns
from voi.terminals.interfaces import Connections
from voi.web.api.terminal_rows import Row, row_maker

RECENT_SECONDS: Final = 4.0
"""How old an answer may be: to read and to judge 5,000 terminals takes 100 ms of a core, so this is 3 % of it at most,
however many pages ask.
"""

T = TypeVar("T")


class Recent(Generic[T]):
    """What `read` gives, so many seconds old at most; `now` is a clock that nobody sets."""

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        now: Callable[[], float] = time.monotonic,
        seconds: float = RECENT_SECONDS,
    ) -> None:
        self._reader = read
        self._seconds = seconds
        self._now = now
        self._lock = DeferredLock()
        self._known: tuple[T] | None = None
        self._read = 0.0
        self._changes = 0

    def changed(self) -> None:
        """Somebody changed something and wants to see it: the next answer is a fresh one."""
        self._known = None
        self._changes += 1

    async def get(self) -> T:
        """What is known; callers at the same time share a reading."""
        await self._lock.acquire()
        try:
            if self._known is not None and self._now() - self._read < self._seconds:
                return self._known[0]
            changes, self._read = self._changes, self._now()
            found = await self._reader()
            # What was changed meanwhile may not be in it.
            self._known = (found,) if changes == self._changes else None
            return found
        finally:
            self._lock.release()


class RecentRows(Recent[tuple[list[Room], list[Row]]]):
    """Rows of all terminals by MAC, with the rooms that there are by name."""

    def __init__(
        self, snapshots: TerminalSnapshots, registry: Connections, now: Callable[[], float] = time.monotonic
    ) -> None:
        async def read() -> tuple[list[Room], list[Row]]:
            snapshot = await snapshots.read()
            return list(snapshot.rooms), await made_in_turns(row_maker(snapshot, registry), snapshot.terminals)

        super().__init__(read, now)
