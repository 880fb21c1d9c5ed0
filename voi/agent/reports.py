"""Reports of downloads to the server: progress with 9025, the end with 9025 and 9015, repeated until it is answered."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from voi.agent.client import ServerRefused
from voi.agent.disks import DiskState
from voi.agent.interfaces import ServerLink
from voi.agent.library import Library
from voi.errors import NoAnswer
from voi.names import DiskName
from voi.seeding.interfaces import BitTorrentSession, TorrentStatus
from voi.tasks import spawn
from voi.wire.codes import Code
from voi.wire.messages import encode_reason

log = Logger()

REPORT_SECONDS: Final = 2.0
"""How often progress is reported while it changes."""


@dataclass(slots=True, eq=False)
class Active:
    """A download under way; `reported` is the 9025 that was sent last, `reporting` while it has no answer.

    `compared` counts the bytes of the file in its place while they are compared with what is wanted, and is None
    when that is not under way. `hinted` are the pieces of which single blocks were believed to be there by their
    sums; of those in `distrusted` nothing is believed any more.
    """

    name: DiskName
    info_hash: bytes
    length: int
    finishing: bool = False
    reporting: bool = False
    reported: Mapping[str, Any] | None = None
    compared: int | None = None
    hinted: frozenset[int] = frozenset()
    distrusted: set[int] = field(default_factory=set)


class Reports:
    """Reports to the server the downloads in `active`, by info-hash, and the results that the library keeps.

    `why` says what is wrong with a download that goes on, empty where nothing is.
    """

    def __init__(
        self,
        library: Library,
        seeder: BitTorrentSession,
        server: ServerLink,
        clock: IReactorTime,
        active: Mapping[bytes, Active],
        why: Callable[[bytes], str] = lambda _info_hash: "",
    ) -> None:
        self._library = library
        self._seeder = seeder
        self._server = server
        self._active = active
        self._why = why
        self._delivering = False
        self._loop = LoopingCall(self._report)
        self._loop.clock = clock

    def begin(self) -> None:
        """The terminal has logged in: report at once what is under way, and the results that were not answered."""
        for active in self._active.values():
            active.reported, active.reporting = None, False
        if not self._loop.running:
            self._loop.start(REPORT_SECONDS).addErrback(lambda failure: log.failure("progress reports ended", failure))
        spawn(self._deliver(), log, "a report")

    def pause(self) -> None:
        """The connection ended."""
        if self._loop.running:
            self._loop.stop()

    def _report(self) -> None:
        for active in list(self._active.values()):
            status = self._seeder.status(active.info_hash)
            if (status is None and active.compared is None) or active.reporting or active.finishing:
                continue
            state = "checking" if status is None or status.state == "checking" else "downloading"
            done = (active.compared or 0) if status is None else status.done
            # 100 is reported when it is on the disk, not before.
            percent = min(99.99, math.floor(done / active.length * 10000) / 100)
            body = self._state_body(active, state, percent, status)
            if why := self._why(active.info_hash):
                body["reason"] = encode_reason(why)
            if body != active.reported:
                active.reported = body
                spawn(self._report_state(active, body), log, "a report")

    async def _report_state(self, active: Active, body: Mapping[str, Any]) -> None:
        active.reporting = True
        try:
            await self._send(Code.TASK_STATE, body)
        finally:
            active.reporting = False

    async def ended(self, active: Active, percent: float, reason: str = "") -> None:
        """A download ended: 100 is success, 0 is failure for a `reason` (protocol section 4, 9025); then the results
        are reported.
        """
        body = self._state_body(active, "finished", percent, self._seeder.status(active.info_hash))
        if reason:
            body["reason"] = encode_reason(reason)
        await self._send(Code.TASK_STATE, body)
        await self._deliver()

    def _state_body(self, active: Active, state: str, percent: float, status: TorrentStatus | None) -> dict[str, Any]:
        return {
            "mac": self._server.mac,
            "torrent_name": str(active.name),
            "progress": percent,
            "state": state,
            "download_rate": status.download_rate if status else 0,
            "upload_rate": status.upload_rate if status else 0,
            "total_size": active.length,
            "file_size": active.length,
        }

    async def _deliver(self) -> None:
        """Report every result that the server has not answered; what fails now is repeated after the next login."""
        if self._delivering:
            return
        self._delivering = True
        try:
            again = True
            while again and self._server.online:
                again = False
                for state in self._library:
                    if state.result is not None:
                        if not await self._send_result(state):
                            return
                        again = True
        finally:
            self._delivering = False

    async def _send_result(self, state: DiskState) -> bool:
        body: dict[str, Any] = {
            "mac": self._server.mac,
            "ip": self._server.address,
            "disk": state.name,
            "result": state.result,
        }
        if state.why is not None:
            body["reason"] = state.why
        if not await self._send(Code.DOWNLOAD_RESULT, body):
            return False
        now = self._library.get(state.disk)
        if now is not None and now.result == state.result:
            await self._library.update(state.disk, anyway=True, result=None, why=None)
        return True

    async def _send(self, code: Code, body: Mapping[str, Any]) -> bool:
        """Send one; False without an answer. What the server refuses is logged, and not repeated."""
        if not self._server.online:
            return False
        try:
            await self._server.ask(code, body)
        except ServerRefused as error:
            log.warn("{code}: {error}", code=code.name, error=error.message)
        except NoAnswer as error:
            log.debug("{code}: {error}", code=code.name, error=error.message)
            return False
        return True
