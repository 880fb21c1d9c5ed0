"""The tracker without HTTP: table, keys, the server's own peer and who listens, put together."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from voi.tracker.address import AnnounceError, PeerAddress, RoomOf, pack, plain_host, subnet_room
from voi.tracker.announce import (
    AnnounceRequest,
    Answer,
    Counts,
    Event,
    encode_answer,
    encode_failure,
    encode_scrape,
    parse_announce,
    parse_scrape,
)
from voi.tracker.peers import PeerState
from voi.tracker.policy import Policy
from voi.tracker.swarm import SwarmTable

log = Logger()

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Keys(Protocol):
    """Who announces."""

    def terminal_for(self, key: str) -> str | None:
        """The MAC of the terminal that was given this key (32 lower-case hex digits), None if nobody was."""


class OwnPeer(Protocol):
    """The server's own peer: it never announces, the tracker adds it to the answers itself."""

    @property
    def port(self) -> int:
        """The TCP port it listens on; 0 while it does not."""

    def offered(self, info_hash: bytes) -> bool:
        """Whether it can upload some of this torrent; 20 bytes."""

    def complete(self, info_hash: bytes) -> bool:
        """Whether it has all of this torrent, and so is one of its seeds; 20 bytes."""


@dataclass(frozen=True, slots=True)
class Announced:
    """An announce that was taken in. `terminal` is a MAC, `host` a plain address; byte counts."""

    info_hash: bytes
    terminal: str
    host: str
    port: int
    event: Event
    left: int
    uploaded: int
    downloaded: int


def _nobody_listens(_announced: Announced) -> None:
    """What is done about an announce when nobody asked to be told."""


