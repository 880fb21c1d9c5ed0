"""The audit log: what happens without a change of the database is written here, and its listeners get all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.logger import Logger

from voi.domain.actors import Actor
from voi.domain.audit import AuditEntry, make_entry
from voi.signals import Signal
from voi.store.interfaces.audit import AuditEntries

log = Logger()


class AuditLog:
    """All that happens, with who did it. A change brings its own entries, in its own transaction; what happens without
    one is written here.

    `now` is the time since the epoch, `steady` a clock that nobody sets.
    """

    def __init__(
        self,
        entries: AuditEntries,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries = entries
        self._now = now
        self._steady = steady
        self._counted: float | None = None

    @property
    def added(self) -> Signal[[AuditEntry]]:
        """Called with each entry that is on disk."""
        return self._entries.noted

    async def write(
        self,
        kind: str,
        actor: Actor,
        *,
        mac: str | None = None,
        macs: Iterable[str] = (),
        **data: Any,
    ) -> None:
        """Write down that something is about to happen: only then may it.

        :raises VoiError: it could not be written.
        """
        await self._entries.add(make_entry(kind, actor, self._now(), mac=mac, macs=tuple(macs), data=data))

    async def note(
        self,
        kind: str,
        actor: Actor,
        *,
        mac: str | None = None,
        macs: Iterable[str] = (),
        **data: Any,
    ) -> None:
        """Write down that something happened which is no change of the database.

        It never fails: what happened has happened, and an entry that cannot be written is in the log instead.
        """
        try:
            await self.write(kind, actor, mac=mac, macs=macs, **data)
        except Exception:  # what it tells of must not fail with it
            log.failure("the audit log could not take {kind} {data}", kind=kind, data=data)

    async def keep_for(self, actor: Actor, days: int) -> None:
        """Keep entries for so many days from now on."""
        await self._entries.set_retention_days(
            days, audit=lambda _: make_entry("settings.retention", actor, self._now(), data={"days": days})
        )

    async def count_time(self) -> float:
        """Let entries grow older by what has passed since the last call, or, the first time, since the last run.

        :return: how much the clock is after what it was then; less than 0 where it was set back.
        """
        now, before = self._steady(), self._counted
        step = await self._entries.count_time(self._now(), None if before is None else now - before)
        self._counted = now
        return step

    async def prune(self) -> None:
        """Throw away what is older than it is to be kept, a slice at a time, so that writes get between."""
        await self.count_time()
        days = await self._entries.retention_days()
        while await self._entries.prune(days):
            pass
