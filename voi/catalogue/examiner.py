"""Finds out how a published level's file is: from outside, by reading it, by what the seed tells; the rest follows.

Everything here is done by who holds the content's lock: one thing at a time for each level.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.catalogue.content import Content, Repair
from voi.catalogue.inspection import Sight, WholeReading, look, read_through
from voi.catalogue.offering import Offering
from voi.catalogue.outcomes import Note, Outcomes, has_size
from voi.catalogue.repairs import Repairs
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain import metainfo
from voi.domain.contents import ContentState, Fault
from voi.errors import Conflict, StorageMissing
from voi.files.directory import DataDirectory
from voi.files.hashing import Cancelled
from voi.tasks import InThread

log = Logger()


class Examiner:
    """Looks at contents; `cancelled` says, in any thread, that the server stops."""

    def __init__(
        self,
        *,
        directory: DataDirectory,
        torrents: TorrentFiles,
        offering: Offering,
        repairs: Repairs,
        in_thread: InThread,
        in_disk_thread: InThread,
        clock: IReactorTime,
        outcomes: Outcomes,
        note: Note,
        cancelled: Callable[[], bool],
    ) -> None:
        self._directory = directory
        self._torrents = torrents
        self._offering = offering
        self._repairs = repairs
        self._in_thread = in_thread
        self._in_disk_thread = in_disk_thread
        self._clock = clock
        self._outcomes = outcomes
        self._note = note
        self._cancelled = cancelled
        self._turn = DeferredLock()  # one file is read at a time: two would only make a hard disk seek

    async def bring_up(self, content: Content, *, verified: bool = False) -> bool:
        """Offer a level for the first time, or say that its file must be read before.

        :param verified: its file was hashed a moment ago.
        """
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if seen.fault is not None:
            await self._outcomes.lost(content, seen.fault)
            return False
        torrent = await self._torrents.get(content.level)
        if torrent is None or not has_size(content, seen):
            return True
        if verified:
            await self._offering.note_verified(content.level)
        elif await self._offering.doubts(torrent):
            return True
        await self._outcomes.offer(content, torrent, seen)
        return False

    async def examine(self, content: Content, *, with_torrent: bool) -> bool:
        """Look at a file from outside, and at its torrent too `with_torrent`; whether the file must be read."""
        if content.retired:
            return False
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if content.repair is Repair.BESIDE and (seen.fault is None or seen.fault.state is ContentState.MISSING):
            return self._has_returned(content, seen)
        if seen.fault is not None:
            await self._outcomes.lost(content, seen.fault)
            return False
        if content.repair is Repair.IN_PLACE:
            if content.seen is None or seen.inode == content.seen[1]:
                return False
            await self._repairs.end(content)  # another file is in its place
            return True
        if not content.offered and self._clock.seconds() < content.not_before:
            return False
        if not content.offered or self._looks_changed(content, seen):
            return True
        return with_torrent and await self._torrents.get(content.level) is None

    async def read(self, content: Content) -> None:
        """Read a file from end to end, and do what follows."""
        if content.retired or content.repair is Repair.IN_PLACE:
            return
        torrent = await self._torrent(content)
        if torrent is None:
            return
        try:
            reading = await self._read(content, metainfo.parse(torrent, content.level.name))
        except Cancelled:
            return
        except Conflict as error:  # somebody writes to it: the next look finds it changed, or at rest
            log.warn("{name}: {error}: looked at again", name=str(content.level.name), error=error.message)
            content.seen = None if content.fault is None else content.seen
            return
        except StorageMissing as error:
            await self._unread(content, error)
            return
        if content.retired:
            return
        if content.repair is Repair.BESIDE:  # a file is there again that was fetched back
            await self._repairs.end(content)
        if reading.wrong:
            await self._outcomes.damaged(content, torrent, reading)
        else:
            await self._outcomes.found_whole(content, torrent, reading)

    async def completed(self, content: Content) -> None:
        """The last piece of what was fetched is here."""
        if content.repair is Repair.IN_PLACE:
            await self._mended(content)
        elif content.repair is Repair.BESIDE:
            await self._repairs.flush(content)
            if await self._repairs.place(content):
                content.seen = None
            await self.read(content)

    async def failed(self, content: Content, reason: str) -> None:
        """The seed cannot go on with a torrent: its file cannot be read or written."""
        beside = content.repair is Repair.BESIDE
        await self._outcomes.withdraw(content)
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if not beside and seen.fault is not None:
            await self._outcomes.lost(content, seen.fault)
        elif content.fault is None:
            await self.read(content)
        else:
            self._outcomes.put_off(content)
            content.hindrance = reason

    async def checked(self, content: Content, complete: bool) -> None:
        """The seed knows how far a file is that it went on with after a stop."""
        if content.repair is not Repair.IN_PLACE:
            return
        if complete:
            await self._mended(content)
        elif content.fault is None:
            torrent = await self._torrents.get(content.level)
            total = 0 if torrent is None else metainfo.parse(torrent, content.level.name).piece_count
            wrong = total - int(total * (self._repairs.fetched(content) or 0.0))
            content.fault = Fault.damaged(wrong, total)

    # What was found.

    async def _unread(self, content: Content, error: StorageMissing) -> None:
        """A file could not be read to its end."""
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if content.repair is Repair.BESIDE and seen.fault is not None:
            return  # it is not there, which is known
        if seen.fault is None:
            self._outcomes.put_off(content)  # a part of the disk is bad: it is not read again at each look
        await self._outcomes.lost(content, seen.fault or Fault.unreadable(error.reason))

    def _has_returned(self, content: Content, seen: Sight) -> bool:
        """While a level is fetched back somebody may put its file back: it counts once it is at rest."""
        now = None if seen.facts is None else (seen.facts, seen.inode)
        at_rest, content.returned = now is not None and now == content.returned, now
        return at_rest

    async def _mended(self, content: Content) -> None:
        """The last wrong piece came; what the disk made of it is read before anybody is told that it is whole."""
        await self._repairs.flush(content)
        self._repairs.mended(content)
        await self.read(content)

    # Small things.

    async def _torrent(self, content: Content) -> bytes | None:
        """Its torrent, made again from its file if it must be; None where there is none, which is said."""
        torrent = await self._torrents.get(content.level)
        if torrent is not None:
            return torrent
        await self._turn.acquire()
        content.reading = 0.0
        try:
            torrent = await self._torrents.make_again(content.level, self._cancelled)
        except Cancelled:
            return None
        except (StorageMissing, Conflict) as error:
            log.warn("{name}: {error}", name=str(content.level.name), error=error.message)
        finally:
            content.reading = None
            self._turn.release()
        if torrent is not None:
            self._note("content.torrent_made", content)
            return torrent
        await self._outcomes.withdraw(content)
        self._outcomes.put_off(content)
        fault = Fault.torrent_lost()
        if content.fault != fault:
            self._note("content.missing", content, reason=fault.reason)
        content.fault = fault
        return None

    async def _read(self, content: Content, torrent: metainfo.Metainfo) -> WholeReading:
        def progress(done: int) -> None:
            content.reading = done / torrent.length

        content.reading = 0.0
        await self._turn.acquire()
        began = self._clock.seconds()
        try:
            reading: WholeReading = await self._in_disk_thread(
                read_through,
                self._directory.disk(content.level.name),
                torrent,
                progress,
                lambda: content.retired or self._cancelled(),
            )
        finally:
            self._turn.release()
            content.reading = None
            content.read_at = self._clock.seconds()
            content.read_took = content.read_at - began
        return reading

    def _looks_changed(self, content: Content, seen: Sight) -> bool:
        known = content.seen is None or content.seen != (seen.facts, seen.inode)
        return known or not has_size(content, seen)
