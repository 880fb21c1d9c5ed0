"""Tests of voi.catalogue.torrent_files."""

from __future__ import annotations

from typing import Any

import bencodepy
from twisted.internet.defer import Deferred, maybeDeferred

from tests.unit.seeding.swarm import content
from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, TEMPLATE
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain import metainfo
from voi.domain.templates import PublishedLevel
from voi.files.directory import DataDirectory
from voi.files.hashing import Cancelled, hash_file
from voi.names import DiskName

BASE = DiskName(DISK, 0)
SIZE = 300_000


def in_thread(function: Any, *args: Any) -> Deferred[Any]:
    """No thread is needed here."""
    return maybeDeferred(function, *args)


class MakeAgainTests(StoreCase):
    """Torrents that a foreign client made, lost or damaged, from the file that they are of."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = DataDirectory(self.path.absolute())
        self.directory.create()
        self.file = self.directory.disk(BASE)
        self.file.write_bytes(content(SIZE))

    def level_of(self, piece_length: int, **further: Any) -> tuple[PublishedLevel, bytes]:
        """A level with a torrent of this piece length and whatever else is in its info dictionary."""
        torrent = bencodepy.decode(metainfo.build(BASE, SIZE, piece_length, hash_file(self.file, piece_length)))
        torrent[b"info"].update({key.encode(): value for key, value in further.items()})
        data = bencodepy.encode(torrent)
        info_hash = metainfo.parse(data).info_hash
        self.files = TorrentFiles(
            directory=self.directory,
            kept=self.repositories.torrents,
            in_thread=in_thread,
            in_disk_thread=in_thread,
        )
        self.directory.torrent(info_hash).write_bytes(data)
        return PublishedLevel(TEMPLATE, BASE, 0, 0, info_hash, SIZE, SIZE, 1, 1.0, None), data

    async def made(self, level: PublishedLevel) -> bytes | None:
        """What is made of the file where neither place has the torrent."""
        self.assertIsNone(await self.files.get(level))
        return await self.files.make_again(level, lambda: False)

    async def test_any_piece_length(self) -> None:
        """One that is lost is found among all piece lengths that there may be."""
        for length in (16 << 10, 64 << 10, 128 << 10, 16 << 20):
            level, data = self.level_of(length)
            self.directory.torrent(level.info_hash).unlink()
            self.assertEqual(await self.made(level), data, length)
            self.assertEqual(await self.files.get(level), data)

    async def test_damaged_hashes_of_a_foreign_client(self) -> None:
        """What else a client wrote into the info dictionary is taken from the damaged torrent."""
        level, data = self.level_of(32 << 10, source=b"school", attr=b"x")
        damaged = bytearray(data)
        damaged[data.index(b"6:pieces") + 40] ^= 1
        self.directory.torrent(level.info_hash).write_bytes(damaged)
        made = await self.made(level)
        assert made is not None
        self.assertEqual(metainfo.parse(made).info_hash, level.info_hash)

    async def test_another_file(self) -> None:
        """No torrent is made of a file that is not the level's; a foreign one that is lost cannot be made."""
        level, _ = self.level_of(64 << 10, source=b"school")
        self.directory.torrent(level.info_hash).unlink()
        self.assertIsNone(await self.made(level))
        level, _ = self.level_of(64 << 10)
        self.directory.torrent(level.info_hash).unlink()
        self.file.write_bytes(content(SIZE, seed=2))
        self.assertIsNone(await self.made(level))
        self.assertFalse(self.directory.torrent(level.info_hash).exists())

    async def test_called_off(self) -> None:
        """A stop of the server ends the reading."""
        level, _ = self.level_of(64 << 10)
        self.directory.torrent(level.info_hash).unlink()
        await self.assertFailure(Deferred.fromCoroutine(self.files.make_again(level, lambda: True)), Cancelled)

    async def test_damaged_in_the_database(self) -> None:
        """What the database has is checked like any other: a wrong one is not believed."""
        level, _ = self.level_of(64 << 10)
        await self.repositories.torrents.keep(level.info_hash, b"d4:infoi1ee")
        self.directory.torrent(level.info_hash).unlink()
        self.assertIsNone(await self.files.get(level))
