"""Tests of voi.catalogue.orphans."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voi.catalogue.orphans import OrphanKind, Referred, find_orphans
from voi.files.directory import DataDirectory
from voi.names import DiskName

KNOWN, OTHER = (DiskName("0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b", level) for level in (0, 1))
HASH, LOST = b"\x01" * 20, b"\x02" * 20


class OrphanTests(SynchronousTestCase):
    """What nothing refers to."""

    def setUp(self) -> None:
        self.directory = DataDirectory(Path(self.mktemp()))
        self.directory.create()
        for name in (KNOWN, OTHER):
            for path in (self.directory.disk(name), self.directory.upload(name), self.directory.lost(name)):
                path.write_bytes(b"x" * 5000)
        for info_hash in (HASH, LOST):
            self.directory.torrent(info_hash).write_bytes(b"torrent")
            self.directory.blocks(info_hash).write_bytes(b"blocks")
            (self.directory.resume / f"{info_hash.hex()}.json").write_bytes(b"{}")
        for file in ("running", "epoch", f".{LOST.hex()}.json.new"):
            (self.directory.resume / file).write_bytes(b"")
        (self.directory.disks / f"{KNOWN}.other-1").write_bytes(b"moved aside")
        (self.directory.disks / "notes.txt").write_bytes(b"mine")
        (self.directory.disks / "lost+found").mkdir()

    def found(self, referred: Referred) -> set[tuple[str, str]]:
        """Where they are, and what."""
        return {(str(x.path.relative_to(self.directory.root)), x.what) for x in find_orphans(self.directory, referred)}

    def test_found(self) -> None:
        """Files of what the database knows are left out; of the others, each says what it was."""
        referred = Referred(published=[KNOWN], uploads=[OTHER], info_hashes=[HASH], fetched=[KNOWN])
        self.assertEqual(
            self.found(referred),
            {
                (f"disks/{OTHER}", OrphanKind.DISK),
                ("disks/notes.txt", OrphanKind.OTHER),
                (f"disks/{KNOWN}.other-1", OrphanKind.OTHER),
                (f"incoming/{KNOWN}", OrphanKind.UPLOAD),
                (f"fetched/{OTHER}", OrphanKind.FETCHED),
                (f"torrents/{LOST.hex()}.torrent", OrphanKind.TORRENT),
                (f"torrents/{LOST.hex()}.blocks", OrphanKind.TORRENT),
                (f"resume/{LOST.hex()}.json", OrphanKind.RESUME),
                (f"resume/.{LOST.hex()}.json.new", OrphanKind.DRAFT),
            },
        )

    def test_size(self) -> None:
        """The bytes are those that the disk would gain, which for a sparse file are few."""
        path = self.directory.disk(OTHER)
        with path.open("r+b") as file:
            file.truncate(1 << 30)
        orphans = find_orphans(self.directory, Referred(published=[KNOWN], info_hashes=[]))
        (size,) = (orphan.size for orphan in orphans if orphan.path == path)
        self.assertLess(size, 1 << 20)
        self.assertGreaterEqual(size, 4096)

    def test_no_directory(self) -> None:
        """A directory that is not there has none."""
        directory = DataDirectory(Path(self.mktemp()))
        self.assertEqual(find_orphans(directory, Referred(published=[], info_hashes=[])), [])
