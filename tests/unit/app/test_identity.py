"""Tests of voi.app.identity: database and disks that belong together, and what a start says where they do not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.values import DISK, level
from voi.app.start import open_directory
from voi.errors import StartupError
from voi.files.directory import DataDirectory
from voi.names import DiskName
from voi.store.preparation import connect
from voi.store.templates import publish_level

BASE = DiskName(DISK, 0)


class IdentityTests(SynchronousTestCase):
    """What a start makes of what it finds."""

    def setUp(self) -> None:
        """A data directory that is not there yet."""
        self.directory = DataDirectory(Path(self.mktemp()).absolute())

    def start(self) -> DataDirectory:
        """Open the directory as a start does, and let go of it; with its identity."""
        opened = open_directory(self.directory)
        os.close(opened.lock)
        return opened.directory

    def refused(self, *words: str) -> None:
        """A start ends with one line that has these words and names the way on; nothing was written."""
        before = self.everything()
        error = self.assertRaises(StartupError, open_directory, self.directory)
        self.assertNotIn("\n", error.message)
        for word in (*words, "start again", f"create the file {self.directory.accept_disks}"):
            self.assertIn(word, error.message)
        self.assertEqual(self.everything(), before)

    def everything(self) -> dict[str, bytes]:
        """All files but those of SQLite's own and the lock."""
        files = (path for path in self.directory.root.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in files if not path.name.endswith(("-wal", "-shm", "lock"))}

    def used(self) -> DataDirectory:
        """A server that has published a level."""
        directory = self.start()
        self.publish()
        return directory

    def publish(self) -> None:
        """A level in the database, with its file."""
        self.write_level()
        db = connect(self.directory.database)
        publish_level(db, level(0), name="Office", sys_type=1, desc="")
        db.close()

    def write_level(self) -> None:
        """The file of a level."""
        self.directory.disk(BASE).write_bytes(b"level")

    def accept(self) -> None:
        """What the refusal says."""
        self.directory.accept_disks.touch()

    def lose_database(self) -> None:
        """Without its journal too."""
        for path in self.directory.root.glob("voi.sqlite*"):
            path.unlink()

    def test_first_start(self) -> None:
        """An empty directory gets an identity, in the database and beside the disks; the next start finds it."""
        first = self.start()
        self.assertEqual(first.read_identity(), first.identity)
        self.assertTrue(first.identity)
        self.assertEqual(self.start().identity, first.identity)
        self.assertTrue(first.disks_are_ours())

    def test_killed_between(self) -> None:
        """A first start that was killed before the identity lay beside the disks is made good."""
        first = self.start()
        self.directory.disks_identity.unlink()
        self.assertFalse(first.disks_are_ours())
        self.assertEqual(self.start().read_identity(), first.identity)

    def test_database_missing(self) -> None:
        """A database that is gone beside disks that are not is no first start."""
        self.used()
        self.lose_database()
        self.refused("missing or empty", "1 levels", "from a backup")

    def test_database_empty(self) -> None:
        """One of 0 bytes is none."""
        self.used()
        self.lose_database()
        self.directory.database.touch()
        self.refused("missing or empty")

    def test_database_without_tables(self) -> None:
        """One without tables is none."""
        self.used()
        self.lose_database()
        db = connect(self.directory.database)
        db.execute("CREATE TABLE other (x)")
        db.close()
        self.refused("missing or empty")

    def test_database_missing_without_levels(self) -> None:
        """One that is gone had terminals and accounts, though no template."""
        self.start()
        self.lose_database()
        self.refused("missing or empty", "identity of a server")

    def test_database_without_templates(self) -> None:
        """One that never knew a disk is not that of a directory full of them."""
        self.start()
        self.write_level()
        self.refused("knows no template")

    def test_begin_anew(self) -> None:
        """Where an administrator says so, a new database takes the disks as they are; said once, for one start."""
        old = self.used()
        self.lose_database()
        self.accept()
        new = self.start()
        self.assertNotEqual(new.identity, old.identity)
        self.assertTrue(new.disks_are_ours())
        self.assertEqual(self.directory.disk(BASE).read_bytes(), b"level")
        self.assertFalse(self.directory.accept_disks.exists())

    def test_database_put_back(self) -> None:
        """A copy of the database is as good as the database."""
        old = self.used()
        copy = self.directory.root / "copy"
        shutil.copy(self.directory.database, copy)
        self.lose_database()
        copy.rename(self.directory.database)
        self.assertEqual(self.start().identity, old.identity)

    def test_mount_missing(self) -> None:
        """Empty disks below a database that knows levels are a file system that is not mounted."""
        directory = self.used()
        self.directory.disks.rename(self.directory.root / "elsewhere")
        self.refused("holds none of the 1 levels", "mount")
        self.assertFalse(directory.disks_are_ours())

    def test_go_on_without_disks(self) -> None:
        """Where an administrator says so, empty disks are this database's from now on."""
        old = self.used()
        shutil.rmtree(self.directory.disks)
        self.refused("holds none")
        self.accept()
        self.assertEqual(self.start().identity, old.identity)
        self.assertTrue(old.disks_are_ours())

    def test_disks_of_another(self) -> None:
        """Disks that belong to another database."""
        self.used()
        self.directory.disks_identity.write_text("11111111-2222-4333-8444-555555555555\n")
        self.refused("belongs to another database")

    def test_files_deleted(self) -> None:
        """A level that is missing where the disks are the right ones keeps no server from its start."""
        old = self.used()
        self.directory.disk(BASE).unlink()
        self.assertEqual(self.start().identity, old.identity)

    def test_older_backup_of_the_disks(self) -> None:
        """Disks from before there were identities are known by the levels that lie there."""
        old = self.used()
        self.directory.disks_identity.unlink()
        self.assertEqual(self.start().identity, old.identity)
        self.assertTrue(old.disks_are_ours())

    def test_older_database(self) -> None:
        """A database from before there were identities gets that of its disks, where one of its levels lies there."""
        old = self.used()
        db = connect(self.directory.database)
        db.execute("DELETE FROM identity")
        db.close()
        self.assertEqual(self.start().identity, old.identity)
        db = connect(self.directory.database)
        db.execute("DELETE FROM identity")
        db.close()
        self.directory.disk(BASE).unlink()
        self.refused("holds none")
