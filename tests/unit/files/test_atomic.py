"""Tests of voi.files.atomic."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from voi.files.atomic import remove_drafts, sync_directory, sync_file, write_atomically


class WriteTests(SynchronousTestCase):
    """A small file."""

    def setUp(self) -> None:
        """A place for it."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "note"

    def names(self) -> list[str]:
        """What lies in the directory."""
        return sorted(path.name for path in self.folder.iterdir())

    def test_replaced(self) -> None:
        """It is there with what was written last, with its mode whatever the umask is, and nothing lies beside it."""
        before = os.umask(0o777)
        try:
            write_atomically(self.path, b"one", mode=0o640)
            write_atomically(self.path, b"two", mode=0o600)
        finally:
            os.umask(before)
        self.assertEqual((self.path.read_bytes(), self.path.stat().st_mode & 0o777), (b"two", 0o600))
        self.assertEqual(self.names(), ["note"])

    def test_disk_that_takes_nothing(self) -> None:
        """What was there before stays, whole, when the new content does not reach the disk."""
        write_atomically(self.path, b"one")
        with mock.patch("os.fsync", side_effect=OSError(28, "No space left on device")):
            self.assertRaises(OSError, write_atomically, self.path, b"two")
        self.assertEqual(self.path.read_bytes(), b"one")

    def test_what_a_crash_left(self) -> None:
        """A draft that was left behind is written over, and gone."""
        (self.folder / ".note.new").write_bytes(b"much longer than what is written now")
        write_atomically(self.path, b"one")
        self.assertEqual((self.path.read_bytes(), self.names()), (b"one", ["note"]))

    def test_draft_that_is_a_link(self) -> None:
        """A link in the place of the draft is not followed."""
        victim = self.folder / "victim"
        victim.write_bytes(b"mine")
        (self.folder / ".note.new").symlink_to(victim.name)
        self.assertRaises(OSError, write_atomically, self.path, b"one")
        self.assertEqual(victim.read_bytes(), b"mine")

    def test_order(self) -> None:
        """Content is on the disk before the name, and the name before it is said."""
        done: list[str] = []
        real = os.fsync

        def noted(handle: int) -> None:
            done.append("directory" if os.fstat(handle).st_mode & 0o040000 else "file")
            done.append("named" if self.path.exists() else "unnamed")
            real(handle)

        with mock.patch("os.fsync", noted):
            write_atomically(self.path, b"one")
        self.assertEqual(done, ["file", "unnamed", "directory", "named"])


class DraftTests(SynchronousTestCase):
    """What a crash left half-written."""

    def test_removed(self) -> None:
        """Drafts go, everything else stays."""
        folder = Path(self.mktemp())
        folder.mkdir()
        for name in (".note.new", "note", ".hidden", "note.new"):
            (folder / name).write_bytes(b"x")
        remove_drafts(folder)
        self.assertEqual({path.name for path in folder.iterdir()}, {"note", ".hidden", "note.new"})


class SyncTests(SynchronousTestCase):
    """Content and names on the disk."""

    def test_both(self) -> None:
        """A file and a directory are synced, and no descriptor is left open."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "file").write_bytes(b"content")
        before = len(list(Path("/proc/self/fd").iterdir()))
        sync_file(folder / "file")
        sync_directory(folder)
        self.assertEqual(len(list(Path("/proc/self/fd").iterdir())), before)

    def test_missing(self) -> None:
        """What is not there is an error, not silence."""
        gone = Path(self.mktemp())
        self.assertRaises(FileNotFoundError, sync_file, gone)
        self.assertRaises(FileNotFoundError, sync_directory, gone)
