"""Tests of voi.files.directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.errors import StartupError, StorageMissing
from voi.files.directory import DataDirectory
from voi.files.disk_usage import free_bytes


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
