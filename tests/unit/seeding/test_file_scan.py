"""What lies there already, read once, is taken by libtorrent as it was found: real sessions on loopback."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.seeding.swarm import HOST, NAME, SwarmCase, content, hash_of
from voi.domain import metainfo
from voi.domain.blocks import BLOCK, BlockTable, Sums
from voi.domain.metainfo import Metainfo
from voi.errors import StorageMissing
from voi.files.hashing import hash_file
from voi.names import DiskName
from voi.seeding.alerts import Finished, PieceFailed, StateChanged
from voi.seeding.file_scan import read
from voi.seeding.interfaces import FileScan, TorrentStatus

PIECE = 8 * BLOCK
SIZE = 4 * PIECE


def versions(directory: Path) -> tuple[bytes, bytes, Metainfo, bytes]:
    """An old content and a new one with blocks 1, 2 and 17 changed, the new one's torrent, and that as bytes."""
    old = content(SIZE)
    new = bytearray(old)
    for block in (1, 2, 17):
        new[block * BLOCK : (block + 1) * BLOCK] = content(BLOCK, seed=block)
    path = directory / "new"
    path.write_bytes(new)
    torrent = metainfo.build(DiskName.parse(NAME), SIZE, PIECE, hash_file(path, PIECE))
    return old, bytes(new), metainfo.parse(torrent), torrent


def table(parsed: Metainfo, data: bytes) -> BlockTable:
    """The table of some content, said to be a torrent's."""
    sums = Sums()
    sums.update(data)
    return BlockTable(parsed.info_hash, parsed.length, sums.finish())


class ReadTests(SynchronousTestCase):
    """Reading a file for a comparison."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir()

    def test_longer_file(self) -> None:
        """Only as much is read as the torrent has."""
        _, new, parsed, _ = versions(self.root)
        path = self.root / "longer"
        path.write_bytes(new + b"more")
        scan = read(path, parsed).against(parsed, None)
        self.assertEqual(scan.found.have, (True,) * 4)
        self.assertEqual(scan.facts.size, SIZE + 4)

    def test_no_file(self) -> None:
        """A file that is gone is told."""
        parsed = versions(self.root)[2]
        self.assertRaises(StorageMissing, read, self.root / "nothing", parsed)


class FetchTests(SwarmCase):
    """A seed of the new version, and a session that has the old one."""

    async def prepare(self) -> None:
        self.old, self.new, self.parsed, self.torrent = versions(self.root)
        self.key = hash_of(self.torrent)
        self.seed = await self.peer("seed")
        (self.seed.files / NAME).write_bytes(self.new)
        await self.seed.seeding.seed(self.torrent, self.seed.files)
        self.leech = await self.peer("leech")
        self.path = self.leech.files / NAME

    def scan(self, block_table: BlockTable | None) -> FileScan:
        return read(self.path, self.parsed).against(self.parsed, block_table)

    async def fetch(self, scan: FileScan | None) -> None:
        await self.leech.seeding.download(self.torrent, self.leech.files, scan=scan)
        self.leech.seeding.connect(self.key, HOST, self.seed.port)

    async def finished(self) -> None:
        await self.leech.events.until(Finished)
        await self.leech.seeding.flush(self.key)

    async def fetched(self) -> int:
        """Payload that came in, counted to the end."""
        return (await self.leech.events.until(TorrentStatus, lambda status: status.state == "seeding")).downloaded

    async def test_only_the_difference(self) -> None:
        """What changed is fetched and nothing else, and nothing is read again first."""
        await self.prepare()
        self.path.write_bytes(self.old)
        await self.fetch(self.scan(table(self.parsed, self.new)))
        await self.finished()
        self.assertEqual(self.path.read_bytes(), self.new)
        self.assertEqual(await self.fetched(), 3 * BLOCK)
        self.assertNotIn("checking", [event.state for event in self.leech.events.of(StateChanged)])

    async def test_shorter_file(self) -> None:
        """A version that was shorter is kept as far as it goes."""
        await self.prepare()
        self.path.write_bytes(self.old[: 3 * PIECE + BLOCK])
        await self.fetch(self.scan(table(self.parsed, self.new)))
        await self.finished()
        self.assertEqual(self.path.read_bytes(), self.new)
        self.assertEqual(await self.fetched(), (3 + 7) * BLOCK)

    async def test_all_there(self) -> None:
        """A file that is the new version already finishes without a peer."""
        await self.prepare()
        self.path.write_bytes(self.new)
        await self.leech.seeding.download(self.torrent, self.leech.files, scan=self.scan(None))
        await self.finished()

    async def test_changed_since(self) -> None:
        """A scan of a file that was written to since counts for nothing: the file is checked."""
        await self.prepare()
        self.path.write_bytes(self.new)
        scan = self.scan(None)
        self.path.write_bytes(self.old)
        os.utime(self.path, ns=(1, 1))
        await self.fetch(scan)
        await self.finished()
        self.assertEqual(self.path.read_bytes(), self.new)

    async def test_lie(self) -> None:
        """A block that only seems right makes its piece fail, which is told; the file is never taken for whole."""
        await self.prepare()
        self.path.write_bytes(self.old)
        believed = bytearray(self.new)
        believed[BLOCK : 2 * BLOCK] = self.old[BLOCK : 2 * BLOCK]
        await self.fetch(self.scan(table(self.parsed, bytes(believed))))
        failed = await self.leech.events.until(PieceFailed)
        self.assertEqual(failed.piece, 0)
        self.assertEqual(self.leech.events.of(Finished), [])
        # libtorrent has banned the only peer for it by now; out and in again without the lie, it is as good as new.
        await self.leech.seeding.remove(self.key, forget=True)
        reading = read(self.path, self.parsed)
        await self.fetch(reading.against(self.parsed, table(self.parsed, bytes(believed)), {failed.piece}))
        await self.finished()
        self.assertEqual(self.path.read_bytes(), self.new)

    async def test_doubts(self) -> None:
        """A file is doubted that nobody vouches for; none, an empty one and a verified one are not."""
        await self.prepare()
        doubts = self.leech.seeding.doubts
        self.assertFalse(await doubts(self.torrent, self.leech.files))
        self.path.touch()
        self.assertFalse(await doubts(self.torrent, self.leech.files))
        self.path.write_bytes(self.new)
        self.assertTrue(await doubts(self.torrent, self.leech.files))
        await self.leech.seeding.mark_verified(self.key, self.path)
        self.assertFalse(await doubts(self.torrent, self.leech.files))
