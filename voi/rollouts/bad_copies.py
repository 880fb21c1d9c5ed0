"""Terminals whose copies of a disk are damaged, by what others report that fetched from them."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from twisted.logger import Logger

from voi.domain.actors import SERVER
from voi.domain.allowance import Allowance
from voi.errors import Malformed
from voi.messages.reason import Reason, code_of
from voi.names import DiskName
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.peer_terminals import terminals_of
from voi.tasks import spawn
from voi.tracker.tracker import Tracker
from voi.wire.messages import TaskState

log = Logger()

MOST_COPIES: Final = 256
"""Damaged copies that are remembered, the oldest are forgotten: the audit log has all."""

KNOWN_SECONDS: Final = 86_400.0
"""So long a copy is shown as damaged after the last word of it."""

MOST_ACCUSED: Final = 16
"""Copies of others at which a terminal's word counts, and entries that it brings about in a day. One that finds wrong
pieces at everybody has bad memory of its own, or lies; and what it says must not drive out what others say.
"""

_PEER: Final = re.compile(r"([0-9a-fA-F.:]{2,45}) \((\d{1,9})\)")


@dataclass(frozen=True, slots=True)
class BadCopy:
    """The copy of a disk at terminal `mac`: so many `pieces` of it did not match at terminal `reporter`.

    `seen` is when that was last said, by the reactor's clock.
    """

    mac: str
    disk: DiskName
    pieces: int
    reporter: str
    seen: float


class BadCopies:
    """Takes in what terminals say of the sources of their downloads (9025 with a reason).

    `note` writes to the audit log, as `AuditLog.note`. `suspect` is told the info-hash of a content whose pieces did
    not match when they came from this server; `seconds` is a clock that nobody sets.
    """

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        tracker: Tracker,
        note: Callable[..., Awaitable[Any]],
        suspect: Callable[[bytes], None],
        seconds: Callable[[], float],
    ) -> None:
        self._open_targets = open_targets
        self._tracker = tracker
        self._note = note
        self._suspect = suspect
        self._seconds = seconds
        self._copies: OrderedDict[tuple[str, DiskName], BadCopy] = OrderedDict()
        self._entries = Allowance(seconds, most=MOST_ACCUSED, per=KNOWN_SECONDS / MOST_ACCUSED)

    def reported(self, mac: str, state: TaskState) -> None:
        """A terminal said how far a download is."""
        if self._copies and state.progress >= 100 and not state.failed:
            self._mended(mac, state.torrent_name)
        why = state.why
        if not isinstance(why, Reason):
            return
        for info_hash, disk in {(task.info_hash, task.name) for _, task in self._tasks(mac, state)}:
            if code_of(why) == "server_pieces_wrong":
                self._suspect(info_hash)
            elif code_of(why) == "pieces_wrong":
                self._accused(mac, info_hash, disk, str(why.data["peers"]))

    def known(self) -> list[BadCopy]:
        """The copies that are damaged as far as it is known, the latest first."""
        since = self._seconds() - KNOWN_SECONDS
        return [copy for copy in reversed(self._copies.values()) if copy.seen >= since]

    def _tasks(self, mac: str, state: TaskState) -> list[Any]:
        return self._open_targets.tasks_named(mac, state.torrent_name)

    def _accused(self, reporter: str, info_hash: bytes, disk: DiskName, peers: str) -> None:
        pieces = {host: int(count) for host, count in _PEER.findall(peers)}
        # Port 0 is nobody's: by the address alone, which is all that a terminal knows of one that connected to it.
        found = terminals_of([(host, 0) for host in pieces], self._tracker.peers(info_hash))
        for (host, _), mac in found.items():
            if mac == reporter:
                continue
            if not self._is_believed(reporter, mac, disk):
                continue
            before = self._copies.pop((mac, disk), None)
            copy = BadCopy(mac, disk, pieces[host], reporter, self._seconds())
            if before is not None:
                copy = replace(copy, pieces=max(before.pieces, copy.pieces))
            self._copies[mac, disk] = copy
            if len(self._copies) > MOST_COPIES:
                self._copies.popitem(last=False)
            if before is None or before.seen < self._seconds() - KNOWN_SECONDS:
                self._tell(copy)

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
