"""The journal: what happens is written down here, and whoever listens hears of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from voi.domain.audit import Actor, AuditEntry, make_entry
from voi.signals import Signal
from voi.store.interfaces.audit import AuditEntries

log = Logger()

DAY_SECONDS: Final = 86_400.0


class AuditWriter(Protocol):
    """What other rooms see of the journal."""

    def note(
        self,
        kind: str,
        actor: Actor,
        *,
        mac: str | None = None,
        macs: Iterable[str] = (),
        rollout: int | None = None,
        template: str | None = None,
        **data: Any,
    ) -> Deferred[None]:
        """Write down that something happened."""


class AuditLog:
    """Writes entries down; `heard` is called with each that is on disk."""

    def __init__(self, events: AuditEntries, now: Callable[[], float] = time.time) -> None:
        self.heard: Signal[[AuditEntry]] = Signal("an entry of the audit log is on disk")
        self._events = events
        self._now = now

    def note(
        self,
        kind: str,
        actor: Actor,
        *,
        mac: str | None = None,
        macs: Iterable[str] = (),
        rollout: int | None = None,
        template: str | None = None,
        **data: Any,
    ) -> Deferred[None]:
        """Write down that something happened; fires when it is on disk.

        It never fails: what happened has happened, and an entry that cannot be written is in the log instead.
        """
        return Deferred.fromCoroutine(self._note(kind, actor, mac, tuple(macs), rollout, template, data))

    async def _note(
        self,
        kind: str,
        actor: Actor,
        mac: str | None,
        macs: tuple[str, ...],
        rollout: int | None,
        template: str | None,
        data: dict[str, Any],
    ) -> None:
        try:
            event = make_entry(
                kind, actor, self._now(), mac=mac, macs=macs, rollout=rollout, template=template, data=data
            )
            event = await self._events.add(event)
        except Exception:  # the change that it tells of must not fail with it
            log.failure("the audit log could not take {kind} {data}", kind=kind, data=data)
            return
        self.heard(event)

    async def prune(self) -> None:
        """Throw away what is older than it is to be kept, a slice at a time, so that writes get between."""
        days = await self._events.retention_days()
        while await self._events.prune(self._now() - days * DAY_SECONDS):
            pass
