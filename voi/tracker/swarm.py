"""The swarm table: which peers share which torrent, within bounds of number and time. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from random import Random
from typing import Final

from voi.errors import TorrentRefused
from voi.messages.reason import Reason
from voi.tracker.address import AnnounceError, UnknownTorrent, pack, plain_host
from voi.tracker.announce import INFO_HASH_LENGTH, AnnounceEvent, AnnounceRequest, Counts
from voi.tracker.expiry import ExpiryQueue
from voi.tracker.peer_selection import Selection, select_packed, select_peers
from voi.tracker.peers import MOST_FINGERPRINTS, Fingerprint, PeerState, Swarm, SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.rooms import RoomOf, by_subnet
from voi.tracker.steering import RoomRole, ServerState

_V2_LENGTH = 32
"""Bytes of a full v2 info-hash (BEP 52); trackers see the first 20."""

REARRANGED_AT_ONCE: Final = 100
"""Terminals of a swarm looked at in one turn of the reactor when rooms change: a millisecond if all of them move."""

Packed = tuple[bytes, bytes, bool]
"""Compact addresses of peers, IPv4 and IPv6, and whether the server's own is one more."""

_NO_COUNTS = Counts()
_MEMBER = RoomRole.MEMBER  # an enumeration's members take a look-up each time


def wire_hash(info_hash: bytes) -> bytes:
    """An info-hash as announces carry it: v1 as it is, a 32-byte v2 hash cut to 20 (BEP 52).

    :raises ValueError: neither 20 nor 32 bytes.
    """
    if len(info_hash) not in {INFO_HASH_LENGTH, _V2_LENGTH}:
        raise ValueError(f"an info-hash of {len(info_hash)} bytes")
    return info_hash[:INFO_HASH_LENGTH]


