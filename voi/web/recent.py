"""All terminals as they were a moment ago, for what only counts them: one reading serves many open pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from twisted.internet.defer import DeferredLock

from voi.domain.rooms import Room
from voi.store.roster import Rosters
from voi.web.rows import Row, row_maker
from voi.web.seams import Fleet
from voi.web.slices import in_parts

RECENT_SECONDS: Final = 4.0
"""How old an answer may be: to read and to judge 5,000 terminals takes 150 ms of a core, so this is 4 % of it at most,
however many pages ask.
"""


class RecentRows:
    """Rows of all terminals with the rooms that there are; `now` is a clock that nobody sets."""

    def __init__(self, rosters: Rosters, fleet: Fleet, now: Callable[[], float] = time.monotonic) -> None:
        self._rosters = rosters
        self._fleet = fleet
        self._now = now
        self._lock = DeferredLock()
        self._known: tuple[list[Room], list[Row]] | None = None
        self._read = 0.0
        self._changes = 0

    def changed(self) -> None:
        """Somebody changed something and wants to see it: the next answer is a fresh one."""
        self._known = None
        self._changes += 1

    async def rows(self) -> tuple[list[Room], list[Row]]:
        """Rooms by name and terminals by MAC, a few seconds old at most; who asks at the same time shares a reading."""
        await self._lock.acquire()
        try:
            if self._known is not None and self._now() - self._read < RECENT_SECONDS:
                return self._known
            changes, self._read = self._changes, self._now()
            roster = await self._rosters.read()
            found = list(roster.rooms), await in_parts(row_maker(roster, self._fleet), roster.terminals)
            # What was changed meanwhile may not be in it.
            self._known = found if changes == self._changes else None
            return found
        finally:
            self._lock.release()
