"""Tests of voi.store.audit and voi.audit.log."""

from __future__ import annotations

from typing import Any
from unittest import mock

from tests.unit.store.base import MAC, OTHER, StoreCase
from voi.audit.log import DAY_SECONDS, AuditLog
from voi.domain.audit import SERVER, AuditEntry, Author, make_entry
from voi.store.audit import SqlAuditEntries
from voi.store.interfaces.audit import RETENTION_DAYS, AuditFilter

LI = Author("account", "li", "192.0.2.1")


class EventCase(StoreCase):
    """A journal on a database."""

    def setUp(self) -> None:
        """Add it."""
        super().setUp()
        self.events = SqlAuditEntries(self.store)
        self.now = 1000.0
        self.audit_log = AuditLog(self.events, lambda: self.now)

    async def texts(self, limit: int = 100, **wanted: Any) -> list[str]:
        """The texts that a filter finds."""
        return [event.text for event in await self.events.find(AuditFilter(**wanted), limit)]


class EventTests(EventCase):
    """Entries in the database."""

    async def test_round(self) -> None:
        """An entry comes back as it was, with its number; other terminals of it are only searched by."""
        event = make_entry("rollout.cancelled", LI, 5.0, rollout=7, template="t", macs=(MAC, OTHER))
        written = await self.events.add(event)
        self.assertGreater(written.id, 0)
        (found,) = await self.events.find(AuditFilter(), 10)
        self.assertEqual((found.text, found.who, found.origin), ("Rollout 7 was cancelled", "li", "192.0.2.1"))
        self.assertEqual((found.mac, found.rollout, found.template, found.data), (None, 7, "t", written.data))

    async def test_filters(self) -> None:
        """By text in any case, person, kind or its first word, terminal, time and number; newest first."""
        for time, kind, who, mac, data in (
            (1.0, "room.made", LI, None, {"name": "50%_Lab", "subnets": ""}),
            (2.0, "room.removed", SERVER, None, {"name": "Hall"}),
            (3.0, "terminal.renamed", LI, MAC, {"name": "PC"}),
            (4.0, "terminal.renamed", LI, OTHER, {"name": "PC"}),
        ):
            await self.events.add(make_entry(kind, who, time, mac=mac, data=data))
        hall, lab = "Room removed: Hall", "New room: 50%_Lab; subnets: "
        one, two = (f"Terminal {mac} is called PC now" for mac in (MAC, OTHER))
        self.assertEqual(await self.texts(), [two, one, hall, lab])
        self.assertEqual(await self.texts(2), [two, one])
        self.assertEqual(await self.texts(q="REMOVED: hall"), [hall])
        self.assertEqual(await self.texts(q="0%_l"), [lab])
        self.assertEqual(await self.texts(q="%"), [lab])
        self.assertEqual(await self.texts(who="li"), [two, one, lab])
        self.assertEqual(await self.texts(kind="room"), [hall, lab])
        self.assertEqual(await self.texts(kind="room.made"), [lab])
        self.assertEqual(await self.texts(kind="roo"), [])
        self.assertEqual(await self.texts(mac=MAC), [one])
        self.assertEqual(await self.texts(since=2.0, until=4.0), [one, hall])
        self.assertEqual(await self.texts(before=3), [hall, lab])
        self.assertEqual(await self.events.count(AuditFilter(who="li", since=2.0)), 2)

    async def test_of_several_terminals(self) -> None:
        """What is about many is found at each of them."""
        await self.events.add(make_entry("command.restart", LI, 1.0, macs=(MAC, OTHER)))
        for mac in (MAC, OTHER):
            self.assertEqual(await self.texts(mac=mac), ["Told to restart: 2 terminals"])

    async def test_pruned(self) -> None:
        """What is too old goes, and what is too many, oldest first, a slice at a time, with what points at it."""
        for time in range(10):
            await self.events.add(make_entry("server.stopped", SERVER, float(time), mac=MAC))
        self.assertEqual(await self.events.prune(4.0, at_once=3), 3)
        self.assertEqual(await self.events.prune(4.0, at_once=3), 1)
        self.assertEqual(await self.events.prune(4.0, at_once=3), 0)
        self.assertEqual([event.time for event in await self.events.find(AuditFilter(), 99)], [9, 8, 7, 6, 5, 4])
        self.assertEqual(await self.events.prune(0.0, most=2), 4)
        self.assertEqual([event.time for event in await self.events.find(AuditFilter(), 99)], [9, 8])
        left = await self.store.read(lambda db: db.execute("SELECT count(*) FROM event_terminals").fetchone()[0])
        self.assertEqual(left, 2)

    async def test_strangers_push_nothing_out(self) -> None:
        """Of what anybody can bring about so many entries are kept, and no entry of another kind goes for them."""
        await self.events.add(make_entry("room.removed", LI, 0.0, data={"name": "Hall"}))
        for time in range(1, 6):
            data = {"name": "admin", "reason": "wrong"}
            await self.events.add(make_entry("account.refused", LI, float(time), data=data))
        self.assertEqual(await self.events.prune(0.0, by_strangers=2), 3)
        self.assertEqual([event.time for event in await self.events.find(AuditFilter(), 99)], [5, 4, 0])


class JournalTests(EventCase):
    """The journal."""

    async def test_on_disk_before_it_says_so(self) -> None:
        """When a note is taken it can be read, and who listens has heard of it."""
        heard: list[AuditEntry] = []
        self.audit_log.heard.append(heard.append)
        await self.audit_log.note("room.removed", LI, name="Hall")
        self.assertEqual(await self.texts(), ["Room removed: Hall"])
        self.assertEqual([(event.id, event.time) for event in heard], [(1, 1000.0)])

    async def test_never_fails(self) -> None:
        """A kind that is none, a value that is missing, a database that is gone, a listener that fails: only logged."""
        await self.audit_log.note("room.flooded", LI)
        await self.audit_log.note("room.removed", LI)
        with mock.patch.object(self.events, "add", side_effect=OSError("no disk")):
            await self.audit_log.note("room.removed", LI, name="Hall")
        self.audit_log.heard.append(mock.Mock(side_effect=ZeroDivisionError))
        await self.audit_log.note("room.removed", LI, name="Hall")
        self.assertEqual([len(self.flushLoggedErrors(x)) for x in (KeyError, OSError, ZeroDivisionError)], [2, 1, 1])
        self.assertEqual(await self.texts(), ["Room removed: Hall"])

    async def test_retention(self) -> None:
        """Entries are kept for a year, or for as many days as somebody says."""
        await self.audit_log.note("room.removed", LI, name="Hall")
        self.now += (RETENTION_DAYS - 1) * DAY_SECONDS
        await self.audit_log.prune()
        self.assertEqual(len(await self.texts()), 1)
        await self.events.set_retention_days(30)
        self.assertEqual(await self.events.retention_days(), 30)
        await self.audit_log.prune()
        self.assertEqual(await self.texts(), [])
