"""Offers published levels: the one place that gives a file to the seed, and takes a torrent from seed and tracker."""

from __future__ import annotations

from voi.domain.templates import PublishedLevel
from voi.files.directory import DataDirectory
from voi.seeding.interfaces import BitTorrentSession, Trust
from voi.tracker.tracker import Tracker


class Offering:
    """What tracker and seed answer for."""

    def __init__(self, *, directory: DataDirectory, seeder: BitTorrentSession, tracker: Tracker) -> None:
        self._directory = directory
        self._seeder = seeder
        self._tracker = tracker

    def admit(self, level: PublishedLevel) -> None:
        """Let a level be announced, whatever the server's own copy is like: terminals trade it among themselves.

        :raises TorrentRefused: the tracker holds as many as it may.
        """
        self._tracker.admit(level.info_hash)

    async def doubts(self, torrent: bytes) -> bool:
        """Whether nothing is noted that says that the file of a torrent is whole, or how far it is."""
        return await self._seeder.doubts(torrent, self._directory.disks)

    async def note_verified(self, level: PublishedLevel) -> None:
        """Note that its file was read and found right.

        :raises StorageMissing: it is gone.
        """
        await self._seeder.mark_verified(level.info_hash, self._directory.disk(level.name))

    def holds(self, level: PublishedLevel) -> bool:
        """Whether the seed has a level's torrent."""
        return level.info_hash in self._seeder

    async def offer(self, level: PublishedLevel, torrent: bytes) -> bool:
        """Seed a level; False where its file must be checked, or is only partly there, before it is a seed.

        :raises VoiError: it cannot be.
        """
        if self.holds(level):
            return True
        trust = await self._seeder.seed(torrent, self._directory.disks)
        return trust in (Trust.WHOLE, Trust.LAZY)

    async def withdraw(self, level: PublishedLevel) -> None:
        """Let the seed go of a level's file and forget what was noted of it; the tracker still answers for it."""
        await self._seeder.remove(level.info_hash, forget=True)

    def refuse(self, info_hash: bytes) -> None:
        """Answer no more for a torrent that was let in and is not taken after all; nothing of it is here yet."""
        self._tracker.retire(info_hash)

    async def retire(self, info_hash: bytes) -> None:
        """Offer a torrent no more: the tracker does not answer for it, and the seed has let go of its file."""
        self._tracker.retire(info_hash)
        await self._seeder.remove(info_hash, forget=True)
