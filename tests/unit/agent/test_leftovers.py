"""Tests of voi.agent.leftovers."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, DIFF
from voi.agent.leftovers import remove_leftovers

HERE, GONE = bytes(20), bytes(range(20))


class LeftoverTests(SynchronousTestCase):
    """A terminal's own directory, with a disk that is here and what is left of one that is gone."""

    def setUp(self) -> None:
        self.disks = Path(self.mktemp())
        self.hidden = self.disks / ".voi"
        self.seeding = self.hidden / "seeding"
        self.seeding.mkdir(parents=True)
        self.left = self.files(
            self.hidden / f"{DIFF}.torrent", self.seeding / f"{GONE.hex()}.json", self.seeding / f"{GONE.hex()}.resume"
        )

    def files(self, *paths: Path) -> set[Path]:
        """Files that are there."""
        for path in paths:
            path.write_bytes(b"x")
        return set(paths)

    def remove(self) -> set[Path]:
        """What a start removes."""
        return set(remove_leftovers(self.hidden, self.seeding, {BASE}, {HERE}))

    def test_removed(self) -> None:
        """What belongs to the disk that is here stays, and what is not this program's; the rest goes."""
        kept = self.files(
            self.hidden / f"{BASE}.torrent",
            self.hidden / f"{DIFF}.json",
            self.hidden / "voi_notes.torrent",
            self.hidden / "lock",
            self.seeding / f"{HERE.hex()}.resume",
            self.seeding / "epoch",
            self.seeding / "running",
        )
        self.assertEqual(self.remove(), self.left)
        self.assertFalse([path for path in self.left if path.exists()])
        self.assertTrue(all(path.exists() for path in kept))

    def test_disks(self) -> None:
        """No file of a disk is touched, whether something is known of it or not."""
        kept = self.files(self.disks / str(BASE), self.disks / str(DIFF), self.hidden / str(DIFF))
        self.remove()
        self.assertTrue(all(path.exists() for path in kept))

    def test_refused(self) -> None:
        """What cannot be removed stays, and keeps no terminal from its start."""
        with mock.patch.object(Path, "unlink", side_effect=PermissionError(1, "Operation not permitted")):
            self.assertEqual(self.remove(), set())

    def test_no_directory(self) -> None:
        """A terminal that never fetched anything has nothing to remove."""
        self.assertEqual(remove_leftovers(self.disks / "none", self.disks / "nowhere", set(), set()), [])
