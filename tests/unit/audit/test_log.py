"""Tests of voi.audit.log."""

from __future__ import annotations

from typing import Any
from unittest import mock

from tests.unit.store.base import StoreCase
from voi.audit.log import AuditLog
from voi.domain.actors import Actor
from voi.domain.audit import AuditEntry
from voi.store.audit import SqlAuditEntries
from voi.store.interfaces.audit import DAY_SECONDS, RETENTION_DAYS, AuditFilter

LI = Actor("account", "li", "192.0.2.1")


class EventCase(StoreCase):
    """An audit log on a database."""

    def setUp(self) -> None:
        """Add it."""
        super().setUp()
        self.events = SqlAuditEntries(self.store)
        self.now, self.steady = 1000.0, 0.0
        self.audit_log = AuditLog(self.events, lambda: self.now, lambda: self.steady)

    async def texts(self, limit: int = 100, **wanted: Any) -> list[str]:
        """The texts that a filter finds."""
        return [event.text for event in await self.events.find(AuditFilter(**wanted), limit)]


class JournalTests(EventCase):
    """The audit log."""

    async def test_on_disk_before_it_says_so(self) -> None:
        """When a note is taken it can be read, and a listener has got it."""
        received: list[AuditEntry] = []
        self.audit_log.added.connect(received.append)
        await self.audit_log.note("room.removed", LI, name="Hall")
        self.assertEqual(await self.texts(), ["Room deleted: Hall"])
        self.assertEqual([(event.id, event.time) for event in received], [(1, 1000.0)])

    async def test_never_fails(self) -> None:
        """A kind that is none, a value that is missing, a database that is gone, a listener that fails: only logged."""
        await self.audit_log.note("room.flooded", LI)
        await self.audit_log.note("room.removed", LI)
        with mock.patch.object(self.events, "add", side_effect=OSError("no disk")):
            await self.audit_log.note("room.removed", LI, name="Hall")
        self.audit_log.added.connect(mock.Mock(side_effect=ZeroDivisionError))
        await self.audit_log.note("room.removed", LI, name="Hall")
        self.assertEqual([len(self.flushLoggedErrors(x)) for x in (KeyError, OSError, ZeroDivisionError)], [2, 1, 1])
        self.assertEqual(await self.texts(), ["Room deleted: Hall"])

    async def test_retention(self) -> None:
        """Entries are kept for a year, or for as many days as somebody says."""
        await self.audit_log.note("room.removed", LI, name="Hall")
        await self.audit_log.prune()
        self.steady += (RETENTION_DAYS - 1) * DAY_SECONDS
        await self.audit_log.prune()
        self.assertEqual(len(await self.texts()), 1)
        await self.events.set_retention_days(30)
        self.assertEqual(await self.events.retention_days(), 30)
        await self.audit_log.prune()
        self.assertEqual(await self.texts(), [])

    async def test_a_write_that_fails(self) -> None:
        """Time that could not be counted is counted with the next."""
        await self.audit_log.note("room.removed", LI, name="Hall")
        await self.audit_log.count_time()
        self.steady += 31 * DAY_SECONDS
        with mock.patch.object(self.events, "count_time", side_effect=OSError), self.assertRaises(OSError):
            await self.audit_log.count_time()
        self.steady += 1.0
        await self.events.set_retention_days(30)
        await self.audit_log.prune()
        self.assertEqual(await self.texts(), [])
