"""Makes the server's copies whole by what terminals have: a damaged file in its place, a lost one beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from random import Random
from typing import Final

from twisted.logger import Logger

from voi.catalogue.content import Content, Repair
from voi.catalogue.inspection import WholeReading, cut_to_length, put_in_place
from voi.domain.templates import PublishedLevel
from voi.errors import Conflict, NoSpace
from voi.files.directory import DataDirectory
from voi.files.facts import BLOCK
from voi.messages.reason import Reason
from voi.seeding.interfaces import BitTorrentSession
from voi.tasks import InThread
from voi.tracker.tracker import Tracker

log = Logger()

CheckRoom = Callable[[int], Awaitable[None]]
"""Raises NoSpace where so many bytes do not fit."""

MOST_CONNECTED: Final = 16
"""Terminals that the server connects to for one level: a few gigabit links fill any disk, and the others teach."""


class Repairs:
    """Fetches what is wrong or missing; who calls holds the content's lock."""

    def __init__(
        self,
        *,
        directory: DataDirectory,
        seeder: BitTorrentSession,
        tracker: Tracker,
        in_thread: InThread,
        check_room: CheckRoom,
        random: Random,
    ) -> None:
        self._directory = directory
        self._seeder = seeder
        self._tracker = tracker
        self._in_thread = in_thread
        self._check_room = check_room
        self._random = random
        self._wanted: dict[bytes, Content] = {}

    @property
    def wanted(self) -> Collection[bytes]:
        """The info-hashes of what is fetched, as they are whenever it is looked into."""
        return self._wanted.keys()

    async def mend(self, content: Content, torrent: bytes, reading: WholeReading) -> None:
        """Fetch the wrong pieces into the content's own file; what is right of it is offered meanwhile.

        Nothing notes any more that the file is whole, so a crash cannot make it pass for that.

        :raises VoiError, OSError: it cannot begin.
        """
        lacking = content.level.file_size - reading.scan.facts.size
        if lacking > 0:
            await self._room(lacking)
        scan = await self._in_thread(cut_to_length, self._directory.disk(content.level.name), reading)
        await self._seeder.download(torrent, self._directory.disks, (), scan)
        self._begun(content, Repair.IN_PLACE)

    async def fetch_back(self, content: Content, torrent: bytes) -> None:
        """Fetch the whole file, going on with what was fetched before.

        :raises NoSpace: there is not enough room.
        :raises Conflict: its place is not that of this database's disks: a file system is not mounted.
        :raises VoiError: it cannot begin.
        """
        if not await self._in_thread(self._directory.disks_are_ours):
            raise Conflict(Reason("disks_not_ours"))
        await self._room(content.level.file_size - await self._in_thread(self._taken, content.level))
        await self._seeder.download(torrent, self._directory.fetched)
        self._begun(content, Repair.BESIDE)

    def resumed(self, content: Content) -> None:
        """Its mending, which a stop of the server ended, goes on."""
        self._begun(content, Repair.IN_PLACE)

    async def end(self, content: Content) -> None:
        """Stop fetching; what was fetched stays for the next time."""
        self._over(content)
        await self._seeder.remove(content.level.info_hash, forget=True)

    async def flush(self, content: Content) -> None:
        """Bring what was fetched to the disk itself."""
        await self._seeder.flush(content.level.info_hash)

    def mended(self, content: Content) -> None:
        """All of its file came; the torrent that fetched it seeds it."""
        self._over(content)

    async def place(self, content: Content) -> bool:
        """Move what was fetched into its place; False where a file is there again, which stays.

        :raises OSError: it cannot be moved.
        """
        await self.end(content)
        name = content.level.name
        placed: bool = await self._in_thread(put_in_place, self._directory.lost(name), self._directory.disk(name))
        return placed

    async def forget_fetched(self, content: Content) -> None:
        """Remove what was fetched of a level that is whole without it."""
        try:
            await self._in_thread(self._directory.lost(content.level.name).unlink, True)
        except OSError as error:
            log.warn("{name}: what was fetched of it stays: {error}", name=str(content.level.name), error=str(error))

    def meet(self, info_hash: bytes, host: str, port: int) -> None:
        """A peer announced itself: the server connects to it if it fetches that level, and has few peers."""
        if info_hash not in self._wanted:
            return
        status = self._seeder.status(info_hash)
        if status is None or status.peers < MOST_CONNECTED:
            self._seeder.connect(info_hash, host, port)

    def look_for_peers(self, contents: Iterable[Content]) -> None:
        """Connect once more to those who have what is fetched: a connection may have ended."""
        for content in contents:
            if content.level.info_hash in self._wanted:
                self._connect(content.level.info_hash)

    def fetched(self, content: Content) -> float | None:
        """How much of a level that is fetched is there, 0 to 1; None before that is known."""
        status = self._seeder.status(content.level.info_hash) if content.repair is not None else None
        return None if status is None or not content.level.file_size else status.done / content.level.file_size

    def holders(self, content: Content) -> int:
        """How many terminals that are in its swarm now have all of it."""
        return len({peer.terminal for peer in self._tracker.peers(content.level.info_hash) if peer.left == 0})

    def _begun(self, content: Content, repair: Repair) -> None:
        content.repair = repair
        content.round += 1
        content.hindrance = ""
        self._wanted[content.level.info_hash] = content
        self._connect(content.level.info_hash)

    def _over(self, content: Content) -> None:
        content.repair = None
        content.round += 1
        self._wanted.pop(content.level.info_hash, None)

    def _connect(self, info_hash: bytes) -> None:
        """Those first who have all of it."""
        peers = self._tracker.peers(info_hash)
        self._random.shuffle(peers)
        for peer in sorted(peers, key=lambda peer: peer.left > 0)[:MOST_CONNECTED]:
            self.meet(info_hash, peer.host, peer.port)

    async def _room(self, needed: int) -> None:
        """:raises NoSpace: so many bytes do not fit beside those that are still to come of others."""
        coming = sum(
            round(other.level.file_size * (1 - (self.fetched(other) or 0.0)))
            for other in self._wanted.values()
            if other.repair is Repair.BESIDE
        )
        try:
            await self._check_room(needed + coming)
        except NoSpace as error:
            log.warn("a published level cannot be fetched back: {reason}", reason=error.reason)
            raise

    def _taken(self, level: PublishedLevel) -> int:
        try:
            return min(level.file_size, self._directory.lost(level.name).stat().st_blocks * BLOCK)
        except FileNotFoundError:
            return 0
