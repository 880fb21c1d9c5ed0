"""Disks read again from end to end, because the server asks for it (1901): others got pieces from here that are wrong.

A file whose bytes changed under its size and time of change looks whole from outside, boots and is offered. What
differs from the torrent is fetched into it, as a download is: a level in use is written to in its place. Each result is
told with 9902.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from voi.agent.client import ServerRefused
from voi.agent.disks import DiskState, same_file
from voi.agent.interfaces import ServerLink
from voi.agent.library import Library
from voi.domain import metainfo
from voi.domain.metainfo import Metainfo
from voi.errors import NoAnswer, UnknownDisk, VoiError
from voi.files.hashing import Cancelled, IsCancelled
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.seeding.file_scan import read
from voi.seeding.interfaces import FileScan
from voi.tasks import InThread, spawn
from voi.wire.codes import Code
from voi.wire.messages import encode_reason

log = Logger()


Mend = Callable[[DiskState, Metainfo, bytes, FileScan], Awaitable[bool]]
"""Begins to fetch what a complete disk of this torrent (parsed, and as it is) lacks by the scan of its file.

Gives whether it does; by then the disk counts as incomplete, on the disk too (`voi.agent.downloads`).
"""


class DiskChecks:
    """Reads one disk at a time, `idle` being a thread that gives way to others; the rest waits, each disk once.

    `look` sees whether files were changed by somebody: of such a one the work in it is kept, so it is not mended here.
    """

    def __init__(
        self, *, library: Library, server: ServerLink, idle: InThread, look: Callable[[], Awaitable[None]], mend: Mend
    ) -> None:
        self._library = library
        self._server = server
        self._idle = idle
        self._look = look
        self._mend = mend
        self._waiting: dict[DiskName, None] = {}  # names of the library's disks: it has a bound
        self._untold: dict[DiskName, dict[str, Any]] = {}
        self._working: Deferred[None] = succeed(None)
        self._busy = self._telling = self._stopped = False

    @property
    def waiting(self) -> list[DiskName]:
        """What is to be read, in that order."""
        return list(self._waiting)

    def take(self, name: DiskName | None = None, info_hash: bytes | None = None) -> None:
        """Read a disk, or all that are complete, soon; one that is being fetched is checked by that.

        :raises UnknownDisk: it is not here, or not with this content.
        """
        states = [state for state in self._library if name is None or state.disk == name]
        if info_hash is not None:
            states = [state for state in states if state.key == info_hash]
        if name is not None and not states:
            raise UnknownDisk(Reason("disk_not_here", disk=str(name)))
        for state in sorted(states, key=lambda state: state.disk):
            if _can_be_checked(state):
                self._waiting.setdefault(state.disk)
        if not self._busy and not self._stopped:
            self._busy = True
            self._working = spawn(self._work(), log, "checking the disks")

    def stop(self) -> Deferred[None]:
        """Read no further; fires when nothing is read any more."""
        self._stopped = True
        self._waiting.clear()
        return self._working

    def online(self) -> None:
        """The terminal has logged in: tell what the server has not answered."""
        spawn(self._tell(), log, "telling of checked disks")

    async def _work(self) -> None:
        try:
            while self._waiting and not self._stopped:
                name = next(iter(self._waiting))
                try:
                    await self._check(name)
                finally:
                    self._waiting.pop(name, None)
        finally:
            self._busy = False

    async def _check(self, name: DiskName) -> None:
        await self._look()
        state = self._library.get(name)
        if state is None or not _can_be_checked(state):
            return
        log.info("{name} is read from end to end", name=state.name)
        try:
            wrong = await self._read(state)
        except Cancelled:
            log.info("{name} is not checked any further", name=state.name)
        except VoiError as error:
            log.warn("{name} could not be checked: {error}", name=state.name, error=error.message)
            await self._ended(state, reason=encode_reason(error.reason))
        else:
            if wrong is not None:
                await self._ended(state, wrong=wrong)

    async def _read(self, state: DiskState) -> int | None:
        """How many pieces are wrong, and are being fetched by now; None where it is another file by now."""
        raw = await self._library.torrent(state)
        torrent = metainfo.parse(raw, state.disk)
        path = self._library.path(state.disk)
        scan: FileScan = await self._idle(_read, path, torrent, lambda: not self._is_wanted(state))
        wrong = scan.found.have.count(False)
        if (scan.facts.size, scan.facts.mtime_ns) != (state.size, state.mtime_ns):
            await self._look()
            return None
        if not wrong:
            log.info("{name} is right", name=state.name)
            return 0
        log.error("{name}: {wrong} pieces are damaged, and are fetched again", name=state.name, wrong=wrong)
        return wrong if await self._mend(state, torrent, raw, scan) else None

    def _is_wanted(self, state: DiskState) -> bool:
        """Asked from the thread that reads."""
        now = self._library.get(state.disk)
        return not self._stopped and now is not None and same_file(now, state)

    # What the server is told.

    async def _ended(self, state: DiskState, **found: Any) -> None:
        body = {"mac": self._server.mac, "disk": state.name, "info_hash": state.info_hash, "wrong": 0, **found}
        self._untold[state.disk] = body
        await self._tell()

    async def _tell(self) -> None:
        """Tell every result; without an answer, after the next login."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold and self._server.online and not self._stopped:
                name, body = next(iter(self._untold.items()))
                try:
                    await self._server.ask(Code.DISK_CHECKED, body)
                except ServerRefused as error:
                    log.info("{code}: {error}", code=Code.DISK_CHECKED.name, error=error.message)
                except NoAnswer as error:
                    log.debug("{code}: {error}", code=Code.DISK_CHECKED.name, error=error.message)
                    return
                if self._untold.get(name) is body:
                    del self._untold[name]
        finally:
            self._telling = False


def _can_be_checked(state: DiskState) -> bool:
    """Whether it is all there, and known what it has to be: what was made here and never published is not."""
    return state.complete and not state.own and state.key is not None


def _read(path: Path, torrent: Metainfo, stop: IsCancelled) -> FileScan:
    return read(path, torrent, cancelled=stop).against(torrent, None)
