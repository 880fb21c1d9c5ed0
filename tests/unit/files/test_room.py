"""Room for a file, taken before its first byte."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.errors import NoSpace, StorageMissing
from voi.files.room import Allocate, allocate, check_room, reserve, shortage

LENGTH = 8 << 20


class RoomTests(SynchronousTestCase):
    """One path."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())

    def test_reserved(self) -> None:
        """The blocks are the file's; its length, content and time of change stay."""
        self.path.write_bytes(b"begun")
        os.utime(self.path, ns=(5, 5))
        if not reserve(self.path, LENGTH):
            self.skipTest("the file system of the tests cannot reserve room")
        found = self.path.stat()
        self.assertEqual((self.path.read_bytes(), found.st_mtime_ns), (b"begun", 5))
        self.assertGreaterEqual(found.st_blocks * 512, LENGTH)
        self.assertEqual(shortage(self.path, LENGTH)[0], 0)

    def test_longer_file_is_cut(self) -> None:
        """What lies behind the end is cut off."""
        self.path.write_bytes(b"begun and more")
        reserve(self.path, 5)
        self.assertEqual(self.path.read_bytes(), b"begun")

    def test_cannot_reserve(self) -> None:
        """A file system that cannot is no fault: the file is sparse."""
        for number in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            self.assertFalse(reserve(self.path, LENGTH, take=self.failing(number)))

    def test_full(self) -> None:
        """A disk that says it is full, at a quota say, is told with the figures."""
        for number in (errno.ENOSPC, errno.EDQUOT):
            error = self.assertRaises(NoSpace, reserve, self.path, LENGTH, take=self.failing(number))
            self.assertIn("8.4 MB more", error.message)

    def test_sick(self) -> None:
        """Other failures are the system's own words."""
        error = self.assertRaises(StorageMissing, reserve, self.path, LENGTH, take=self.failing(errno.EIO))
        self.assertIn("Input/output error", error.message)

    def test_does_not_fit(self) -> None:
        """What does not fit is refused before anything is changed."""
        self.path.write_bytes(b"old")
        self.assertRaises(NoSpace, reserve, self.path, 1 << 60)
        self.assertEqual(self.path.read_bytes(), b"old")
        free = shortage(self.path, LENGTH)[1]
        self.assertRaises(NoSpace, check_room, self.path, LENGTH, free)

    def test_beside(self) -> None:
        """A file that stays makes no room for the one that takes its place."""
        self.path.write_bytes(bytes(LENGTH))
        self.assertLess(shortage(self.path, LENGTH)[0], LENGTH)
        self.assertEqual(shortage(self.path, LENGTH, beside=True)[0], LENGTH)

    def test_not_a_file(self) -> None:
        """A directory in its place is said."""
        self.path.mkdir()
        self.assertRaises(StorageMissing, reserve, self.path, LENGTH)

    def test_call_itself(self) -> None:
        """The system's own call raises what the system says."""
        reading = os.open(__file__, os.O_RDONLY)
        self.addCleanup(os.close, reading)
        self.assertRaises(OSError, allocate, reading, LENGTH)

    @staticmethod
    def failing(number: int) -> Allocate:
        """Takes no blocks."""

        def take(_descriptor: int, _length: int) -> None:
            raise OSError(number, os.strerror(number))

        return take
