"""Tests of voi.rollouts.sender."""

from __future__ import annotations

from tests.unit.rollouts.case import CoordinatorCase
from tests.unit.store.values import MAC
from voi.names import DiskName
from voi.rollouts.dispatcher import CONTENT_SECONDS


class TorrentTests(CoordinatorCase):
    """The torrent that a terminal is sent."""

    async def test_damaged(self) -> None:
        """A torrent of which a byte changed is not sent: terminals would look for a swarm in which nobody is.

        The reason names the server's file; what was put right is sent at the next try.
        """
        await self.prepare()
        name = next(iter(self.torrents))
        path = self.directory.torrent(self.torrents[name])
        right = path.read_bytes()
        data = bytearray(right)
        data[-20] ^= 1
        path.write_bytes(data)
        self.registry.there.add(MAC)
        await self.begin()
        self.assertNotIn(str(name), self.registry.names(MAC))
        self.assertIn(f"the torrent file {path.name} on the server is damaged", (await self.target()).reason)
        path.write_bytes(right)
        self.now += CONTENT_SECONDS
        await self.coordinator.stall_monitor.tick()
        await self.settle()
        self.assertIn(str(name), self.registry.names(MAC))

    async def test_of_another_level(self) -> None:
        """Nor is one that is whole, and another level's."""
        await self.prepare()
        base, difference = (self.directory.torrent(info_hash) for info_hash in self.torrents.values())
        base.write_bytes(difference.read_bytes())
        self.registry.there.add(MAC)
        await self.begin()
        self.assertEqual([DiskName.parse(name).level for name in self.registry.names(MAC)], [])
