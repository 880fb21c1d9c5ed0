"""Tests of voi.store.database and voi.files.directory."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import StoreCase
from voi.domain.actors import SERVER
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.errors import NotSaved, StartupError, StorageMissing
from voi.files.directory import DataDirectory
from voi.files.disk_usage import free_bytes
from voi.store import database
from voi.store.database import connect, migration_names, prepare
from voi.store.migrations import migrations

ADD = "INSERT INTO accounts (name, password, created) VALUES (?, 'x', 1)"


class PrepareTests(SynchronousTestCase):
    """Making and upgrading the file."""

    def setUp(self) -> None:
        """A directory without a database."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "voi.sqlite"

    def test_made_once(self) -> None:
        """The first call makes the file, the second finds it; nothing else is left lying about."""
        self.assertTrue(prepare(self.path))
        self.assertFalse(prepare(self.path))
        self.assertEqual([p.name for p in self.directory.iterdir()], ["voi.sqlite"])

    def test_newer_schema(self) -> None:
        """A database of a newer version is refused, and named."""
        prepare(self.path)
        db = sqlite3.connect(self.path)
        db.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('voi', 'm999_future', 'x')"
        )
        db.commit()
        db.close()
        error = self.assertRaises(StartupError, prepare, self.path)
        self.assertIn("m999_future", error.message)

    def test_no_database(self) -> None:
        """A file that is something else is refused, not overwritten."""
        self.path.write_bytes(b"this is not a database, it is a text" * 100)
        self.assertRaises(StartupError, prepare, self.path)
        self.assertTrue(self.path.read_bytes().startswith(b"this is"))

    def test_a_crash_while_making_it(self) -> None:
        """What a crash left half-made is made anew."""
        self.path.with_suffix(".new").write_bytes(b"half")
        self.assertTrue(prepare(self.path))

    def test_copied_before_an_upgrade(self) -> None:
        """Pending migrations are applied after the file was copied."""
        prepare(self.path)
        later = Migrations("voi")

        for name in sorted(migration_names()):  # those that are applied already
            later(name=name)(lambda db: None)

        @later()
        def m999_later(db: Database) -> None:
            """A later one."""
            db.execute("CREATE TABLE later (x)")

        with mock.patch.object(database, "migrations", later):
            prepare(self.path)
        tables = sqlite3.connect(self.path).execute("SELECT name FROM sqlite_master WHERE name = 'later'").fetchall()
        self.assertEqual(tables, [("later",)])
        self.assertTrue((self.directory / "voi.sqlite.before-m999_later").exists())

    def test_a_copy_that_was_cut_off(self) -> None:
        """A copy has its name only when it is whole and on the disk: what a crash cut off is copied again."""
        prepare(self.path)
        later = Migrations("voi")
        for name in sorted(migration_names()):
            later(name=name)(lambda db: None)
        later(name="m999_later")(lambda db: db.execute("CREATE TABLE later (x)") and None)
        copy = self.directory / "voi.sqlite.before-m999_later"
        with mock.patch.object(database, "migrations", later):
            with mock.patch.object(database, "sync_file", side_effect=OSError(5, "Input/output error")):
                self.assertRaises(OSError, prepare, self.path)
            self.assertFalse(copy.exists())
            prepare(self.path)
        tables = sqlite3.connect(copy).execute("SELECT name FROM sqlite_master WHERE name = 'accounts'").fetchall()
        self.assertEqual(tables, [("accounts",)])


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


class DirectoryTests(SynchronousTestCase):
    """The data directory."""

    def test_second_server(self) -> None:
        """One process has the directory; another one is told so."""
        directory = DataDirectory(Path(self.mktemp()).absolute())
        directory.create()
        handle = directory.lock()
        script = (
            "import sys; from pathlib import Path; from voi.files.directory import DataDirectory\n"
            "try: DataDirectory(Path(sys.argv[1])).lock()\n"
            "except Exception as error: print(error)"
        )
        command = [sys.executable, "-c", script, str(directory.root)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertIn("in use by another voi server", answer)
        os.close(handle)
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertEqual(answer, "")

    def test_unwritable(self) -> None:
        """A place where no directory can be is one clear error."""
        file = Path(self.mktemp())
        file.write_text("")
        error = self.assertRaises(StartupError, DataDirectory(file.absolute() / "data").create)
        self.assertIn("Not a directory", error.message)

    def test_free_bytes(self) -> None:
        """What is free is asked of the file system; a directory that is gone says so."""
        self.assertGreater(free_bytes(Path.cwd()), 0)
        self.assertRaises(StorageMissing, free_bytes, Path("/nowhere/at/all"))


class DeliveryTests(SynchronousTestCase):
    """Results on their way from the thread to the reactor."""

    def test_some_at_a_turn(self) -> None:
        """A batch of many results does not take one long turn; they come in the order of the jobs."""
        path = Path(self.mktemp())
        prepare(path)
        turns: list[Callable[[], None]] = []
        reactor = mock.Mock(callFromThread=turns.append)
        store = database.Store(path, reactor)
        came: list[int] = []
        count = 2 * database._AT_A_TURN + 1
        for number in range(count):
            store.write(partial(_give_back, number)).addCallback(came.append)
        store.close()  # waits until everything is written
        largest = 0
        while turns:
            before = len(came)
            turns.pop(0)()
            largest = max(largest, len(came) - before)
        self.assertEqual((came, largest), (list(range(count)), database._AT_A_TURN))


def _give_back(number: int, _db: Database) -> int:
    return number


class AgeTests(SynchronousTestCase):
    """Entries of the audit log from before their days were counted."""

    def marks(self, *ages: float) -> list[tuple[int, int]]:
        """What an upgrade makes of entries that say they are so many days old, in the order of their numbers."""
        db = connect(Path(self.mktemp()))
        self.addCleanup(db.close)
        migrations.apply(db, stop_before="m012_identity")
        now = db.execute("SELECT CAST(strftime('%s', 'now') AS REAL)").fetchone()[0] - 60
        add = "INSERT INTO events (time, kind, who, origin, text, data) VALUES (?, '', '', '', '', '{}')"
        db.conn.executemany(add, [(now - days * 86_400,) for days in ages])
        migrations.apply(db)
        found: list[tuple[int, int]] = db.execute("SELECT day, last_event FROM audit_days ORDER BY day").fetchall()
        return found

    def test_by_their_times(self) -> None:
        """They are as old as they say, as seen from the newest one."""
        self.assertEqual(self.marks(), [(0, 0)])
        self.assertEqual(self.marks(400.5, 30.5, 30.1, 1.5, 0), [(-400, 1), (-30, 3), (-1, 4), (0, 5)])

    def test_by_a_clock_that_was_wrong(self) -> None:
        """One that says that it is older than those before it is as old as they are; a newest one from two years ahead
        makes none older.
        """
        self.assertEqual(self.marks(2.5, 730.5, 1.5, 0), [(-2, 2), (-1, 3), (0, 4)])
        self.assertEqual(self.marks(1.5, 0.1, -730.5), [(-1, 1), (0, 3)])
