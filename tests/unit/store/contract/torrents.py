"""The contract of the torrents of published levels."""

from __future__ import annotations

from tests.unit.store.contract.case import BASE, Contract
from tests.unit.store.values import level, upload


class LevelTorrentsContract(Contract):
    """`LevelTorrents`."""

    async def test_kept_with_its_level(self) -> None:
        """A torrent that a level is published with is there after a new start."""
        written = await self.uploads.begin(upload(BASE, mac=None))
        await self.templates.publish(level(), written.disks[0], written, torrent=b"d4:infoe")
        self.start(1.0)
        self.assertEqual(await self.repositories.torrents.get(level().info_hash), b"d4:infoe")
        self.assertEqual(await self.repositories.torrents.known(), {level().info_hash})

    async def test_level_without_one(self) -> None:
        """A level of an older version has none until it is added; the last one that was added counts."""
        await self.publish(level())
        torrents = self.repositories.torrents
        self.assertEqual((await torrents.get(level().info_hash), await torrents.known()), (None, frozenset()))
        await torrents.keep(level().info_hash, b"one")
        await torrents.keep(level().info_hash, b"two")
        self.assertEqual(await torrents.get(level().info_hash), b"two")
