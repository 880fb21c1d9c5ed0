"""Who is told of announces: one listener, of all of them or of those that concern it."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final, NamedTuple

from twisted.logger import Logger

from voi.tracker.announce import AnnounceEvent
from voi.tracker.peers import SwarmPeer

log = Logger()

_make: Final = tuple.__new__  # a named tuple, without the call into Python that its own way takes


class PeerAnnounced(NamedTuple):
    """An announce that was accepted. `terminal` is a MAC, `host` a plain address; byte counts."""

    info_hash: bytes
    terminal: str
    host: str
    port: int
    event: AnnounceEvent
    left: int
    uploaded: int
    downloaded: int


class AnnounceListener:
    """Calls the listener, and keeps its faults from the terminals."""

    __slots__ = ("_on_announce", "_terminals", "_torrents")

    def __init__(self, on_announce: Callable[[PeerAnnounced], None]) -> None:
        self._on_announce = on_announce
        self._torrents: Container[bytes] | None = None
        self._terminals: Container[str] = ()

    def only(self, torrents: Container[bytes], terminals: Container[str]) -> None:
        """Tell only of announces in these torrents and of those by these terminals, as they are at each announce."""
        self._torrents, self._terminals = torrents, terminals

    def peer_announced(self, peer: SwarmPeer, event: AnnounceEvent) -> None:
        """A peer announced; it is in its swarm."""
        torrents = self._torrents
        if torrents is not None and peer.swarm.info_hash not in torrents and peer.terminal not in self._terminals:
            return
        packed = peer.packed
        port = packed[-2] << 8 | packed[-1]
        self.tell(
            _make(
                PeerAnnounced,
                (
                    peer.swarm.info_hash,
                    peer.terminal,
                    peer.host,
                    port,
                    event,
                    peer.left,
                    peer.uploaded,
                    peer.downloaded,
                ),
            )
        )

    def tell(self, announced: PeerAnnounced) -> None:
        """Tell of one, whomever it concerns."""
        try:
            self._on_announce(announced)
        except Exception:  # a listener's fault must not keep terminals apart
            log.failure("a listener failed at {announced}", announced=announced)
