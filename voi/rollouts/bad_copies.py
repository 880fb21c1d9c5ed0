"""Terminals whose copies of a disk are damaged, by what others report that fetched from them.

A terminal whose login says that it can is told to read such a copy itself (1901), and to mend it.
"""

from __future__ import annotations

import enum
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from twisted.logger import Logger

from voi.domain.actors import SERVER
from voi.domain.allowance import Allowance
from voi.errors import Malformed, VoiError
from voi.messages.reason import Reason, code_of
from voi.names import DiskName
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.peer_terminals import terminals_of
from voi.tasks import spawn
from voi.terminals.interfaces import Connections
from voi.tracker.tracker import Tracker
from voi.wire.codes import CAN_CHECK_DISKS, Code
from voi.wire.messages import DiskChecked, TaskState

log = Logger()

MOST_COPIES: Final = 256
"""Damaged copies that are remembered, the oldest are forgotten: the audit log has all. No more of them are told to be
checked within `CHECK_PAUSE`."""

MOST_REPORTS: Final = 2048
"""Words of one terminal about a copy at another that are remembered, so that none counts twice."""

KNOWN_SECONDS: Final = 86_400.0
"""So long a copy is shown as damaged after the last word of it."""

MOST_ACCUSED: Final = 16
"""Copies of others at which a terminal's word counts, and entries that it brings about in a day. One that finds wrong
pieces at everybody has bad memory of its own, or lies; and what it says must not drive out what others say.
"""

CHECK_PAUSE: Final = 600.0
"""A terminal is not told more often to read one copy: a base of 60 GB takes a hard disk ten minutes."""

RIGHT_PAUSE: Final = 21_600.0
"""The same for a copy that it found right: what is wrong there is something else."""

_PEER: Final = re.compile(r"([0-9a-fA-F.:]{2,45}) \((\d{1,9})\)")


class CopyState(enum.Enum):
    """What is known of a copy of which wrong pieces came."""

    FOUND = "found"
    """Its terminal has not been told, or cannot be."""
    TOLD = "told"
    """Its terminal was told to read it, or has, and fetches what is wrong."""
    RIGHT = "right"
    """Its terminal read it, and every piece is right."""
    UNREADABLE = "unreadable"
    """Its terminal could not read it."""


@dataclass(frozen=True, slots=True)
class BadCopy:
    """The copy of a disk at terminal `mac`: so many `pieces` of it did not match at terminal `reporter`.

    `seen` is when that was last said, by the reactor's clock; `info_hash` is of which content; `why` is why it could
    not be read, empty where that is not known to be so.
    """

    mac: str
    disk: DiskName
    pieces: int
    reporter: str
    seen: float
    info_hash: bytes = b""
    state: CopyState = CopyState.FOUND
    why: str = ""


