"""Tests of voi.files.permissions."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from unittest import mock

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from voi.files.permissions import DIRECTORY_MODE, FILE_MODE, make_directory, restrict, restrict_files, set_umask


def mode(path: Path) -> int:
    """All permission bits of a file or directory."""
    return stat.S_IMODE(path.stat().st_mode)


class PermissionTests(SynchronousTestCase):
    """Modes, whatever the umask."""

    def setUp(self) -> None:
        """A directory; the umask is as it was when the test is over."""
        self.addCleanup(os.umask, os.umask(0))
        self.path = Path(self.mktemp())

    def test_new_directory(self) -> None:
        """A new directory has its mode under an open umask and under a closed one."""
        for umask in (0, 0o077):
            os.umask(umask)
            path = self.path / f"{umask:o}"
            make_directory(path)
            self.assertEqual(mode(path), DIRECTORY_MODE)

    def test_directory_that_is_there(self) -> None:
        """An open directory is closed; that it hands its group down stays."""
        self.path.mkdir()
        self.path.chmod(0o2777)
        make_directory(self.path)
        self.assertEqual(mode(self.path), 0o2750)

    def test_directory_of_everybody(self) -> None:
        """A directory like /tmp is left alone."""
        self.path.mkdir()
        self.path.chmod(0o1777)
        make_directory(self.path)
        self.assertEqual(mode(self.path), 0o1777)

    def test_files(self) -> None:
        """Regular files are closed; what a link leads to is not ours, and a file that went meanwhile is no error."""
        self.path.mkdir()
        inside, outside, link = self.path / "inside", Path(self.mktemp()), self.path / "link"
        for file in (inside, outside):
            file.touch(0o666)
        link.symlink_to(outside.absolute())
        restrict_files([inside, link, self.path / "gone"])
        restrict(self.path / "gone")
        self.assertEqual((mode(inside), mode(outside)), (FILE_MODE, 0o666))

    def test_refused(self) -> None:
        """Where the system refuses, the log says which file and what to do, and the start goes on."""
        self.path.touch(0o666)
        refused = PermissionError(1, "Operation not permitted")
        with mock.patch.object(Path, "chmod", side_effect=refused), capturedLogs() as events:
            restrict(self.path)
        self.assertEqual([(event["path"], event["mode"]) for event in events], [(str(self.path), FILE_MODE)])

    def test_umask(self) -> None:
        """What others make in this process is closed too."""
        set_umask()
        self.path.touch(0o666)
        self.assertEqual(mode(self.path), FILE_MODE)
