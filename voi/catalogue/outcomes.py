"""What follows from how a published level's file was found: it is offered, or withdrawn and repaired.

Everything here is done by who holds the content's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.catalogue.content import Content
from voi.catalogue.inspection import Sight, WholeReading, move_aside
from voi.catalogue.offering import Offering
from voi.catalogue.repairs import Repairs
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain.contents import Fault, is_mostly_right
from voi.errors import VoiError
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason, of_system
from voi.tasks import InThread

log = Logger()

Note = Callable[..., None]
"""Writes down what happened to a content: its kind in the audit log, the content, and values of the sentence."""

RETRY_SECONDS: Final = 60.0
"""After a repair that failed; twice as long after each further one, up to the longest."""

LONGEST_RETRY_SECONDS: Final = 3600.0
"""A disk that does not take what is written to it is read from end to end at each try."""


class Outcomes:
    """Does what follows; `note` writes down what an administrator should know."""

    def __init__(
        self,
        *,
        directory: DataDirectory,
        torrents: TorrentFiles,
        offering: Offering,
        repairs: Repairs,
        in_thread: InThread,
        clock: IReactorTime,
        note: Note,
    ) -> None:
        self._directory = directory
        self._torrents = torrents
        self._offering = offering
        self._repairs = repairs
        self._in_thread = in_thread
        self._clock = clock
        self._note = note

    async def offer(self, content: Content, torrent: bytes, seen: Sight) -> None:
        """Seed a file that is known to be whole, or that a mending, which a stop ended, has left as it noted."""
        content.seen = None if seen.facts is None else (seen.facts, seen.inode)
        if not self._offering.holds(content.level):
            content.round += 1
        if await self._offering.offer(content.level, torrent):
            content.offered = True
            content.failures = 0
            # Also of a time before this start: it was put back meanwhile, or a kill came while it was moved there.
            await self._repairs.forget_fetched(content)
        else:  # a mending that a stop ended: the seed goes on with it, or checks what is there
            self._repairs.resumed(content)

    async def found_whole(self, content: Content, torrent: bytes, reading: WholeReading) -> None:
        """Every byte was read, and is as it was published."""
        before, content.fault = content.fault, None
        content.hindrance = ""
        if content.seen is not None and content.seen[1] != reading.inode:
            await self.withdraw(content)  # the seed still has the file open that was here before
        await self._offering.note_verified(content.level)
        await self.offer(content, torrent, Sight(reading.scan.facts, reading.inode))
        log.info("{name}: every byte was read, it is whole", name=str(content.level.name))
        if before is not None:
            self._note("content.whole", content)

    async def damaged(self, content: Content, torrent: bytes, reading: WholeReading) -> None:
        """Some pieces are wrong: it is mended where it lies, or, if it is something else, moved aside."""
        fault = Fault.damaged(reading.wrong, len(reading.scan.found.have))
        before, content.fault = content.fault, fault
        await self.withdraw(content)
        if not is_mostly_right(reading.right, reading.own):
            await self._move_aside(content)
            return
        if before is None or before.state is not fault.state:
            self._note("content.damaged", content, reason=fault.reason)
        try:
            await self._repairs.mend(content, torrent, reading)
            content.seen = (reading.scan.facts, reading.inode)
        except (VoiError, OSError) as error:
            self.put_off(content)
            content.hindrance = _reason(error)

    async def lost(self, content: Content, fault: Fault) -> None:
        """There is no file, or none that can be read."""
        if content.fault is None or content.fault.state is not fault.state:
            self._note(f"content.{fault.state}", content, reason=fault.reason)
            await self.withdraw(content)
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

    async def give_up(self, content: Content, error: Exception) -> None:
        """What was done came to nothing, for a reason that nobody foresaw: it is said, and tried again later."""
        reason = error.reason if isinstance(error, VoiError) else str(error)
        self.put_off(content)
        content.fault = content.fault or Fault.unreadable(reason)
        content.hindrance = reason
        await self.withdraw(content)

    async def withdraw(self, content: Content) -> None:
        """Let the seed go of a file, and offer it to nobody."""
        content.offered = False
        content.round += 1
        if content.repair is not None:
            await self._repairs.end(content)
        else:
            await self._offering.withdraw(content.level)

    def put_off(self, content: Content) -> None:
        """The next try comes later than after the last one."""
        wait = min(LONGEST_RETRY_SECONDS, RETRY_SECONDS * 2.0**content.failures)
        content.failures = min(content.failures + 1, 10)
        content.not_before = self._clock.seconds() + wait

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
        await self.lost(content, content.fault)


def has_size(content: Content, seen: Sight) -> bool:
    """Whether a file is as long as it should be."""
    return seen.facts is not None and seen.facts.size == content.level.file_size


def _reason(error: VoiError | OSError) -> str:
    if isinstance(error, VoiError):
        return error.reason
    return Reason("file_failed", text=of_system(error.strerror or str(error)), path=str(error.filename or ""))
