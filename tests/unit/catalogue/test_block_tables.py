"""Block tables: kept when a disk is published, made where there is none, and given to whoever asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from tests.unit.publishing.case import BASE, DIFF, NAMED, PublishingCase, image
from tests.unit.store.base import StoreCase
from tests.unit.store.values import MAC, level
from voi.catalogue.block_tables import MOST_IN_MEMORY, BeingMade, BlockTables, keep_table
from voi.domain import metainfo
from voi.domain.actors import SERVER
from voi.domain.blocks import BlockTable, Sums
from voi.domain.metainfo import Metainfo
from voi.domain.uploads import ImportDisk
from voi.errors import NotFound
from voi.files.hashing import hash_file
from voi.names import DiskName
from voi.wire.torrent_body import TorrentBody

PIECE = 256 << 10


def torrent_of(path: Path, name: DiskName, piece_length: int = PIECE) -> bytes:
    """The torrent of a file, in pieces longer than blocks."""
    return metainfo.build(name, path.stat().st_size, piece_length, hash_file(path, piece_length))


def sums_of(path: Path) -> bytes:
    """The sums of a file."""
    sums = Sums()
    sums.update(path.read_bytes())
    return sums.finish()


class TablesCase(PublishingCase):
    """An intake, a publisher and the tables of what they publish."""

    def start(self) -> None:
        super().start()
        self.waiting: Deferred[None] | None = None

        def in_thread(function: Any, *args: Any) -> Deferred[Any]:
            return maybeDeferred(function, *args)

        def in_disk_thread(function: Any, *args: Any) -> Deferred[Any]:
            if self.waiting is not None:
                return self.waiting.addCallback(lambda _: function(*args))
            return maybeDeferred(function, *args)

        self.tables = BlockTables(
            templates=self.templates,
            directory=self.directory,
            contents=self.contents,
            in_thread=in_thread,
            in_disk_thread=in_disk_thread,
        )

    async def upload(self, name: DiskName = BASE, piece_length: int = PIECE, **kwargs: Any) -> Metainfo:
        """Publish a level; the torrent that it is published with."""
        path = image(self.made / str(name), **kwargs)
        torrent = torrent_of(path, name, piece_length)
        await self.intake.take_torrent(MAC, True, NAMED, TorrentBody(torrent, name.uuid, name.level))
        self.directory.upload(name).write_bytes(path.read_bytes())
        self.publisher.finished(metainfo.parse(torrent).info_hash)
        await self.settle()
        template = await self.templates.by_disk(name.uuid)
        assert template is not None
        info_hash = template.levels_of(name.uuid)[-1].info_hash
        return metainfo.parse(self.directory.torrent(info_hash).read_bytes())

    def ask(self, info_hash: bytes) -> Deferred[bytes]:
        """What `BlockTables` answers."""
        return Deferred.fromCoroutine(self.tables.table(info_hash))

    def expected(self, torrent: Metainfo) -> bytes:
        """The table as it must be."""
        sums = sums_of(self.directory.disk(torrent.name))
        return BlockTable(torrent.info_hash, torrent.length, sums).encode()


class PublishedTests(TablesCase):
    """What is published has its table."""

    async def test_base(self) -> None:
        """The table of an upload lies beside its torrent."""
        torrent = await self.upload()
        self.assertEqual(self.directory.blocks(torrent.info_hash).read_bytes(), self.expected(torrent))
        self.assertEqual(await self.tables.table(torrent.info_hash), self.expected(torrent))

    async def test_header_put_right(self) -> None:
        """A difference whose header was changed has the table of what it is now."""
        await self.upload()
        torrent = await self.upload(DIFF, backing="/mnt/local/elsewhere.qcow2")
        self.assertNotEqual(sums_of(self.directory.disk(DIFF)), sums_of(self.made / str(DIFF)))
        self.assertEqual(self.directory.blocks(torrent.info_hash).read_bytes(), self.expected(torrent))

    async def test_import(self) -> None:
        """An imported file too, if its pieces are longer than blocks."""
        path = image(self.made / "base")
        self.patch(metainfo, "piece_length_for", lambda _size: PIECE)
        await self.requests.import_files(SERVER, "Lab", 0, "", [ImportDisk(0, str(path.absolute()))])
        await self.settle()
        (template,) = await self.templates.all()
        torrent = metainfo.parse(self.directory.torrent(template.levels[0].info_hash).read_bytes())
        self.assertEqual(self.directory.blocks(torrent.info_hash).read_bytes(), self.expected(torrent))

    async def test_small_pieces(self) -> None:
        """Where pieces are no longer than blocks there is no table, and none is made."""
        torrent = await self.upload(piece_length=64 << 10)
        self.assertFalse(self.directory.blocks(torrent.info_hash).exists())
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
        await self.assertFailure(self.ask(torrent.info_hash), NotFound)

    async def test_failed_upload(self) -> None:
        """An upload that fails leaves no table behind."""
        path = image(self.made / "base")
        torrent = torrent_of(path, BASE)
        await self.intake.take_torrent(MAC, True, NAMED, TorrentBody(torrent, BASE.uuid, 0))
        parsed = metainfo.parse(torrent)
        keep_table(self.directory, parsed, sums_of(path))
        await self.publisher.fail(await self.last(), "no")
        self.assertEqual(list(self.directory.torrents.iterdir()), [])


class AskedTests(TablesCase):
    """Tables as they are asked for."""

    async def test_unknown(self) -> None:
        """What was not published has none."""
        await self.assertFailure(self.ask(bytes(20)), NotFound)

    async def test_made_when_it_is_missing(self) -> None:
        """A level from before there were tables gets one; until it is made, terminals are told to come back."""
        torrent = await self.upload()
        self.directory.blocks(torrent.info_hash).unlink()
        self.waiting = Deferred()
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
        self.waiting.callback(None)
        self.assertEqual(await self.ask(torrent.info_hash), self.expected(torrent))
        self.assertEqual(self.directory.blocks(torrent.info_hash).read_bytes(), self.expected(torrent))

    async def test_cut_off(self) -> None:
        """A table file that is not whole is made anew."""
        torrent = await self.upload()
        path = self.directory.blocks(torrent.info_hash)
        path.write_bytes(path.read_bytes()[:-1])
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
        self.assertEqual(await self.ask(torrent.info_hash), self.expected(torrent))

    async def test_damaged_disk(self) -> None:
        """No table is made of a file that is not what its torrent says, and it is read once only."""
        torrent = await self.upload()
        self.directory.blocks(torrent.info_hash).unlink()
        with self.directory.disk(BASE).open("r+b") as file:
            file.write(b"x")
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
        self.waiting = Deferred()  # a second reading would wait for ever
        await self.assertFailure(self.ask(torrent.info_hash), NotFound)

    async def test_lost_disk(self) -> None:
        """A file that is gone is logged, and terminals are told that there is no table."""
        torrent = await self.upload()
        self.directory.blocks(torrent.info_hash).unlink()
        self.directory.disk(BASE).unlink()
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
        await self.assertFailure(self.ask(torrent.info_hash), NotFound)
        self.assertEqual(len(self.flushLoggedErrors()), 1)

    async def test_read_once(self) -> None:
        """A room that asks for the same table gets one reading of it; few are kept."""
        torrent = await self.upload()
        first = await self.ask(torrent.info_hash)
        self.directory.blocks(torrent.info_hash).unlink()
        self.assertIs(await self.ask(torrent.info_hash), first)
        for number in range(MOST_IN_MEMORY):
            other = level(disk=f"1111111{number}-2222-4333-8444-55555555555{number}", size=100, template=f"{number}")
            self.directory.blocks(other.info_hash).write_bytes(BlockTable(other.info_hash, 100, b"sums").encode())
            await StoreCase.publish(self, other)
            await self.ask(other.info_hash)
        await self.assertFailure(self.ask(torrent.info_hash), BeingMade)