class Tracker:
    """Answers announces and scrapes, tells of them, and forgets the silent."""

    def __init__(
        self,
        *,
        keys: Keys,
        own_peer: OwnPeer,
        clock: IReactorTime,
        random: Random,
        policy: Policy | None = None,
        on_announce: Callable[[Announced], None] = _nobody_listens,
        room_of: RoomOf = subnet_room,
    ) -> None:
        self._keys = keys
        self._own_peer = own_peer
        self._clock = clock
        self._policy = policy or Policy()
        self._on_announce = on_announce
        self._table = SwarmTable(random, self._policy, room_of)
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = clock

    def start(self) -> None:
        """Begin to forget peers that fell silent."""
        done: Deferred[LoopingCall] = self._sweeping.start(self._policy.sweep, now=False)
        done.addErrback(lambda failure: log.failure("the tracker's sweep ended", failure))

    def stop(self) -> None:
        """End the sweep; the table stays as it is."""
        if self._sweeping.running:
            self._sweeping.stop()

    def admit(self, info_hash: bytes) -> None:
        """Let a torrent be announced: 20 bytes (v1), or 32 (v2).

        :raises TorrentRefused: too many torrents.
        :raises ValueError: no info-hash.
        """
        self._table.admit(info_hash)

    def retire(self, info_hash: bytes) -> None:
        """Forget a torrent and its peers; an unknown one is no error."""
        self._table.retire(info_hash)

    def known(self, info_hash: bytes) -> bool:
        """Whether a torrent is admitted."""
        return self._table.known(info_hash)

    def counts(self, info_hash: bytes) -> Counts:
        """How many terminals' peers a swarm has, the server's own not among them."""
        return self._table.counts(info_hash)

    def peers(self, info_hash: bytes) -> list[PeerState]:
        """The terminals' peers of a swarm."""
        return self._table.peers(info_hash)

    def announce(self, key: str, query: bytes, peer_host: str, local_host: str) -> bytes:
        """The whole body that answers an announce, failures included; never raises.

        :param key: the path's, as the asker wrote it.
        :param query: raw, percent-encoded, without the ``?``.
        :param peer_host: where the connection comes from.
        :param local_host: the address by which the asker reached this server.
        """
        return _body(lambda: self._announce(key, query, peer_host, local_host))

    def scrape(self, key: str, query: bytes) -> bytes:
        """The whole body that answers a scrape, failures included; never raises.

        Torrents that are not admitted are left out; if none is, that is a failure.
        """
        return _body(lambda: self._scrape(key, query))

    def _announce(self, key: str, query: bytes, peer_host: str, local_host: str) -> bytes:
        terminal = self._terminal(key)
        request = parse_announce(query)
        host = plain_host(peer_host)
        own = self._own_address(request, local_host) if self._table.known(request.info_hash) else None
        answer = self._table.announce(self._clock.seconds(), terminal, host, request, reserved=0 if own is None else 1)
        self._tell(request, terminal, host)
        counts = self._with_own(request.info_hash, answer.counts)
        peers = answer.peers if own is None else (*answer.peers, own)
        return self._encode(replace(answer, counts=counts, peers=peers), request)

    def _scrape(self, key: str, query: bytes) -> bytes:
        self._terminal(key)
        found = self._table.scrape(parse_scrape(query).info_hashes)
        if not found:
            raise AnnounceError(
                "this server shares none of these torrents (yet): scrape those of its templates",
                field="info_hash",
                retry_in=self._policy.unknown_retry,
            )
        return encode_scrape([(info_hash, self._with_own(info_hash, counts)) for info_hash, counts in found])

    def _terminal(self, key: str) -> str:
        terminal = self._keys.terminal_for(key) if _KEY.fullmatch(key) else None
        if terminal is None:
            raise AnnounceError(
                "this announce address belongs to no terminal: log in to the server and use the one it gives",
                field="key",
            )
        return terminal

    def _own_address(self, request: AnnounceRequest, local_host: str) -> PeerAddress | None:
        """Where the asker finds the server's own peer; None if it is of no use to this asker."""
        own = self._own_peer
        asks = request.event is not Event.STOPPED and request.numwant != 0
        if not asks or not own.port or not own.offered(request.info_hash):
            return None
        takes = request.left > 0 and request.event is not Event.PAUSED
        if not takes and own.complete(request.info_hash):
            return None
        return PeerAddress(pack(local_host, own.port))

    def _with_own(self, info_hash: bytes, counts: Counts) -> Counts:
        """The counts as terminals see them: the server's own peer is one of the swarm."""
        if self._own_peer.complete(info_hash):
            return replace(counts, seeds=counts.seeds + 1)
        if self._own_peer.offered(info_hash):
            return replace(counts, leeches=counts.leeches + 1)
        return counts

    def _tell(self, request: AnnounceRequest, terminal: str, host: str) -> None:
        announced = Announced(
            info_hash=request.info_hash,
            terminal=terminal,
            host=host,
            port=request.port,
            event=request.event,
            left=request.left,
            uploaded=request.uploaded,
            downloaded=request.downloaded,
        )
        try:
            self._on_announce(announced)
        except Exception:  # a listener's fault must not keep terminals apart
            log.failure("a listener failed at {announced}", announced=announced)

    @staticmethod
    def _encode(answer: Answer, request: AnnounceRequest) -> bytes:
        return encode_answer(answer, compact=request.compact, no_peer_id=request.no_peer_id)

    def _sweep(self) -> None:
        try:
            forgotten = self._table.expire(self._clock.seconds())
        except Exception:  # the next sweep may do better, and without sweeps the table fills
            log.failure("the tracker's sweep failed")
            return
        if forgotten:
            log.debug("{forgotten} silent peers forgotten", forgotten=forgotten)


def _body(answer: Callable[[], bytes]) -> bytes:
    """An answer, or the failure that it came to."""
    try:
        return answer()
    except AnnounceError as refused:
        return encode_failure(refused)
    except Exception:  # BitTorrent clients read a failure reason, not an HTTP status
        log.failure("the tracker failed")
        return encode_failure(
            AnnounceError("the server made a mistake, its log says which: try again later", retry_in=1)
        )