class BadCopies:
    """Takes in what terminals say of the sources of their downloads (9025 with a reason), and has copies checked.

    `note` writes to the audit log, as `AuditLog.note`. `suspect` is told the info-hash of a content whose pieces did
    not match when they came from this server; `seconds` is a clock that nobody sets.
    """

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        tracker: Tracker,
        registry: Connections,
        note: Callable[..., Awaitable[Any]],
        suspect: Callable[[bytes], None],
        seconds: Callable[[], float],
    ) -> None:
        self._open_targets = open_targets
        self._tracker = tracker
        self._registry = registry
        self._note = note
        self._suspect = suspect
        self._seconds = seconds
        self._copies: OrderedDict[tuple[str, DiskName], BadCopy] = OrderedDict()
        self._entries = Allowance(seconds, most=MOST_ACCUSED, per=KNOWN_SECONDS / MOST_ACCUSED)
        self._reports: OrderedDict[tuple[str, str, DiskName], int] = OrderedDict()
        self._told: OrderedDict[tuple[str, DiskName], float] = OrderedDict()

    def reported(self, mac: str, state: TaskState) -> None:
        """A terminal said how far a download is."""
        if self._copies and state.progress >= 100 and not state.failed:
            self._mended(mac, state.torrent_name)
        why = state.why
        if not isinstance(why, Reason):
            return
        for info_hash, disk in set(self._contents(mac, state.torrent_name)):
            if code_of(why) == "server_pieces_wrong":
                self._suspect(info_hash)
            elif code_of(why) == "pieces_wrong":
                self._accused(mac, info_hash, disk, str(why.data["peers"]))

    def checked(self, mac: str, disk: DiskName, found: DiskChecked) -> None:
        """A terminal read one of its disks (9902); what was wrong of it is being fetched by now."""
        copy = self._copies.get((mac, disk))
        if copy is None or found.content != copy.info_hash:
            return
        if found.why:
            copy = replace(copy, state=CopyState.UNREADABLE, why=found.why)
        else:
            copy = replace(copy, state=CopyState.TOLD if found.wrong else CopyState.RIGHT, why="")
        self._copies[mac, disk] = copy

    def known(self) -> list[BadCopy]:
        """The copies that are damaged as far as it is known, the latest first."""
        since = self._seconds() - KNOWN_SECONDS
        return [copy for copy in reversed(self._copies.values()) if copy.seen >= since]

    async def tick(self) -> None:
        """Once a minute: tell terminals that were off, or did not answer."""
        for copy in self.known():
            self._have_checked(copy)

    def _contents(self, mac: str, title: str) -> Iterator[tuple[bytes, DiskName]]:
        """What a terminal fetches under this name: in a rollout, or to mend what is damaged."""
        for _, task in self._open_targets.tasks_named(mac, title):
            yield task.info_hash, task.name
        for copy in self._copies.values():
            if copy.mac == mac and str(copy.disk) == title:
                yield copy.info_hash, copy.disk

    def _accused(self, reporter: str, info_hash: bytes, disk: DiskName, peers: str) -> None:
        pieces = {host: int(count) for host, count in _PEER.findall(peers)}
        # Port 0 is nobody's: by the address alone, which is all that a terminal knows of one that connected to it.
        found = terminals_of([(host, 0) for host in pieces], self._tracker.peers(info_hash))
        for (host, _), mac in found.items():
            if mac == reporter or not self._is_news(reporter, mac, disk, pieces[host]):
                continue
            if not self._is_believed(reporter, mac, disk):
                continue
            before = self._copies.pop((mac, disk), None)
            copy = BadCopy(mac, disk, pieces[host], reporter, self._seconds(), info_hash)
            if before is not None:
                pieces_before = before.pieces if before.info_hash == info_hash else 0
                copy = replace(copy, pieces=max(pieces_before, copy.pieces), state=before.state, why=before.why)
            self._copies[mac, disk] = copy
            if len(self._copies) > MOST_COPIES:
                self._copies.popitem(last=False)
            if before is None or before.seen < self._seconds() - KNOWN_SECONDS:
                self._tell(copy)
            self._have_checked(copy)

    def _is_news(self, reporter: str, mac: str, disk: DiskName, pieces: int) -> bool:
        """Whether a terminal had not said this yet: each report repeats all that its download met, mended or not."""
        before = self._reports.pop((reporter, mac, disk), 0)
        self._reports[reporter, mac, disk] = pieces
        if len(self._reports) > MOST_REPORTS:
            self._reports.popitem(last=False)
        return pieces != before

    def _have_checked(self, copy: BadCopy) -> None:
        """Tell a terminal to read its copy, if it can and was not told lately."""
        key, now = (copy.mac, copy.disk), self._seconds()
        pause = RIGHT_PAUSE if copy.state is CopyState.RIGHT else CHECK_PAUSE
        told = self._told.get(key)
        if (told is not None and now - told < pause) or not self._registry.can(copy.mac, CAN_CHECK_DISKS):
            return
        self._told.pop(key, None)
        if len(self._told) >= MOST_COPIES:
            if now - next(iter(self._told.values())) < CHECK_PAUSE:
                return  # so many at once are somebody's lies: their turn comes
            self._told.popitem(last=False)
        self._told[key] = now
        spawn(self._ask(copy), log, "having {disk} checked at {mac}", disk=str(copy.disk), mac=copy.mac)

    async def _ask(self, copy: BadCopy) -> None:
        body = {"disk": str(copy.disk), "info_hash": copy.info_hash.hex()}
        log.info("{mac} is to check its copy of {disk}", mac=copy.mac, disk=str(copy.disk))
        try:
            reply = await self._registry.request(copy.mac, Code.CHECK_DISKS, body)
        except VoiError as error:  # told again after the pause
            log.info("{mac}: {error}", mac=copy.mac, error=error.message)
            return
        if reply.code != 0:
            log.warn("{mac} does not check {disk}: {text}", mac=copy.mac, disk=str(copy.disk), text=reply.msg)
            return
        now = self._copies.get((copy.mac, copy.disk))
        if now is not None and now.state is CopyState.FOUND:
            self._copies[copy.mac, copy.disk] = replace(now, state=CopyState.TOLD)

    def _is_believed(self, reporter: str, mac: str, disk: DiskName) -> bool:
        """Whether one more word of a terminal counts."""
        known = self._copies.get((mac, disk))
        if known is not None and known.reporter == reporter:
            return True
        return sum(copy.reporter == reporter for copy in self.known()) < MOST_ACCUSED

    def _tell(self, copy: BadCopy) -> None:
        if not self._entries.take(copy.reporter):
            return
        said = {"disk": str(copy.disk), "pieces": copy.pieces, "at": copy.reporter}
        log.warn(
            "{mac}: its copy of {disk} is damaged: {pieces} pieces of it did not match at {at}", mac=copy.mac, **said
        )

        async def note() -> None:
            await self._note("terminal.damaged_copy", SERVER, mac=copy.mac, **said)

        spawn(note(), log, "noting a damaged copy")

    def _mended(self, mac: str, disk: str) -> None:
        try:
            self._copies.pop((mac, DiskName.parse(disk)), None)
        except Malformed:
            return  # a title of the terminal's own
