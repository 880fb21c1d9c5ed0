"""Finds out how a published level's file is, and does what follows: offers it, or withdraws it and has it repaired.

Everything here is done by who holds the content's lock: one thing at a time for each level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.catalogue.content import Content, Repair
from voi.catalogue.inspection import Sight, WholeReading, look, move_aside, read_through
from voi.catalogue.offering import Offering
from voi.catalogue.repairs import Repairs
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain import metainfo
from voi.domain.contents import Fault, is_mostly_right
from voi.errors import Conflict, NoSpace, StorageMissing, VoiError
from voi.files.directory import DataDirectory
from voi.files.hashing import Cancelled
from voi.messages.reason import Reason, of_system
from voi.tasks import InThread

log = Logger()

Note = Callable[..., None]
"""Writes down what happened to a content: its kind in the audit log, the content, and values of the sentence."""

RETRY_SECONDS: Final = 60.0
"""After a repair that failed; twice as long after each further one, up to the longest."""

LONGEST_RETRY_SECONDS: Final = 3600.0
"""A disk that does not take what is written to it is read from end to end at each try."""


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
        self._note = note
        self._cancelled = cancelled
        self._turn = DeferredLock()  # one file is read at a time: two would only make a hard disk seek

    async def bring_up(self, content: Content, *, verified: bool = False) -> bool:
        """Offer a level for the first time, or say that its file must be read before.

        :param verified: its file was hashed a moment ago.
        """
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if seen.fault is not None:
            await self._lost(content, seen.fault)
            return False
        torrent = await self._torrents.get(content.level)
        if torrent is None or not self._has_size(content, seen):
            return True
        if verified:
            await self._offering.note_verified(content.level)
        elif await self._offering.doubts(torrent):
            return True
        await self._offer(content, torrent, seen)
        return False

    async def examine(self, content: Content, *, with_torrent: bool) -> bool:
        """Look at a file from outside, and at its torrent too `with_torrent`; whether the file must be read."""
        if content.retired:
            return False
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if content.repair is Repair.BESIDE:
            return self._has_returned(content, seen)
        if seen.fault is not None:
            await self._lost(content, seen.fault)
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
            await self._damaged(content, torrent, reading)
        else:
            await self._found_whole(content, torrent, reading)

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
        await self._withdraw(content)
        self.put_off(content)
        if beside:
            content.hindrance = reason
            return
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if seen.fault is not None:
            await self._lost(content, seen.fault)
        elif content.fault is None:
            await self.read(content)
        else:
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

    async def _offer(self, content: Content, torrent: bytes, seen: Sight) -> None:
        content.seen = None if seen.facts is None else (seen.facts, seen.inode)
        if await self._offering.offer(content.level, torrent):
            content.offered = True
            content.failures = 0
        else:  # a mending that a stop ended: the seed goes on with it, or checks what is there
            self._repairs.resumed(content)

    async def _found_whole(self, content: Content, torrent: bytes, reading: WholeReading) -> None:
        before, content.fault = content.fault, None
        content.hindrance = ""
        if content.seen is not None and content.seen[1] != reading.inode:
            await self._withdraw(content)  # the seed still has the file open that was here before
        await self._offering.note_verified(content.level)
        await self._offer(content, torrent, Sight(reading.scan.facts, reading.inode))
        log.info("{name}: every byte was read, it is whole", name=str(content.level.name))
        if before is not None:
            self._note("content.whole", content)
            await self._repairs.forget_fetched(content)

    async def _damaged(self, content: Content, torrent: bytes, reading: WholeReading) -> None:
        fault = Fault.damaged(reading.wrong, len(reading.scan.found.have))
        before, content.fault = content.fault, fault
        await self._withdraw(content)
        if not is_mostly_right(reading.right, reading.own):
            await self._move_aside(content)
            return
        if before is None or before.state is not fault.state:
            self._note("content.damaged", content, reason=fault.reason)
        try:
            await self._repairs.mend(content, torrent, reading)
            content.seen = (reading.scan.facts, reading.inode)
        except NoSpace as error:
            self.put_off(content)
            content.hindrance = error.reason
        except (VoiError, OSError) as error:
            self.put_off(content)
            content.hindrance = _reason(error)

    async def _move_aside(self, content: Content) -> None:
        """What lies there is not this level: it is kept under another name, and the level fetched back."""
        try:
            aside = await self._in_thread(move_aside, self._directory.disk(content.level.name))
        except OSError as error:
            self.put_off(content)
            content.hindrance = _reason(error)
            return
        self._note("content.moved_aside", content, file=aside.name)
        content.fault = Fault.missing()
        await self._lost(content, content.fault)

    async def _mended(self, content: Content) -> None:
        await self._repairs.flush(content)
        path = self._directory.disk(content.level.name)
        seen: Sight = await self._in_thread(look, path)
        other = content.seen is not None and seen.inode != content.seen[1]
        if seen.facts is None or other or not self._has_size(content, seen):
            await self._repairs.end(content)  # it was fetched into a file that is there no more
            await self.read(content)
            return
        await self._offering.note_verified(content.level)
        self._repairs.mended(content)
        content.seen = (seen.facts, seen.inode)
        content.offered = True
        content.failures = 0
        before, content.fault = content.fault, None
        if before is not None:
            self._note("content.whole", content)
        await self._repairs.forget_fetched(content)

    async def _unread(self, content: Content, error: StorageMissing) -> None:
        """A file could not be read to its end."""
        seen: Sight = await self._in_thread(look, self._directory.disk(content.level.name))
        if content.repair is Repair.BESIDE and seen.fault is not None:
            return  # it is not there, which is known
        self.put_off(content)
        await self._lost(content, seen.fault if seen.fault is not None else Fault.unreadable(error.reason))

    async def _lost(self, content: Content, fault: Fault) -> None:
        """There is no file, or none that can be read."""
        if content.fault is None or content.fault.state is not fault.state:
            self._note(f"content.{fault.state}", content, reason=fault.reason)
            await self._withdraw(content)
        content.fault = fault
        content.seen = content.returned = None
        if not content.missing or self._clock.seconds() < content.not_before:
            return
        torrent = await self._torrents.get(content.level)
        if torrent is None:
            content.fault = Fault.torrent_lost()
            return
        try:
            await self._repairs.fetch_back(content, torrent)
        except (VoiError, OSError) as error:
            self.put_off(content)
            content.hindrance = _reason(error)

    def _has_returned(self, content: Content, seen: Sight) -> bool:
        """While a level is fetched back somebody may put its file back: it counts once it is at rest."""
        now = None if seen.facts is None else (seen.facts, seen.inode)
        at_rest, content.returned = now is not None and now == content.returned, now
        return at_rest

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
        await self._withdraw(content)
        self.put_off(content)
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

    async def give_up(self, content: Content, error: Exception) -> None:
        """What was done came to nothing, for a reason that nobody foresaw: it is said, and tried again later."""
        reason = error.reason if isinstance(error, VoiError) else str(error)
        self.put_off(content)
        content.fault = content.fault or Fault.unreadable(reason)
        content.hindrance = reason
        await self._withdraw(content)

    async def _withdraw(self, content: Content) -> None:
        content.offered = False
        if content.repair is not None:
            await self._repairs.end(content)
        else:
            await self._offering.withdraw(content.level)

    def put_off(self, content: Content) -> None:
        """The next try comes later than after the last one."""
        wait = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0**content.failures)
        content.failures = min(content.failures + 1, 10)
        content.not_before = self._clock.seconds() + wait

    def _has_size(self, content: Content, seen: Sight) -> bool:
        return seen.facts is not None and seen.facts.size == content.level.file_size

    def _looks_changed(self, content: Content, seen: Sight) -> bool:
        known = content.seen is None or content.seen != (seen.facts, seen.inode)
        return known or not self._has_size(content, seen)


def _reason(error: VoiError | OSError) -> str:
    if isinstance(error, VoiError):
        return error.reason
    return Reason("file_failed", text=of_system(error.strerror or str(error)), path=str(error.filename or ""))