class SwarmTable:
    """All swarms of the admitted torrents. Times are seconds of one clock, passed in."""

    def __init__(self, random: Random, policy: Policy, room_of: RoomOf = by_subnet) -> None:
        self._random = random
        self._policy = policy
        self._room_of = room_of
        self._swarms: dict[bytes, Swarm] = {}
        self._expiry: ExpiryQueue[SwarmPeer] = ExpiryQueue(policy.sweep)
        self._recognised: dict[Fingerprint, SwarmPeer] = {}
        self.min_interval = max(1, round(policy.min_interval))
        # Shortest interval and how much may be added, with the half that rounds it.
        self._intervals = [
            (usual * (1 - policy.jitter) + 0.5, usual * 2 * policy.jitter)
            for usual in (policy.seed_interval, policy.leech_interval, policy.first_interval)
        ]

    def admit(self, info_hash: bytes) -> None:
        """Let a torrent be announced; v1 or v2 info-hash. Admitting it again changes nothing.

        :raises TorrentRefused: the table holds as many torrents as it may.
        :raises ValueError: no info-hash.
        """
        key = wire_hash(info_hash)
        if key in self._swarms:
            return
        if len(self._swarms) >= self._policy.most_swarms:
            raise TorrentRefused(Reason("torrents_full", most=self._policy.most_swarms))
        self._swarms[key] = Swarm(key)

    def retire(self, info_hash: bytes) -> None:
        """Forget a torrent and its peers; an unknown one is no error.

        :raises ValueError: no info-hash.
        """
        swarm = self._swarms.pop(wire_hash(info_hash), None)
        if swarm is not None:
            for peers in swarm.by_terminal.values():
                for peer in peers:
                    self._forget_fingerprints(peer)
                    self._expiry.remove(peer)

    def known(self, info_hash: bytes) -> bool:
        """Whether this torrent is admitted."""
        return wire_hash(info_hash) in self._swarms

    def __len__(self) -> int:
        """How many peers the table holds, of all swarms."""
        return len(self._expiry)

    @property
    def swarm_count(self) -> int:
        """How many torrents are admitted."""
        return len(self._swarms)

    def counts(self, info_hash: bytes) -> Counts:
        """How many peers the swarm has; all zero for a torrent that is not admitted."""
        swarm = self._swarms.get(wire_hash(info_hash))
        return swarm.counts if swarm is not None else _NO_COUNTS

    def scrape(self, info_hashes: Iterable[bytes]) -> list[tuple[bytes, Counts]]:
        """The counts of those torrents that are admitted, in the order asked; 20-byte info-hashes."""
        swarms = self._swarms
        return [(info_hash, swarms[info_hash].counts) for info_hash in info_hashes if info_hash in swarms]

    def peers(self, info_hash: bytes) -> list[PeerState]:
        """Every peer of a swarm as it last announced itself; none for a torrent that is not admitted."""
        swarm = self._swarms.get(wire_hash(info_hash))
        if swarm is None:
            return []
        return [peer.state for peers in swarm.by_terminal.values() for peer in peers]

    def take_in(self, now: float, terminal: str, host: str, request: AnnounceRequest) -> SwarmPeer | None:
        """Record an announce; the peer as it is now, None for one that left.

        :param host: the address of the peer's connection, any textual form.
        :raises AnnounceError: the torrent is not admitted, the host is no address, or the table is full.
        """
        swarm = self._swarms.get(request.info_hash)
        if swarm is None:
            raise UnknownTorrent(
                "this server does not share this torrent (yet): upload it, or ask for its template anew",
                field="info_hash",
                retry_in=self._policy.unknown_retry,
            )
        host = plain_host(host)
        packed = pack(host, request.port)
        if request.event is AnnounceEvent.STOPPED:
            gone = swarm.find(terminal, packed, request.peer_id)
            if gone is not None:
                self._remove(gone)
            return None
        return self._enter(swarm, now, terminal, host, packed, request)

    def select_peers(self, peer: SwarmPeer, numwant: int | None, server: ServerState) -> Selection:
        """Choose whom a peer is told of."""
        role = peer.swarm.role(peer, self._policy) if peer.left and not peer.paused else _MEMBER
        return select_peers(peer, numwant, server, role, self._policy, self._random)

    def select_packed(self, peer: SwarmPeer, numwant: int | None, server: ServerState) -> Packed:
        """The same, compact: IPv4, IPv6, and whether the server's own peer is among them."""
        role = peer.swarm.role(peer, self._policy) if peer.left and not peer.paused else _MEMBER
        return select_packed(peer, numwant, server, role, self._policy, self._random)

    def interval(self, *, downloads: bool, first: bool = False) -> int:
        """Seconds until a peer should announce again: a little different each time; `first` after its first time."""
        shortest, more = self._intervals[2 if first and downloads else downloads]
        chosen = int(shortest + more * self._random.random())
        return chosen if chosen > self.min_interval else self.min_interval  # noqa: FURB136 - max() costs a call

    # Peers that are known, recognised by their fingerprints.

    def remember(self, fingerprint: Fingerprint, peer: SwarmPeer) -> None:
        """Recognise a peer by this from now on; of its other fingerprints only the latest stay, so there is a bound."""
        other = self._recognised.get(fingerprint)
        if other is not None:
            other.fingerprints = tuple(one for one in other.fingerprints if one != fingerprint)
        kept = peer.fingerprints[1 - MOST_FINGERPRINTS :]
        for old in peer.fingerprints[: len(peer.fingerprints) - len(kept)]:
            del self._recognised[old]
        peer.fingerprints = (*kept, fingerprint)
        self._recognised[fingerprint] = peer

    def renew(
        self, fingerprint: Fingerprint, now: float, uploaded: int, downloaded: int, left: int
    ) -> SwarmPeer | None:
        """Record another announce (without an event) of a peer that is recognised and stays what it is.

        None where anything but its counters changes: that is for :meth:`take_in`.
        """
        peer = self._recognised.get(fingerprint)
        if peer is None or peer.paused or (not peer.left) is not (not left):
            return None
        if left != peer.left:
            peer.moved = now
        peer.uploaded, peer.downloaded, peer.left, peer.last_seen = uploaded, downloaded, left, now
        return peer

    def _forget_fingerprints(self, peer: SwarmPeer) -> None:
        for fingerprint in peer.fingerprints:
            del self._recognised[fingerprint]
        peer.fingerprints = ()

    def rearrange(self, terminals: Collection[str] | None) -> Iterator[None]:
        """Move peers to the rooms they are in now: those of some terminals (MACs), or, with None, of all.

        A generator: it yields after each part of the work. What announces in between may do so.
        """
        looked = 0
        for swarm in list(self._swarms.values()):
            for terminal in list(swarm.by_terminal) if terminals is None else terminals:
                for peer in swarm.by_terminal.get(terminal, ()):
                    room = self._room_of(terminal, peer.host)
                    if room != peer.room:
                        swarm.leave(peer)
                        peer.room = room
                        swarm.enter(peer, self._random)
                looked += 1
                if looked % REARRANGED_AT_ONCE == 0:
                    yield

    def expire(self, now: float) -> int:
        """Forget the peers that have not announced for a lease, as many as one sweep may; says how many."""
        silent = self._expiry.silent(now - self._policy.lease, self._policy.sweep_most)
        for peer in silent:
            self._remove(peer)
        return len(silent)

    def _enter(
        self, swarm: Swarm, now: float, terminal: str, host: str, packed: bytes, request: AnnounceRequest
    ) -> SwarmPeer:
        """Write an announce into the table: a new peer, or the one it was."""
        # One that has everything is a seed, whatever it calls itself.
        paused = request.event is AnnounceEvent.PAUSED and request.left > 0
        peer = swarm.find(terminal, packed, request.peer_id)
        # Looked up when it comes, or comes from elsewhere; when rooms change it is moved (:meth:`rearrange`).
        room = peer.room if peer is not None and peer.host == host else self._room_of(terminal, host)
        if peer is None:
            self._make_place(swarm, terminal)
            peer = SwarmPeer(
                swarm=swarm,
                terminal=terminal,
                host=host,
                room=room,
                packed=packed,
                peer_id=request.peer_id,
                left=request.left,
                uploaded=request.uploaded,
                downloaded=request.downloaded,
                last_seen=now,
                paused=paused,
                since=now,
                moved=now,
            )
            swarm.by_terminal.setdefault(terminal, []).append(peer)
            swarm.know_own(terminal)
            swarm.enter(peer, self._random)
            self._expiry.add(peer)
        else:
            same = peer.packed == packed and peer.peer_id == request.peer_id
            peer.completed &= peer.peer_id == request.peer_id  # another client starts anew
            stays = (
                (not peer.left) is (not request.left)
                and peer.paused is paused
                and peer.packed == packed
                and peer.room == room
            )
            if not stays:
                swarm.leave(peer)
            if peer.left != request.left or peer.paused is not paused:
                peer.moved = now
            if peer.peer_id != request.peer_id:
                peer.since = peer.moved = now
            peer.host, peer.room, peer.packed, peer.peer_id = host, room, packed, request.peer_id
            peer.left, peer.uploaded, peer.downloaded = request.left, request.uploaded, request.downloaded
            peer.last_seen, peer.paused = now, paused
            if not stays:
                swarm.enter(peer, self._random)
            if not same:
                self._forget_fingerprints(peer)
                swarm.know_own(terminal)
        if request.event is AnnounceEvent.COMPLETED and request.left == 0:
            swarm.complete(peer)
        return peer

    def _make_place(self, swarm: Swarm, terminal: str) -> None:
        """Let a terminal's oldest peer go if it has too many.

        :raises AnnounceError: the swarm or the whole table is full.
        """
        own = swarm.by_terminal.get(terminal, ())
        if len(own) >= self._policy.most_peers_of_terminal:
            self._remove(min(own, key=lambda peer: peer.last_seen))
            return
        if swarm.size >= self._policy.most_peers_in_swarm or len(self._expiry) >= self._policy.most_peers:
            raise AnnounceError(
                "the tracker holds as many peers as it may: try again later", retry_in=self._policy.full_retry
            )

    def _remove(self, peer: SwarmPeer) -> None:
        swarm = peer.swarm
        swarm.leave(peer)
        self._forget_fingerprints(peer)
        self._expiry.remove(peer)
        rest = [other for other in swarm.by_terminal[peer.terminal] if other is not peer]
        if rest:
            swarm.by_terminal[peer.terminal] = rest
            swarm.know_own(peer.terminal)
        else:
            del swarm.by_terminal[peer.terminal]
