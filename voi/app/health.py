"""What `/healthz` asks: whether each part of the server can do its work, and if not, what is wrong.

Anybody may ask, so a sentence says what is wrong and what to do, and names no path, template or terminal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.app.lag import LATE_SECONDS, LagProbe
from voi.errors import NotSaved
from voi.files.directory import DataDirectory
from voi.files.disk_usage import free_bytes
from voi.messages.reason import Reason
from voi.publishing.space import MARGIN
from voi.store.interfaces.database import DatabaseHealth, WorkerState

log = Logger()

Check = Callable[[], str | Awaitable[str]]
"""Gives nothing when all is well, else a sentence for the administrator."""

ANSWER_SECONDS: Final = 5.0
"""The database may take so long for the simplest question: a health check waits ten or so."""

BUSY_SECONDS: Final = 30.0
"""A batch of writes takes milliseconds, and waits ten seconds at most for a backup: after so long it hangs."""

LATE_PART: Final = 0.1
"""Of the recent looks: one that is late now and then is a busy machine, one of ten is felt by everybody."""


class Listener(Protocol):
    """The server's own BitTorrent peer."""

    @property
    def port(self) -> int:
        """The port it listens on, 0 while it does not."""


class Torrents(Protocol):
    """The BitTorrent session."""

    @property
    def failing(self) -> int:
        """How many torrents make no progress because their files cannot be read or written."""


class Published(Protocol):
    """The server's copies of published levels."""

    @property
    def total(self) -> int:
        """How many there are."""

    @property
    def unavailable(self) -> int:
        """How many of them are missing, damaged or cannot be read."""


def checks(
    stored: DatabaseHealth,
    directory: DataDirectory,
    peer: Listener,
    torrents: Torrents,
    contents: Published,
    lag: LagProbe,
    clock: IReactorTime,
) -> Mapping[str, Check]:
    """The checks of a server, by name."""

    async def database() -> str:
        if stored.damage:
            return stored.damage
        if not stored.reader.alive:
            return Reason("reader_gone")
        try:
            await stored.try_reading().addTimeout(ANSWER_SECONDS, clock)
        except Late:
            return Reason("database_late", seconds=ANSWER_SECONDS, waiting=stored.reader.waiting)
        return ""

    async def writer() -> str:
        state = stored.writer
        if state.alive and not stored.damage and state.failure and not state.busy_seconds:
            # Hours may pass without a write: whether it works again is found out by trying.
            try:
                refused = await stored.try_writing().addTimeout(ANSWER_SECONDS, clock)
                if refused:
                    return Reason("write_failed", text=refused)
            except (NotSaved, Late) as error:
                log.debug("the database cannot be written yet: {error}", error=error)
        return writer_problem(stored.writer)

    def reactor() -> str:
        return lag_problem(lag.late_part)

    def disk_space() -> str:
        free = free_bytes(directory.root)
        return "" if free >= MARGIN else Reason("disk_full", free=free, floor=MARGIN)

    def bittorrent() -> str:
        return bittorrent_problem(peer.port, torrents.failing)

    def published_files() -> str:
        return files_problem(contents.unavailable, contents.total)

    return {
        "database": database,
        "database writer": writer,
        "reactor": reactor,
        "disk space": disk_space,
        "bittorrent": bittorrent,
        "published files": published_files,
    }


def writer_problem(state: WorkerState) -> str:
    """What is wrong with the thread that writes the database."""
    if not state.alive:
        return Reason("writer_gone")
    if state.busy_seconds > BUSY_SECONDS:
        return Reason("writer_hangs", seconds=state.busy_seconds, waiting=state.waiting)
    return Reason("write_failed", text=state.failure) if state.failure else ""


def lag_problem(late_part: float) -> str:
    """What is wrong with the reactor, of whose recent looks this part (0 to 1) came late."""
    if late_part < LATE_PART:
        return ""
    return Reason("server_late", milliseconds=LATE_SECONDS * 1000, part=late_part)


def bittorrent_problem(port: int, failing: int) -> str:
    """What is wrong with the BitTorrent session."""
    if not port:
        return Reason("not_listening")
    return Reason("torrents_failing", count=failing) if failing else ""


def files_problem(wrong: int, total: int) -> str:
    """What is wrong with the server's copies of published levels."""
    return Reason("files_wrong", count=wrong, total=total) if wrong else ""
