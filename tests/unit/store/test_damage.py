"""Tests of voi.store.damage, and of what a store does with a file of which a page was overwritten."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from unittest import mock

from sqlite_utils import Database
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from voi.app import health
from voi.app.lag import LagProbe
from voi.errors import NotSaved, StartupError, StorageMissing
from voi.files.directory import DataDirectory
from voi.messages.reason import code_of
from voi.store import damage
from voi.store.damage import Damage, find_damage, is_damage
from voi.store.database import Store
from voi.store.preparation import connect, prepare
from voi.store.start import examine
from voi.web.http.checks import run_checks

GARBAGE = bytes(range(256)) * 16
PAGE = len(GARBAGE)
COUNT = 2000


def made(path: Path) -> Path:
    """A database with some terminals."""
    prepare(path)
    add_terminals(path)
    return path


def mac_of(row: int) -> str:
    """The terminal of a row."""
    return f"02:00:00:00:{row >> 8:02X}:{row & 255:02X}"


def add_terminals(path: Path) -> None:
    """So many that they fill some pages."""
    db = connect(path)
    rows = [(mac_of(row), f"{row:032x}") for row in range(1, COUNT + 1)]
    add = "INSERT INTO terminals (mac, ip, client_type, first_seen, last_seen, tracker_key) VALUES (?, '', 1, 1, 1, ?)"
    with db.atomic():
        db.conn.executemany(add, rows)
    db.close()


def overwrite(path: Path, name: str) -> int:
    """Write garbage over the page in the middle of a table or an index; of a table, the number of a row on it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    row = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    connection.close()
    root = row[0] if row else 1  # the schema itself is the first page
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        page = file.read(PAGE)
        head = 100 if root == 1 else 0  # the file's own header
        cells = int.from_bytes(page[head + 3 : head + 5])
        # Of an interior page: each cell is the number of a page below, and the last row there.
        cell = int.from_bytes(page[head + 12 + cells // 2 * 2 :][:2])
        child = int.from_bytes(page[cell : cell + 4])
        high, low = page[cell + 4 : cell + 6]
        file.seek((child - 1) * PAGE)
        file.write(GARBAGE)
    return (high & 127) << 7 | low if high & 128 else high


class FindTests(SynchronousTestCase):
    """Looking for damage."""

    def setUp(self) -> None:
        """A database."""
        self.path = made(Path(self.mktemp()))

    def test_none(self) -> None:
        """A whole one has none."""
        self.assertEqual(find_damage(self.path), "")

    def test_table_and_index(self) -> None:
        """A page of a table, and one of an index, are found by a start, which says what to do and changes nothing."""
        whole = self.path.read_bytes()
        for name in ("terminals", "sqlite_autoindex_terminals_2"):
            self.path.write_bytes(whole)
            overwrite(self.path, name)
            damaged = self.path.read_bytes()
            self.assertNotEqual(damaged, whole)
            self.assertIn("age", find_damage(self.path))
            error = self.assertRaises(StartupError, examine, self.path)
            self.assertIn("put a backup back", error.message)
            self.assertNotIn("\n", error.message)
            self.assertEqual(self.path.read_bytes(), damaged)

    def test_no_time(self) -> None:
        """What takes too long is given up, and nothing is found."""
        overwrite(self.path, "terminals")
        self.patch(damage, "_STEPS", 1)
        self.assertEqual(find_damage(self.path, -1.0), "")

    def test_other_errors(self) -> None:
        """A lock, and what is no error of a database, are no damage."""
        locked = sqlite3.OperationalError("database is locked")
        locked.sqlite_errorcode = sqlite3.SQLITE_BUSY
        for error in (locked, sqlite3.OperationalError("no code"), ValueError("malformed")):
            self.assertFalse(is_damage(error))
            self.assertFalse(Damage().noticed(error))


class DamagedStoreTests(TestCase):
    """A store on a file that was damaged after its start."""

    timeout = 30

    def open(self, name: str) -> None:
        """Open one of which a page is overwritten."""
        self.path = made(Path(self.mktemp()))
        overwrite(self.path, name)
        self.store = Store(self.path, reactor)  # type: ignore[arg-type]  # the module is the reactor
        self.addCleanup(self.store.close)

    async def refused(self, job: Deferred[Any], kind: type[Exception]) -> None:
        """A job is answered with what is wrong and what to do."""
        error = await self.assertFailure(job, kind)
        self.assertEqual(code_of(error.reason), "database_damaged")

    def rows(self) -> int:
        """How many accounts there are, in the file."""
        connection = sqlite3.connect(self.path)
        (count,) = connection.execute("SELECT count(*) FROM accounts").fetchone()
        connection.close()
        return int(count)

    async def test_read(self) -> None:
        """Who needs the damaged page is told; others are answered; nothing is written any more."""
        self.open("terminals")
        await self.store.write(_account("before"))
        await self.refused(self.store.read(_sum), StorageMissing)
        self.assertEqual(await self.store.read(_names), ["before"])
        await self.refused(self.store.write(_account("after")), NotSaved)
        self.assertEqual(self.rows(), 1)

    async def test_index(self) -> None:
        """The same with a page of an index."""
        self.open("sqlite_autoindex_terminals_2")
        self.assertEqual(await self.store.read(_sum), COUNT)
        await self.refused(self.store.read(_by_key), StorageMissing)
        await self.refused(self.store.write(_account("after")), NotSaved)

    async def test_write(self) -> None:
        """A change that meets it comes to nothing, and so does all that shares its transaction."""
        self.open("terminals")
        jobs = [self.store.write(job) for job in (_account("one"), _touch_all, _account("two"))]
        await gatherResults([self.assertFailure(job, NotSaved) for job in jobs[1:]])
        jobs[0].addErrback(lambda failure: failure.trap(NotSaved))  # it may have had a transaction of its own
        await jobs[0]
        names = await self.store.read(_names)
        self.assertNotIn("two", names)

    async def test_health(self) -> None:
        """Health says what is wrong and what to do; found too where nobody needed the page."""
        self.open("terminals")
        clock = Clock()
        there: Any = mock.Mock(port=1, failing=0, unavailable=0)
        checks = health.checks(self.store, DataDirectory(self.path.parent), there, there, there, LagProbe(clock), clock)

        async def said() -> list[str]:
            return [code_of(text) for text in (await run_checks(checks)).values()][:2]

        self.assertEqual(await said(), ["", ""])
        self.store.look_for_damage()
        self.assertEqual(await said(), ["database_damaged", ""])


def _account(name: str) -> Any:
    def job(db: Database) -> None:
        db.execute("INSERT INTO accounts (name, password, created) VALUES (?, 'x', 1)", (name,))

    return job


def _sum(db: Database) -> int:
    return len(db.execute("SELECT * FROM terminals").fetchall())


def _by_key(db: Database) -> list[Any]:
    return db.execute("SELECT mac FROM terminals WHERE tracker_key > ''").fetchall()


def _names(db: Database) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM accounts")]


def _touch_all(db: Database) -> None:
    db.execute("UPDATE terminals SET last_seen = 2")
