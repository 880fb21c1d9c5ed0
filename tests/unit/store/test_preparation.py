"""Tests of voi.store.preparation: the file is made, copied and upgraded."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from unittest import mock

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations
from twisted.trial.unittest import SynchronousTestCase

from voi.errors import StartupError
from voi.store import preparation
from voi.store.migrations import migrations
from voi.store.preparation import connect, migration_names, prepare

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

        with mock.patch.object(preparation, "migrations", later):
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
        with mock.patch.object(preparation, "migrations", later):
            with mock.patch.object(preparation, "sync_file", side_effect=OSError(5, "Input/output error")):
                self.assertRaises(OSError, prepare, self.path)
            self.assertFalse(copy.exists())
            prepare(self.path)
        tables = sqlite3.connect(copy).execute("SELECT name FROM sqlite_master WHERE name = 'accounts'").fetchall()
        self.assertEqual(tables, [("accounts",)])


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
