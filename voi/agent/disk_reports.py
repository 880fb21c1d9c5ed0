"""What this terminal has, told to the server: 9011 at each login, and after each change of it.

Templates that were reported with disks are written down (``.voi/templates.json``) before the server hears of them, and
forgotten when it has heard that nothing is left of them: so that it hears so even when the files vanished while the
terminal was off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from voi.agent.client import ServerRefused
from voi.agent.interfaces import ServerLink
from voi.agent.library import MOST_DISKS, Library
from voi.agent.saving import save
from voi.errors import NoAnswer, StorageMissing, VoiError
from voi.files.disk_usage import free_bytes
from voi.names import DiskName
from voi.tasks import InThread, spawn
from voi.wire.codes import Code

log = Logger()

LOOK_SECONDS: Final = 3.0
"""How often the disks are looked at, while the terminal is online or not: it costs a `stat` for each."""


async def free_room(in_thread: InThread, directory: Path) -> dict[str, int]:
    """How much is free where the disks are, as 9011 and the login say it; nothing where it cannot be told.

    By that the server warns before it sends what does not fit.
    """
    try:
        return {"disk_free": await in_thread(free_bytes, directory)}
    except StorageMissing:
        return {}


class KnownTemplate(Struct, frozen=True):
    """A template of which the server was told that something is here."""

    uuid: str
    sys_type: int = 0
    name: str = ""
    desc: str = ""


class DiskReports:
    """Reports the disks of `library`; `look` sees whether they are still there, before each report."""

    def __init__(
        self,
        *,
        library: Library,
        server: ServerLink,
        in_thread: InThread,
        clock: IReactorTime,
        look: Callable[[], Awaitable[None]],
    ) -> None:
        self._library = library
        self._server = server
        self._in_thread = in_thread
        self._look = look
        self._known: dict[str, KnownTemplate] = {}
        self._told: dict[str, dict[str, Any]] = {}  # the bodies that the server answered on this connection
        self._logged_in = False
        self._working = False
        self._again = False
        self._loop = LoopingCall(self._look_again)
        self._loop.clock = clock

    # Beginning and end.

    async def open(self) -> None:
        """Read which templates the server was told of, and look at the disks from now on."""
        self._known = await self._in_thread(self._read)
        self._library.changed = self.changed
        self._loop.start(LOOK_SECONDS, now=False).addErrback(lambda failure: log.failure("no more looks", failure))

    def stop(self) -> None:
        """No more looks, no more reports."""
        self.lost()
        if self._loop.running:
            self._loop.stop()

    async def online(self) -> None:
        """The terminal has logged in: report everything; returns when the server has answered, or does not."""
        self._told.clear()
        self._logged_in = True
        await self._work()

    def lost(self) -> None:
        """The connection ended."""
        self._logged_in = False

    async def _look_again(self) -> None:
        try:
            await self._look()
            await self._library.find_new(settled=True)
        except Exception:
            log.failure("the disks could not be looked at")

    # Reports.

    def told(self, name: DiskName) -> bool:
        """Whether the server was told since the login that a disk is here."""
        disks = (disk for body in self._told.values() for disk in body["disks"])
        return self._logged_in and any((disk["uuid"], disk["diff_level"]) == (name.uuid, name.level) for disk in disks)

    def changed(self) -> None:
        """Something of what is known of the disks changed: what the server does not know yet is reported."""
        if self._working:
            self._again = True
        elif self._logged_in and self._server.online:
            spawn(self._work(), log, "a report of the disks")

    async def _work(self) -> None:
        if self._working:
            self._again = True
            return
        self._working = True
        try:
            self._again = True
            while self._again and self._logged_in and self._server.online:
                await self._look()
                self._again = False
                await self._report()
        except NoAnswer as error:
            log.debug("the disks are reported after the next login: {error}", error=error.message)
        finally:
            self._working = False

    async def _report(self) -> None:
        bodies = self._library.reports()
        # First what is gone: a template and its desktop group have two uuids, and are one for the server.
        for template in self._gone({str(body["uuid"]) for body in bodies}):
            await self._tell({**msgspec.to_builtins(template), "disks": []})
            await self._remember({uuid: known for uuid, known in self._known.items() if uuid != template.uuid})
        for body in bodies:
            if self._told.get(body["uuid"]) == body:
                continue
            if body["disks"] and body["uuid"] not in self._known and len(self._known) < MOST_DISKS:
                known = KnownTemplate(body["uuid"], body["sys_type"], body["name"], body["desc"])
                await self._remember({**self._known, known.uuid: known})
            await self._tell(body)

    def _gone(self, here: set[str]) -> list[KnownTemplate]:
        """The templates of which nothing is left; a desktop group of which something is goes by its template now."""
        groups = {state.group_uuid for state in self._library}
        return [known for uuid, known in self._known.items() if uuid not in here and uuid not in groups]

    async def _tell(self, body: dict[str, Any]) -> None:
        room = await free_room(self._in_thread, self._library.directory)
        try:
            await self._server.ask(Code.REPORT_DISKS, {"mac": self._server.mac, **body, **room})
        except ServerRefused as error:
            log.info("{code}: {error}", code=Code.REPORT_DISKS.name, error=error.message)
        self._told[body["uuid"]] = body

    async def _remember(self, known: dict[str, KnownTemplate]) -> None:
        self._known = known
        try:
            await self._in_thread(save, self._path, msgspec.json.encode(list(known.values())))
        except VoiError as error:  # it counts until the next start
            log.warn("{path}: {error}", path=self._path, error=error.message)

    @property
    def _path(self) -> Path:
        return self._library.hidden / "templates.json"

    def _read(self) -> dict[str, KnownTemplate]:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=list[KnownTemplate])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            log.warn("{path}: {error}", path=self._path, error=error)
            return {}
        return {known.uuid: known for known in found}
