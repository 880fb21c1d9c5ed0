"""The contract of audit entries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.store.contract.case import Contract
from tests.unit.store.values import MAC, OTHER
from voi.domain.actors import SERVER, Actor
from voi.domain.audit import AuditEntry, make_entry
from voi.store.interfaces.audit import DAY_SECONDS, RETENTION_DAYS, AuditFilter

LI = Actor("account", "li", "192.0.2.1")


class AuditEntriesContract(Contract):
    """`AuditEntries`."""

    async def texts(self, limit: int = 100, **wanted: Any) -> list[str]:
        """The texts that a filter finds."""
        return [entry.text for entry in await self.entries.find(AuditFilter(**wanted), limit)]

    async def test_round(self) -> None:
        """An entry comes back as it was, with its number; other terminals of it are only searched by."""
        event = make_entry("rollout.cancelled", LI, 5.0, rollout=7, template="t", macs=(MAC, OTHER))
        await self.entries.add(event)
        (found,) = await self.entries.find(AuditFilter(), 10)
        self.assertGreater(found.id, 0)
        self.assertEqual((found.text, found.actor), ("Rollout 7 was cancelled", LI))
        self.assertEqual((found.mac, found.rollout, found.template, found.data), (None, 7, "t", event.data))

    async def test_heard(self) -> None:
        """A listener gets an entry as it is on disk, with its number and its terminals."""
        received: list[AuditEntry] = []
        self.entries.noted.connect(received.append)
        event = make_entry("rollout.cancelled", LI, 5.0, rollout=7, macs=(MAC, OTHER))
        await self.entries.add(event)
        (found,) = await self.entries.find(AuditFilter(), 10)
        self.assertEqual(received, [replace(event, id=found.id)])

    async def test_filters(self) -> None:
        """By text in any case, person, kind or its first word, terminal, time and number; newest first."""
        for time, kind, who, mac, data in (
            (1.0, "room.made", LI, None, {"name": "50%_Lab", "subnets": ""}),
            (2.0, "room.removed", SERVER, None, {"name": "Hall"}),
            (3.0, "terminal.renamed", LI, MAC, {"name": "PC"}),
            (4.0, "terminal.renamed", LI, OTHER, {"name": "PC"}),
        ):
            await self.entries.add(make_entry(kind, who, time, mac=mac, data=data))
        hall, lab = "Room deleted: Hall", "Room created: 50%_Lab; subnets: "
        one, two = (f"Terminal {mac} was renamed to PC" for mac in (MAC, OTHER))
        self.assertEqual(await self.texts(), [two, one, hall, lab])
        self.assertEqual(await self.texts(2), [two, one])
        self.assertEqual(await self.texts(q="DELETED: hall"), [hall])
        self.assertEqual(await self.texts(q="0%_l"), [lab])
        self.assertEqual(await self.texts(q="%"), [lab])
        self.assertEqual(await self.texts(actor="li"), [two, one, lab])
        self.assertEqual(await self.texts(kind="room"), [hall, lab])
        self.assertEqual(await self.texts(kind="room.made"), [lab])
        self.assertEqual(await self.texts(kind="roo"), [])
        self.assertEqual(await self.texts(mac=MAC), [one])
        self.assertEqual(await self.texts(since=2.0, until=4.0), [one, hall])
        self.assertEqual(await self.texts(before=3), [hall, lab])
        self.assertEqual(await self.entries.count(AuditFilter(actor="li", since=2.0)), 2)

    async def test_of_several_terminals(self) -> None:
        """What is about many is found at each of them."""
        await self.entries.add(make_entry("command.restart", LI, 1.0, macs=(MAC, OTHER)))
        for mac in (MAC, OTHER):
            self.assertEqual(await self.texts(mac=mac), ["Restart requested: 2 terminals"])

    async def test_pruned(self) -> None:
        """What is too old goes, and what is too many, oldest first, a slice at a time, with what points at it."""
        await self.fill(4)
        await self.days_pass(31)
        await self.fill(6, 4)
        self.assertEqual(await self.entries.prune(31), 0)
        self.assertEqual(await self.entries.prune(30, at_once=3), 3)
        self.assertEqual(await self.entries.prune(30, at_once=3), 1)
        self.assertEqual(await self.entries.prune(30, at_once=3), 0)
        self.assertEqual(await self.times(), [9, 8, 7, 6, 5, 4])
        self.assertEqual(await self.entries.prune(30, most=2), 4)
        self.assertEqual([event.time for event in await self.entries.find(AuditFilter(), 99)], [9, 8])
        self.assertEqual(await self.entries.count(AuditFilter(mac=MAC)), 2)

    async def fill(self, count: int, first: int = 0) -> None:
        """Some entries, a second apart."""
        for time in range(first, first + count):
            await self.entries.add(make_entry("server.stopped", SERVER, float(time), mac=MAC))

    async def times(self) -> list[float]:
        """What all entries say when they were written."""
        return [event.time for event in await self.entries.find(AuditFilter(), 99)]

    async def days_pass(self, days: float, now: float = 0.0) -> None:
        """The server runs for so long, whatever its clock says then."""
        for _ in range(round(days * 4)):
            await self.entries.count_time(now, DAY_SECONDS / 4)

    async def test_pruned_day_by_day(self) -> None:
        """Each entry goes when the days are over for which it is kept, and no day before."""
        for day in range(5):
            await self.fill(1, day)
            await self.days_pass(1)
        for days, left in ((6, [4, 3, 2, 1, 0]), (4, [4, 3, 2, 1]), (3, [4, 3, 2]), (1, [4])):
            await self.entries.prune(days)
            self.assertEqual(await self.times(), left, days)

    async def test_clock_set_while_running(self) -> None:
        """A clock that is set, by however much, lets no entry grow older; nor do entries that were written by it."""
        await self.days_pass(1, now=1.7e9)
        await self.fill(3)
        for jump in (DAY_SECONDS, -DAY_SECONDS, 730 * DAY_SECONDS, -730 * DAY_SECONDS):
            await self.entries.count_time(1.7e9 + jump, 600.0)
            await self.entries.add(make_entry("server.stopped", SERVER, 1.7e9 + jump))
            self.assertEqual(await self.entries.prune(1), 0)

    async def test_clock_wrong_at_start(self) -> None:
        """A start two years ahead takes a month from the entries' time and no more, one that is behind nothing; how
        much the clock differs is told.
        """
        await self.entries.count_time(1.7e9)
        await self.fill(3)
        ahead = 730 * DAY_SECONDS
        self.assertEqual(await self.entries.count_time(1.7e9 + ahead), ahead)
        self.assertEqual(await self.entries.prune(31), 0)
        self.assertEqual(await self.entries.count_time(1.7e9), -ahead)
        self.assertEqual(await self.entries.prune(31), 0)
        self.assertEqual(await self.entries.prune(30), 3)

    async def test_off_at_night(self) -> None:
        """The time for which the server was off counts too."""
        await self.fill(1)
        for day in range(1, 4):
            await self.entries.count_time(day * DAY_SECONDS - 3600.0)
            await self.entries.count_time(day * DAY_SECONDS, 3600.0)
        self.assertEqual(await self.entries.prune(2), 0)
        self.assertEqual(await self.entries.prune(1), 1)

    async def test_strangers_push_nothing_out(self) -> None:
        """Of what anybody can bring about so many entries are kept, and no entry of another kind goes for them."""
        await self.entries.add(make_entry("room.removed", LI, 0.0, data={"name": "Hall"}))
        for time in range(1, 6):
            data = {"name": "admin", "reason": "wrong"}
            await self.entries.add(make_entry("account.refused", LI, float(time), data=data))
        self.assertEqual(await self.entries.prune(30, by_strangers=2), 3)
        self.assertEqual([event.time for event in await self.entries.find(AuditFilter(), 99)], [5, 4, 0])

    async def test_pages(self) -> None:
        """Some at a time, the newest or the oldest first; numbers rise as entries are added."""
        made: list[AuditEntry] = []
        self.entries.noted.connect(made.append)
        for number in range(3):
            await self.entries.add(make_entry("server.stopped", SERVER, 5.0 - number))
        numbers = [entry.id for entry in made]
        self.assertEqual(numbers, sorted(set(numbers)))
        for oldest, expected in ((False, numbers[1]), (True, numbers[1])):
            page = await self.entries.find(AuditFilter(), 1, offset=1, oldest_first=oldest)
            self.assertEqual([entry.id for entry in page], [expected])
        first = await self.entries.find(AuditFilter(), 1, oldest_first=True)
        self.assertEqual([entry.id for entry in first], numbers[:1])

    async def test_retention(self) -> None:
        """Entries are kept for a school year, or for as many days as somebody says."""
        self.assertEqual(await self.entries.retention_days(), RETENTION_DAYS)
        for days in (30, 60):
            await self.entries.set_retention_days(days)
            self.assertEqual(await self.entries.retention_days(), days)
