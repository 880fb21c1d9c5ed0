"""The tracker without HTTP: table, keys, the server's own peer and the listener, put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable
from random import Random
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from voi.tracker.address import (
    COMPACT_IPV4,
    AnnounceError,
    PeerAddress,
    UnknownTorrent,
    plain_host,
)
from voi.tracker.announce import (
    AnnounceAnswer,
    AnnounceEvent,
    AnnounceRequest,
    AnswerHead,
    Counts,
    PackedAnswer,
    encode_answer,
    encode_failure,
    encode_packed,
    encode_scrape,
    parse_announce,
    parse_scrape,
)
from voi.tracker.announced import AnnounceListener, PeerAnnounced
from voi.tracker.counters import RequestCounters
from voi.tracker.early import EarlyAnnounce, EarlyAnnounces
from voi.tracker.peers import Fingerprint, PeerState, SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.rearranging import Rearranger
from voi.tracker.rooms import RoomLookup, by_directory, by_subnet
from voi.tracker.server_peer import ServerPeer, packed_address, state_of, with_server
from voi.tracker.steering import ServerState
from voi.tracker.swarm import SwarmTable, wire_hash

log = Logger()

_KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)

# An enumeration's members take a look-up each time; these are asked for with every announce.
_NO_EVENT = AnnounceEvent.NONE
_ABSENT = ServerState.ABSENT
_make = tuple.__new__  # a named tuple, without the call into Python that its own way takes


class Keys(Protocol):
    """Which terminal each key belongs to."""

    def terminal_for(self, key: str) -> str | None:
        """The MAC of the terminal that was given this key (32 lower-case hex digits), None if none was."""


def _nobody_listens(_announced: PeerAnnounced) -> None:
    """What is done about an announce where nobody asked to be told."""


class Tracker:
    """Answers announces and scrapes, tells of them, and forgets the silent.

    How they ended is counted in `over_http`, `over_udp` (announces), `scrapes_over_http` and `scrapes_over_udp`.
    """

    def __init__(
        self,
        *,
        keys: Keys,
        own_peer: ServerPeer,
        clock: IReactorTime,
        random: Random,
        policy: Policy | None = None,
        on_announce: Callable[[PeerAnnounced], None] = _nobody_listens,
        rooms: RoomLookup | None = None,
    ) -> None:
        self._keys = keys
        self._server_peer = own_peer
        self._clock = clock
        self._policy = policy or Policy()
        self._listener = AnnounceListener(on_announce)
        self._table = SwarmTable(random, self._policy, by_subnet if rooms is None else by_directory(rooms))
        self._early = EarlyAnnounces()
        self.over_http, self.over_udp = RequestCounters(), RequestCounters()
        self.scrapes_over_http, self.scrapes_over_udp = RequestCounters(), RequestCounters()
        self._sweeping = LoopingCall(self._sweep)
        self._sweeping.clock = clock
        self._rearranger = Rearranger(self._table.rearrange, clock)

    def start(self) -> None:
        """Begin to forget peers that fell silent."""
        done: Deferred[LoopingCall] = self._sweeping.start(self._policy.sweep, now=False)
        done.addErrback(lambda failure: log.failure("the tracker's sweep ended", failure))

    def stop(self) -> None:
        """End the sweep, and the moving of peers; the table stays as it is."""
        self._rearranger.stop()
        if self._sweeping.running:
            self._sweeping.stop()

    def rooms_changed(self, terminals: Collection[str] | None) -> None:
        """Some terminals (MACs), or, with None, any of them, may be in another room than before: their peers are
        moved there soon, without a new announce.
        """
        self._rearranger.want(terminals)

    def tell_only_of(self, torrents: Container[bytes], terminals: Container[str]) -> None:
        """Spare the listener announces that do not concern it, which are most: it is told of those in these torrents
        (info-hashes, 20 bytes) and of those by these terminals (MACs), whoever is in them when the announce comes.
        """
        self._listener.only(torrents, terminals)

    def admit(self, info_hash: bytes) -> None:
        """Let a torrent be announced: 20 bytes (v1), or 32 (v2). Who announced it in the last minute is in its swarm.

        :raises TorrentRefused: too many torrents.
        :raises ValueError: no info-hash.
        """
        self._table.admit(info_hash)
        for terminal, host, request, at in self._early.take(wire_hash(info_hash), self._clock.seconds()):
            try:
                peer = self._table.take_in(at, terminal, host, request)
            except AnnounceError as refused:  # the table is full; the client asks again
                log.debug("{terminal} announced early and is refused: {reason}", terminal=terminal, reason=refused)
                continue
            if peer is not None:
                self._listener.peer_announced(peer, request.event)

    def retire(self, info_hash: bytes) -> None:
        """Forget a torrent and its peers; an unknown one is no error."""
        self._table.retire(info_hash)

    def known(self, info_hash: bytes) -> bool:
        """Whether a torrent is admitted."""
        return self._table.known(info_hash)

    def counts(self, info_hash: bytes) -> Counts:
        """How many terminals' peers a swarm has, the server's own not among them."""
        return self._table.counts(info_hash)

    @property
    def swarm_count(self) -> int:
        """How many torrents are admitted."""
        return self._table.swarm_count

    @property
    def peer_count(self) -> int:
        """How many terminals' peers there are in all swarms."""
        return len(self._table)

    def peers(self, info_hash: bytes) -> list[PeerState]:
        """The terminals' peers of a swarm."""
        return self._table.peers(info_hash)

    def announce(
        self, key: str, query: bytes, peer_host: str, local_host: str, fingerprint: Fingerprint | None = None
    ) -> bytes:
        """The whole body that answers an announce, failures included; never raises.

        :param key: the path's, as the client wrote it.
        :param query: raw, percent-encoded, without the ``?``.
        :param peer_host: where the connection comes from.
        :param local_host: the address by which the client reached this server.
        :param fingerprint: by which :meth:`announce_again` may recognise this peer.
        """
        return self._body(lambda: self._announce(key, query, peer_host, local_host, fingerprint), self.over_http)

    def announce_packed(
        self,
        key: str,
        request: AnnounceRequest,
        peer_host: str,
        local_host: str,
        fingerprint: Fingerprint | None = None,
    ) -> PackedAnswer:
        """Answer an announce that was read already, in compact form.

        :raises AnnounceError: why it is refused.
        """
        return self._packed(self._terminal(key), request, peer_host, local_host, fingerprint)

    def _packed(
        self, terminal: str, request: AnnounceRequest, peer_host: str, local_host: str, fingerprint: Fingerprint | None
    ) -> PackedAnswer:
        peer = self._take_in(terminal, request, peer_host, fingerprint)
        if peer is None:
            counts = with_server(self._table.counts(request.info_hash), self._server(request.info_hash))
            interval = self._table.interval(downloads=request.left > 0)
            head = AnswerHead(counts.seeds, counts.leeches, counts.completed)
            return PackedAnswer(head, interval, self._table.min_interval, b"", b"")
        return self._answer_peer(peer, request.numwant, local_host)

    def announce_again(
        self, fingerprint: Fingerprint, uploaded: int, downloaded: int, left: int, numwant: int | None, local_host: str
    ) -> PackedAnswer | None:
        """Answer one more announce of a peer that is recognised, where nothing but its counters changed.

        It has the effect and the answer of :meth:`announce`, in a tenth of the time. None for everything else.
        """
        try:
            peer = self._table.renew(fingerprint, self._clock.seconds(), uploaded, downloaded, left)
            if peer is None:
                return None
            self._listener.peer_announced(peer, _NO_EVENT)
            return self._answer_peer(peer, numwant, local_host)
        except AnnounceError:  # the long way says which
            return None
        except Exception:  # the long way comes to the same, and tells the client
            log.failure("a known peer could not be answered")
            return None

    def scrape(self, key: str, query: bytes) -> bytes:
        """The whole body that answers a scrape, failures included; never raises.

        Torrents that are not admitted are left out; if none is, that is a failure.
        """
        return self._body(lambda: self._scrape(key, query), self.scrapes_over_http)

    def counts_with_own(self, info_hashes: Iterable[bytes]) -> list[Counts]:
        """The counts of some torrents (20 bytes each) as scrapes tell them, all zero for one that is unknown."""
        return [
            with_server(self._table.counts(info_hash), self._server(info_hash))
            if self._table.known(info_hash)
            else Counts()
            for info_hash in info_hashes
        ]

    def _announce(
        self, key: str, query: bytes, peer_host: str, local_host: str, fingerprint: Fingerprint | None
    ) -> bytes:
        terminal = self._terminal(key)
        request = parse_announce(query)
        if request.compact:
            return encode_packed(self._packed(terminal, request, peer_host, local_host, fingerprint))
        return encode_answer(self._listed(terminal, request, peer_host, local_host), no_peer_id=request.no_peer_id)

    def _listed(self, terminal: str, request: AnnounceRequest, peer_host: str, local_host: str) -> AnnounceAnswer:
        """The same answer for the few who do not take the compact form: peers with their ids."""
        peer = self._take_in(terminal, request, peer_host, None)
        server, table, port = self._server(request.info_hash), self._table, self._server_peer.port
        counts = with_server(table.counts(request.info_hash), server)
        if peer is None:
            return AnnounceAnswer(table.interval(downloads=request.left > 0), table.min_interval, counts)
        interval = table.interval(downloads=peer.downloads, first=peer.since == peer.last_seen)
        chosen = table.select_peers(peer, request.numwant, server if port else _ABSENT)
        own = (PeerAddress(packed_address(local_host, port)),) if chosen.own else ()
        return AnnounceAnswer(interval, table.min_interval, counts, chosen.addresses() + own)

    def _take_in(
        self, terminal: str, request: AnnounceRequest, peer_host: str, fingerprint: Fingerprint | None
    ) -> SwarmPeer | None:
        """Record an announce, and tell the listener."""
        now = self._clock.seconds()
        try:
            peer = self._table.take_in(now, terminal, peer_host, request)
        except UnknownTorrent:
            self._early.note(EarlyAnnounce(terminal, plain_host(peer_host), request, now))
            raise
        if peer is not None:
            if fingerprint is not None:
                self._table.remember(fingerprint, peer)
            self._listener.peer_announced(peer, request.event)
        else:
            self._listener.tell(
                PeerAnnounced(
                    request.info_hash,
                    terminal,
                    plain_host(peer_host),
                    request.port,
                    request.event,
                    request.left,
                    request.uploaded,
                    request.downloaded,
                )
            )
        return peer

    def _answer_peer(self, peer: SwarmPeer, numwant: int | None, local_host: str) -> PackedAnswer:
        swarm = peer.swarm
        server = self._server(swarm.info_hash)
        table, port = self._table, self._server_peer.port
        interval = table.interval(downloads=peer.left > 0 and not peer.paused, first=peer.since == peer.last_seen)
        four, six, with_own = table.select_packed(peer, numwant, server if port else _ABSENT)
        if with_own:
            own = packed_address(local_host, port)
            if len(own) == COMPACT_IPV4:
                four += own
            else:
                six += own
        return _make(PackedAnswer, (swarm.heads[server] or swarm.head(server), interval, table.min_interval, four, six))

    def _body(self, answer: Callable[[], bytes], tally: RequestCounters) -> bytes:
        """An answer, or the failure that it came to; counted."""
        try:
            body = answer()
            tally.answered += 1
            return body  # noqa: TRY300 - counted only when it is there
        except AnnounceError as refused:
            tally.refuse(refused)
            return encode_failure(refused, self._table.min_interval)
        except Exception:  # BitTorrent clients read a failure reason, not an HTTP status
            log.failure("the tracker failed")
            tally.failed += 1
            fault = AnnounceError("the server made a mistake, its log says which: try again later", retry_in=1)
            return encode_failure(fault, self._table.min_interval)

    def _scrape(self, key: str, query: bytes) -> bytes:
        self._terminal(key)
        found = self._table.scrape(parse_scrape(query).info_hashes)
        if not found:
            raise AnnounceError(
                "this server shares none of these torrents (yet): scrape those of its templates",
                field="info_hash",
                retry_in=self._policy.unknown_retry,
            )
        return encode_scrape([(info_hash, with_server(counts, self._server(info_hash))) for info_hash, counts in found])

    def _terminal(self, key: str) -> str:
        terminal = self._keys.terminal_for(key) if _KEY.fullmatch(key) else None
        if terminal is None:
            raise AnnounceError(
                "this announce address belongs to no terminal: log in to the server and use the one it gives",
                field="key",
            )
        return terminal

    def _server(self, info_hash: bytes) -> ServerState:
        return state_of(self._server_peer, info_hash)

    def _sweep(self) -> None:
        try:
            forgotten = self._table.expire(self._clock.seconds())
        except Exception:  # the next sweep may do better, and without sweeps the table fills
            log.failure("the tracker's sweep failed")
            return
        if forgotten:
            log.debug("{forgotten} silent peers forgotten", forgotten=forgotten)
