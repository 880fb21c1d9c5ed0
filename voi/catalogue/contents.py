"""The server's copies of all published levels: taken up, looked at again and again, and what others may know of them.

A copy that is missing, damaged or cannot be read is offered to nobody, said everywhere, and fetched from terminals
that have it right. Nothing of it needs to be kept: what is on the disk says it again after a restart.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from random import Random
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.catalogue.content import Content
from voi.catalogue.examiner import Examiner
from voi.catalogue.interfaces import Contents
from voi.catalogue.notes import ContentNotes
from voi.catalogue.offering import Offering
from voi.catalogue.outcomes import Outcomes
from voi.catalogue.repairs import CheckRoom, Repairs
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain.contents import READY, ContentState, ContentStatus
from voi.domain.templates import PublishedLevel, Template
from voi.errors import VoiError
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason
from voi.seeding.interfaces import BitTorrentSession
from voi.store.interfaces.audit import AuditEntries
from voi.store.interfaces.templates import Templates
from voi.tasks import InThread, spawn
from voi.tracker.tracker import Tracker

log = Logger()
T = TypeVar("T")

LOOK_SECONDS: Final = 15.0
"""How often every file is looked at from outside: ten microseconds each, in a thread."""

TORRENTS_EVERY: Final = 20
"""At how many of those looks the torrents are read as well: up to a megabyte each."""

SUSPECT_SECONDS: Final = 60.0
SUSPECT_TIMES: Final = 4
"""A file that was read through is not read again for so long, or for so many times as long as the reading took, however
many terminals stand still at it: they have another reason, and the disk has other work.
"""

LONGEST_SUSPECT_SECONDS: Final = 3600.0
"""Each further reading in a row that finds it whole makes that pause twice as long, up to so long: terminals may lie,
and must not have 60 GB read for ever. After that long without a suspicion it is as at first.
"""

COUNT_SECONDS: Final = 5.0
"""How old the count of terminals that have a level may be: a rollout asks for each of thousands what is wrong."""


async def any_room(_needed: int) -> None:
    """Where nobody says how much room there is."""


class ContentMonitor(Contents):
    """Watches contents; `check_room` raises NoSpace where so many bytes do not fit on the server's disk.

    `in_disk_thread` is for reading whole files, one at a time. `now` is the time since the epoch, for what is written
    down; all waiting goes by `clock`.
    """

    def __init__(
        self,
        *,
        templates: Templates,
        torrents: TorrentFiles,
        entries: AuditEntries,
        directory: DataDirectory,
        seeder: BitTorrentSession,
        tracker: Tracker,
        in_thread: InThread,
        in_disk_thread: InThread,
        clock: IReactorTime,
        check_room: CheckRoom = any_room,
        now: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._templates = templates
        self._torrents = torrents
        self._clock = clock
        self._contents: dict[bytes, Content] = {}
        self._looks = 0
        self._stopping = False
        self.offering = Offering(directory=directory, seeder=seeder, tracker=tracker)
        self._repairs = Repairs(
            directory=directory,
            seeder=seeder,
            tracker=tracker,
            in_thread=in_thread,
            check_room=check_room,
            random=random or Random(),  # noqa: S311 - who is asked first is no secret
        )
        note = ContentNotes(entries, now)
        self._outcomes = Outcomes(
            directory=directory,
            torrents=torrents,
            offering=self.offering,
            repairs=self._repairs,
            in_thread=in_thread,
            clock=clock,
            note=note,
        )
        self._examiner = Examiner(
            directory=directory,
            torrents=torrents,
            offering=self.offering,
            repairs=self._repairs,
            in_thread=in_thread,
            in_disk_thread=in_disk_thread,
            clock=clock,
            outcomes=self._outcomes,
            note=note,
            cancelled=lambda: self._stopping,
        )

    def stop(self) -> None:
        """Let a reading end; what was not finished is found again at the next start."""
        self._stopping = True

    # What is published.

    async def take_up(self) -> int:
        """After a start: offer every level that can be; how many there are. Files that must be read are read later."""
        contents = [content for _, content in await self._known()]
        for content in contents:
            self._admit(content)
        await gatherResults([Deferred.fromCoroutine(self._first(content)) for content in contents])
        return len(contents)

    async def add(self, level: PublishedLevel, template: Template) -> None:
        """Offer a level that has just been published: its file was hashed a moment ago."""
        content = self._contents[level.info_hash] = Content(level, template.name)
        self._admit(content)
        await self._first(content, verified=True)

    async def retire(self, info_hash: bytes) -> None:
        """Offer a torrent no more."""
        content = self._contents.pop(info_hash, None)
        if content is not None:
            content.retired = True
            if content.repair is not None:
                await self._repairs.end(content)
        await self.offering.retire(info_hash)

    async def _known(self) -> list[tuple[Template, Content]]:
        """All contents as they are published now, with their templates."""
        found = []
        for template in await self._templates.all():
            for level in template.levels:
                content = self._contents.setdefault(level.info_hash, Content(level, template.name))
                content.template = template.name
                found.append((template, content))
        return found

    def _admit(self, content: Content) -> None:
        try:
            self.offering.admit(content.level)
        except VoiError as error:
            log.error("{name} cannot be announced: {error}", name=str(content.level.name), error=str(error))  # noqa: TRY400 - a line, no trace

    async def _first(self, content: Content, *, verified: bool = False) -> None:
        """A content is taken up; a file that must be read holds up nobody."""
        if await self._alone(content, self._examiner.bring_up(content, verified=verified)):
            self._read_soon(content)

    # Looking.

    async def look(self) -> None:
        """Look at every file from outside that nobody works at; those that must be read are read after that."""
        with_torrent = self._looks % TORRENTS_EVERY == 0
        self._looks += 1
        for _, content in await self._known():
            if content.lock.locked or self._stopping:
                continue
            if await self._alone(content, self._examiner.examine(content, with_torrent=with_torrent)):
                self._read_soon(content)
        self._repairs.look_for_peers(self._contents.values())
        for info_hash, content in self._contents.items():
            content.counted_at = None
            self.status(info_hash)  # whether anything is gained is measured, also while nobody asks

    def suspect(self, info_hash: bytes) -> None:
        """Somebody cannot complete this content, or saw wrong bytes of it: its file is read again soon."""
        content = self._contents.get(info_hash)
        if content is None or content.repair is not None:
            return
        now = self._clock.seconds()
        if now - content.suspected_at >= LONGEST_SUSPECT_SECONDS:
            content.cleared = 0
        content.suspected_at = now
        shortest = max(SUSPECT_SECONDS, SUSPECT_TIMES * content.read_took)
        longest = max(LONGEST_SUSPECT_SECONDS, 3 * shortest)
        pause = min(longest, shortest * 2.0 ** min(max(0, content.cleared - 1), 10))
        if content.read_at is not None and now - content.read_at < pause:
            return
        if self._read_soon(content):
            content.cleared += 1

    def check(self, levels: Iterable[PublishedLevel]) -> int:
        """Somebody wants these files read from end to end, whatever is known of them; how many are read that were
        not being read already.
        """
        found = [self._contents[level.info_hash] for level in levels if level.info_hash in self._contents]
        return sum(self._read_soon(content) for content in found)

    def _read_soon(self, content: Content) -> bool:
        if content.suspected or content.reading is not None:
            return False
        content.suspected = True
        self._spawn(content, self._read(content))
        return True

    async def _read(self, content: Content) -> None:
        try:
            await self._examiner.read(content)
        finally:
            content.suspected = False
            if not content.whole:
                content.cleared = 0

    # What the BitTorrent session and the tracker tell.

    @property
    def wanted(self) -> Collection[bytes]:
        """The info-hashes of what is fetched from terminals, as they are whenever it is looked into."""
        return self._repairs.wanted

    def announced(self, info_hash: bytes, host: str, port: int) -> None:
        """A peer announced itself: it may have what the server lacks."""
        self._repairs.meet(info_hash, host, port)

    def finished(self, info_hash: bytes) -> None:
        """The last piece of a torrent is there."""
        self._follow(info_hash, self._examiner.completed)

    def checked(self, info_hash: bytes, complete: bool) -> None:
        """The seed knows which pieces of a torrent are there."""
        self._follow(info_hash, lambda content: self._examiner.checked(content, complete))

    def transfer_failed(self, info_hash: bytes, reason: str) -> None:
        """The seed cannot read or write the file of a torrent."""
        self._follow(info_hash, lambda content: self._examiner.failed(content, reason))

    def wrong_piece(self, info_hash: bytes) -> None:
        """The seed met a piece that differs from what it should be; of what is fetched, that is a terminal's fault."""
        content = self._contents.get(info_hash)
        if content is not None and content.offered:
            self._read_soon(content)

    def _follow(self, info_hash: bytes, work: Callable[[Content], Coroutine[Any, Any, None]]) -> None:
        """Do what follows from news of the seed, unless its torrent is another by the time of its turn."""
        content = self._contents.get(info_hash)
        if content is None:
            return
        told_in = content.round

        async def follow() -> None:
            if content.round == told_in:
                await work(content)

        self._spawn(content, follow())

    # What others ask.

    def problem(self, info_hash: bytes) -> Reason | None:
        """What is wrong with the server's copy, and what is done about it; None while nothing is known to be."""
        content = self._contents.get(info_hash)
        return None if content is None else content.problem(self.status(info_hash), self._clock.seconds())

    def status(self, info_hash: bytes) -> ContentStatus:
        """Where the server's copy of a level stands; READY for one that is not known yet."""
        content = self._contents.get(info_hash)
        if content is None:
            return READY
        now = self._clock.seconds()
        if not content.whole and (content.counted_at is None or now - content.counted_at >= COUNT_SECONDS):
            content.holders, content.counted_at = self._repairs.holders(content), now
        return content.status(self._repairs.fetched(content), now)

    def problems(self) -> Iterator[tuple[PublishedLevel, Reason]]:
        """Every level with whose copy something is wrong, and what."""
        for info_hash, content in self._contents.items():
            reason = None if content.whole else self.problem(info_hash)
            if reason is not None:
                yield content.level, reason

    def counts(self) -> Counter[ContentState]:
        """How many copies are in which state."""
        return Counter(self.status(info_hash).state for info_hash in self._contents)

    @property
    def total(self) -> int:
        """How many levels are published."""
        return len(self._contents)

    @property
    def offered(self) -> int:
        """How many of them terminals can fetch from the server."""
        return sum(content.offered for content in self._contents.values())

    @property
    def unavailable(self) -> int:
        """How many published levels the server has no whole copy of; those being checked are not among them."""
        return sum(not content.whole for content in self._contents.values())

    # Small things.

    def _spawn(self, content: Content, work: Coroutine[Any, Any, None]) -> None:
        spawn(self._alone(content, work), log, "the file of {name}", name=str(content.level.name))

    async def _alone(self, content: Content, work: Coroutine[Any, Any, T]) -> T | None:
        """One thing at a time for each content; one that comes to nothing does not end what is done for others."""
        await content.lock.acquire()
        try:
            return await work
        except Exception as error:  # whatever it is, it is tried again, and said meanwhile
            if not self._stopping:
                self._log(content, error)
                await self._outcomes.give_up(content, error)
            return None
        finally:
            content.lock.release()

    def _log(self, content: Content, error: Exception) -> None:
        name = str(content.level.name)
        if isinstance(error, VoiError):
            log.error("{name} cannot be offered: {error}", name=name, error=error.message)
        else:
            log.failure("{name} cannot be offered", name=name)
