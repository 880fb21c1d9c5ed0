"""Tests of voi.store.database: reads and writes in threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

from sqlite_utils import Database
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import StoreCase
from voi.domain.actors import SERVER
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.errors import NotSaved, StorageMissing
from voi.store import worker
from voi.store.database import Store
from voi.store.preparation import prepare

ADD = "INSERT INTO accounts (name, password, created) VALUES (?, 'x', 1)"


class StoreTests(StoreCase):
    """Reading and writing through threads."""

    async def test_writes_are_read(self) -> None:
        """A read sees every write that was acknowledged."""
        await self.store.write(lambda db: db.execute(ADD, ("a",)) and None)
        rows = await self.store.read(lambda db: db.execute("SELECT name FROM accounts").fetchall())
        self.assertEqual(rows, [("a",)])

    async def test_one_failure_in_a_batch(self) -> None:
        """A job that fails takes nothing of the others in its transaction with it, and leaves nothing of itself."""

        def insert(name: str, fail: bool = False) -> None:
            def job(db: Database) -> None:
                db.execute(ADD, (name,))
                if fail:
                    raise ZeroDivisionError

            jobs.append(self.store.write(job))

        jobs: list[Deferred[None]] = []
        for index in range(20):
            insert(f"a{index:02}", fail=index == 7)
        failed = jobs.pop(7)
        await gatherResults(jobs)
        await self.assertFailure(failed, ZeroDivisionError)
        rows = await self.store.read(lambda db: db.execute("SELECT name FROM accounts ORDER BY name").fetchall())
        self.assertEqual(len(rows), 19)
        self.assertNotIn(("a07",), rows)

    async def test_a_commit_that_fails(self) -> None:
        """Nothing succeeds when the commit did not reach the disk."""

        def job(db: Database) -> None:
            db.execute("PRAGMA defer_foreign_keys = ON")  # the violation shows at the commit
            db.execute("INSERT INTO versions VALUES ('nowhere', 1, 1, NULL, '[]', NULL)")

        await self.assertFailure(self.store.write(job), StorageMissing)
        await self.store.write(lambda db: db.execute(ADD, ("next",)) and None)


class AuditTests(StoreCase):
    """A change and its entries in the audit log."""

    entry = make_entry("room.removed", SERVER, 5.0, data={"name": "Hall"})

    def add(self, name: str, audit: Audit[str]) -> Deferred[str]:
        """A change, with what it is told as."""

        def job(db: Database) -> str:
            db.execute(ADD, (name,))
            return name

        return self.store.write(job, audit)

    async def kept(self) -> tuple[list[str], int]:
        """The names that were added, and how many entries there are."""
        names = await self.store.read(lambda db: db.execute("SELECT name FROM accounts ORDER BY name").fetchall())
        count = await self.store.read(lambda db: db.execute("SELECT count(*) FROM events").fetchone()[0])
        return [name for (name,) in names], count

    async def test_together(self) -> None:
        """Entries are made of the result, none, one or several, and are on disk when the change is; listeners get
        each before the change's own caller goes on.
        """
        received: list[AuditEntry] = []
        self.store.noted.connect(received.append)
        seen: list[str] = []
        for name, made in (("a", None), ("b", self.entry), ("c", [self.entry, self.entry])):
            given = await self.add(name, lambda result, made=made: seen.append(result) or made)  # type: ignore[misc,func-returns-value]  # append gives None
            self.assertEqual(given, name)
        self.assertEqual((seen, [entry.id for entry in received]), (["a", "b", "c"], [1, 2, 3]))
        self.assertEqual(await self.kept(), (["a", "b", "c"], 3))

    async def test_no_entry(self) -> None:
        """Where an entry cannot be made, or not be written, the change has failed too, and no listener is called."""
        received: list[AuditEntry] = []
        self.store.noted.connect(received.append)
        bad = replace(self.entry, data={"name": b"no text"})
        jobs = [
            self.add("a", lambda _: make_entry("room.flooded", SERVER, 5.0)),
            self.add("b", lambda _: [self.entry, bad]),
        ]
        good = self.add("c", lambda _: self.entry)
        await self.assertFailure(jobs[0], KeyError)
        await self.assertFailure(jobs[1], TypeError)
        await good
        self.assertEqual((await self.kept(), len(received)), ((["c"], 1), 1))
        await self.store.write(lambda db: db.execute("DROP TABLE event_terminals"))
        await self.assertFailure(self.add("d", lambda _: self.entry), NotSaved)
        self.assertEqual(await self.kept(), (["c"], 1))

    async def test_not_committed(self) -> None:
        """Listeners do not get what did not reach the disk."""
        received: list[AuditEntry] = []
        self.store.noted.connect(received.append)

        def job(db: Database) -> None:
            db.execute("PRAGMA defer_foreign_keys = ON")  # the violation shows at the commit
            db.execute("INSERT INTO versions VALUES ('nowhere', 1, 1, NULL, '[]', NULL)")

        await self.assertFailure(self.store.write(job, lambda _: self.entry), NotSaved)
        self.assertEqual((received, (await self.kept())[1]), ([], 0))

    async def test_a_listener_that_fails(self) -> None:
        """It stops neither the other listeners nor the change."""
        received: list[AuditEntry] = []
        self.store.noted.connect(mock.Mock(side_effect=ZeroDivisionError))
        self.store.noted.connect(received.append)
        await self.add("a", lambda _: self.entry)
        self.assertEqual((len(received), len(self.flushLoggedErrors(ZeroDivisionError))), (1, 1))


class DeliveryTests(SynchronousTestCase):
    """Results on their way from the thread to the reactor."""

    def test_some_at_a_turn(self) -> None:
        """A batch of many results does not take one long turn; they come in the order of the jobs."""
        path = Path(self.mktemp())
        prepare(path)
        turns: list[Callable[[], None]] = []
        reactor = mock.Mock(callFromThread=turns.append)
        store = Store(path, reactor)
        came: list[int] = []
        count = 2 * worker.RESULTS_AT_A_TURN + 1
        for number in range(count):
            store.write(partial(_give_back, number)).addCallback(came.append)
        store.close()  # waits until everything is written
        largest = 0
        while turns:
            before = len(came)
            turns.pop(0)()
            largest = max(largest, len(came) - before)
        self.assertEqual((came, largest), (list(range(count)), worker.RESULTS_AT_A_TURN))


def _give_back(number: int, _db: Database) -> int:
    return number
