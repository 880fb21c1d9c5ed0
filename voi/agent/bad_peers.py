"""Peers whose pieces do not match: blocked for a time where it is certain, forgiven where it is not, and told of.

libtorrent bans whoever sent a wrong piece alone, and whoever had a part in too many of them. So it bans the server for
blocks of others, and a terminal whose peers are all banned stands still for ever; while one that is banned and connects
by itself is let in again, a wrong piece each second. Here the server is never lost: after a pause it is asked again.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voi.agent.reports import Active
from voi.messages.reason import Reason
from voi.seeding.alerts import PeerBanned, PieceFailed
from voi.seeding.interfaces import BitTorrentSession

log = Logger()

BLOCK_SECONDS: Final = 600.0
"""So long a peer whose copy is damaged is not connected to: it may be mended by then, and there are others."""

MOST_BLOCKED: Final = 64
"""Addresses blocked at a time, the oldest go first: more bad copies than one room has."""

MOST_PEERS: Final = 64
"""Peers of one download that wrong pieces are counted for."""

MOST_NAMED: Final = 8
"""Peers named in a reason."""

WRONG_ENOUGH: Final = 8
"""Wrong pieces of one peer before it is blocked: one that has a few among thousands is still a good source."""

SURE_UNTIL: Final = 2
"""A ban after at most so many wrong pieces is for one that its sender sent alone: who has only a part in wrong ones is
banned after four at the earliest (libtorrent takes two points for each, and bans at seven)."""

FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 60.0
"""Seconds before a peer that was banned is asked again, doubled each time: it may be mended, and its good pieces are
missed; each visit of one that is not costs a wrong piece."""


@dataclass(slots=True)
class _Suspicion:
    """What went wrong in one download: wrong pieces by the address that sent them alone, or that was banned for one."""

    active: Active
    failed: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    bans: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, IDelayedCall] = field(default_factory=dict)


class BadPeers:
    """Of the downloads in `active`, by info-hash; `server_hosts` gives the addresses at which the server is known."""

    def __init__(
        self,
        seeder: BitTorrentSession,
        clock: IReactorTime,
        active: Mapping[bytes, Active],
        server_hosts: Callable[[], Collection[str]],
    ) -> None:
        self._active = active
        self._seeder = seeder
        self._clock = clock
        self._server_hosts = server_hosts
        self._downloads: dict[bytes, _Suspicion] = {}
        self._blocked: OrderedDict[str, float] = OrderedDict()  # address: until when, by the clock
        self._lifting: IDelayedCall | None = None

    @property
    def blocked(self) -> list[str]:
        """The addresses that are blocked now."""
        return list(self._blocked)

    def piece_failed(self, event: PieceFailed) -> None:
        """A piece of a download did not match."""
        suspicion = self._suspicion(event.info_hash)
        if suspicion is None:
            return
        suspicion.failed += 1
        if len(event.senders) == 1:
            self._proven(suspicion, _plain(event.senders[0]))

    def banned(self, event: PeerBanned) -> None:
        """A peer was banned from a download, by libtorrent."""
        suspicion = self._suspicion(event.info_hash)
        if suspicion is None:
            return
        host = _plain(event.host)
        # Where blocks of the file in its place were believed, a wrong piece may be that file's.
        if suspicion.failed <= SURE_UNTIL and not (host in suspicion.wrong or suspicion.active.hinted):
            self._proven(suspicion, host)
        if host not in self._blocked and host not in suspicion.waiting and len(suspicion.waiting) < MOST_PEERS:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(suspicion.bans[host], 10))
            suspicion.bans[host] += 1
            log.info("{host} is asked again in {pause} s", host=host, pause=pause)
            suspicion.waiting[host] = self._clock.callLater(pause, self._ask_again, event, host)

    def stop(self) -> None:
        """Nothing is asked again, or lifted."""
        for info_hash in list(self._downloads):
            self._forget(info_hash)
        if self._lifting is not None:
            self._lifting.cancel()
            self._lifting = None

    def why(self, info_hash: bytes) -> str:
        """What is wrong with the sources of a download, to be reported; empty where nothing is known to be."""
        suspicion = self._downloads.get(info_hash)
        if suspicion is None or suspicion.active is not self._active.get(info_hash) or not suspicion.wrong:
            return ""
        server = self._known_server_hosts()
        if count := sum(suspicion.wrong[host] for host in server):
            return Reason("server_pieces_wrong", count=count)
        peers = suspicion.wrong.most_common(MOST_NAMED)
        shown = ", ".join(f"{host} ({count})" for host, count in peers)
        return Reason("pieces_wrong", peers=shown, count=sum(suspicion.wrong.values()))

    def _proven(self, suspicion: _Suspicion, host: str) -> None:
        """A wrong piece came from this address and no other."""
        if host not in suspicion.wrong and len(suspicion.wrong) >= MOST_PEERS:
            return
        suspicion.wrong[host] += 1
        server = host in self._known_server_hosts()
        count = suspicion.wrong[host]
        if count & (count - 1) == 0:  # the first, the second, the fourth: one that is asked again goes on for long
            whose = ", the server" if server else ""
            log.warn("wrong pieces from {host}{whose}: {count}", host=host, whose=whose, count=count)
        if not server and suspicion.wrong[host] >= WRONG_ENOUGH:
            self._block(host)

    def _block(self, host: str) -> None:
        self._blocked.pop(host, None)
        self._blocked[host] = self._clock.seconds() + BLOCK_SECONDS
        if len(self._blocked) > MOST_BLOCKED:
            self._blocked.popitem(last=False)
        self._seeder.block(self._blocked)
        for suspicion in self._downloads.values():
            if (call := suspicion.waiting.pop(host, None)) is not None:
                call.cancel()
        self._lift_later()

    def _lift_later(self) -> None:
        if self._lifting is None and self._blocked:
            first = min(self._blocked.values())
            self._lifting = self._clock.callLater(max(0.0, first - self._clock.seconds()), self._lift)

    def _lift(self) -> None:
        self._lifting = None
        now = self._clock.seconds()
        over = [host for host, until in self._blocked.items() if until <= now]
        for host in over:
            del self._blocked[host]
        if over:
            log.info("{hosts}: blocked no longer", hosts=", ".join(over))
            self._seeder.block(self._blocked)
        self._lift_later()

    def _ask_again(self, event: PeerBanned, host: str) -> None:
        self._downloads[event.info_hash].waiting.pop(host, None)
        if event.info_hash in self._active:
            self._seeder.forgive(event.info_hash, event.host, event.port)

    def _suspicion(self, info_hash: bytes) -> _Suspicion | None:
        """What is known of a download, None for what is none; what is known of others that have ended is forgotten."""
        for known, suspicion in list(self._downloads.items()):
            if self._active.get(known) is not suspicion.active:
                self._forget(known)
        active = self._active.get(info_hash)
        return self._downloads.setdefault(info_hash, _Suspicion(active)) if active is not None else None

    def _forget(self, info_hash: bytes) -> None:
        for call in self._downloads.pop(info_hash).waiting.values():
            call.cancel()

    def _known_server_hosts(self) -> set[str]:
        return {_plain(host) for host in self._server_hosts()}


def _plain(host: str) -> str:
    """An IP address as it is usually written, whatever socket it was met at; a name as it is."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
