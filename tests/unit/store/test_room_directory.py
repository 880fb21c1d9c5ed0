"""Tests that nobody writes rooms or terminals past those who tell the directory of rooms."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import voi
from voi.store.rooms import SqlRooms
from voi.store.terminals import SqlTerminals

WRITES = re.compile(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) (rooms|room_subnets|terminals)\b")
"""SQL that changes who stands where, or may."""


class WriterTests(SynchronousTestCase):
    """Who writes what the directory is kept by."""

    def test_two_modules(self) -> None:
        """The repositories of rooms and terminals alone write those tables (and migrations, before anybody reads)."""
        root = Path(voi.__file__).parent
        found = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if WRITES.search(path.read_text())}
        self.assertEqual(found, {"store/rooms.py", "store/terminals.py"})

    def test_every_call(self) -> None:
        """A new way to change rooms or terminals is tried by `RoomDirectoryContract`, or named here as none."""
        reads = {"get", "all", "some", "visits", "reported_template", "reported_names", "disks", "all_disks"}
        writes = {"rename", "seen", "set_boot_disk", "report", "add_level"}
        tried = {"add", "change", "remove", "move", "forget", "touch"}
        found = {name for kind in (SqlRooms, SqlTerminals) for name in vars(kind) if not name.startswith("_")}
        self.assertEqual(found, tried | reads | writes)
