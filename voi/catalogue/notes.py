"""What happened to the server's copies, for the log and the audit log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger

from voi.catalogue.content import Content
from voi.domain.actors import SERVER
from voi.domain.audit import make_entry
from voi.store.interfaces.audit import AuditEntries

log = Logger()

_GOOD: Final = ("content.whole", "content.torrent_made")
"""Kinds that are good news."""


class ContentNotes:
    """Writes down what happened; `now` is the time since the epoch. It never fails: what happened has happened."""

    def __init__(self, entries: AuditEntries, now: Callable[[], float]) -> None:
        self._entries = entries
        self._now = now

    def __call__(self, kind: str, content: Content, **data: Any) -> None:
        """An entry of this kind about a content, with values of its sentence."""
        level = content.level
        values = {"disk": str(level.name), "name": content.template, **data}
        entry = make_entry(kind, SERVER, self._now(), template=level.template_uuid, data=values)
        (log.info if kind in _GOOD else log.error)("{text}", text=entry.text)
        self._entries.add(entry).addErrback(lambda failure: log.failure("the audit log could not take it", failure))
