"""One torrent's peers: to find them, to choose from them, and counted. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from voi.tracker.address import COMPACT_IPV4, PeerAddress
from voi.tracker.announce import AnswerHead, Counts
from voi.tracker.leaders import Leaders
from voi.tracker.peer_pool import PeerPool, RoomPeers
from voi.tracker.policy import Policy
from voi.tracker.steering import Mix, RoomRole, ServerState

Fingerprint = tuple[str, bytes]
"""What a peer is recognised by without parsing its announce: its address, and the part that is the same every time."""


MOST_FINGERPRINTS = 2
"""Fingerprints kept of one peer: that of its announces over HTTP, and that over UDP."""


@dataclass(frozen=True, slots=True)
class PeerState:
    """One peer as it last announced itself: `terminal` a MAC, counts of bytes, `last_seen` in seconds."""

    terminal: str
    host: str
    port: int
    left: int
    uploaded: int
    downloaded: int
    last_seen: float
    paused: bool


@dataclass(eq=False, slots=True)
class SwarmPeer:
    """A client of a terminal in one swarm, at one address: `packed` is its compact form, 6 or 18 bytes.

    Compared by identity. A client that announces over IPv4 and over IPv6 is two peers, one for each address.
    """

    swarm: Swarm
    terminal: str
    host: str
    room: Hashable
    packed: bytes
    peer_id: bytes
    left: int
    uploaded: int
    downloaded: int
    last_seen: float
    paused: bool
    since: float = 0.0
    """When its client first announced."""
    moved: float = 0.0
    """When it last told another number of bytes left than before, or came, or went on after a pause."""
    completed: bool = False
    mine: tuple[bytes, ...] = ()
    """The compact addresses of the same client, over either family: of these it is never told."""
    fingerprints: tuple[Fingerprint, ...] = ()
    """What the table recognises it by, the latest last."""
    bridges: list[RoomBridge] = field(default_factory=list)
    """Peers of other rooms that it was told of as a bridge, the same each time (`voi.tracker.inter_room`)."""
    bridged_by: int = 0
    """How many bridges of other rooms were told of it."""
    place: int = -1
    """Its index among the peers of its room (`voi.tracker.peer_pool`)."""
    bucket: int = 0
    """Its bucket in the expiry queue (`voi.tracker.expiry`)."""

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int.from_bytes(self.packed[-2:], "big")

    @property
    def address(self) -> PeerAddress:
        """Where it listens, as answers list it."""
        return PeerAddress(self.packed, self.peer_id)

    @property
    def state(self) -> PeerState:
        """What is known of it, for others to keep."""
        return PeerState(
            terminal=self.terminal,
            host=self.host,
            port=self.port,
            left=self.left,
            uploaded=self.uploaded,
            downloaded=self.downloaded,
            last_seen=self.last_seen,
            paused=self.paused,
        )

    @property
    def downloads(self) -> bool:
        """Whether it still takes something."""
        return self.left > 0 and not self.paused


class RoomBridge(NamedTuple):
    """A way between rooms: a peer that a bridge was told of, and the room it was in then."""

    peer: SwarmPeer
    room: Hashable


@dataclass(eq=False, slots=True)
class RemotePeers:
    """A few of other rooms; those who stand still in one room are told of the same in turn."""

    peers: Sequence[SwarmPeer]
    left: int = 0
    """How many more may be told of them."""
    gathered: tuple[bytes, bytes] | None = None

    def packed(self) -> tuple[bytes, bytes]:
        """Their compact addresses, IPv4 and IPv6."""
        if self.gathered is None:
            addresses = [peer.packed for peer in self.peers]
            four = b"".join(address for address in addresses if len(address) == COMPACT_IPV4)
            self.gathered = four, b"".join(address for address in addresses if len(address) != COMPACT_IPV4)
        return self.gathered


@dataclass(eq=False, slots=True)
class SelectionPlan:
    """A mix, the peers of the room to take the near ones from, and the far ones for the next few announces."""

    mix: Mix
    givers: RoomPeers[SwarmPeer] | None
    downloaders: RoomPeers[SwarmPeer] | None
    far: RemotePeers
    plain: bool
    """Whether all near ones have IPv4 addresses."""


@dataclass(eq=False, slots=True)
class Swarm:
    """One torrent's peers: by terminal to find them, in two pools to choose from, and counted."""

    info_hash: bytes
    by_terminal: dict[str, list[SwarmPeer]] = field(default_factory=dict)
    downloading: PeerPool[SwarmPeer] = field(default_factory=PeerPool)
    giving: PeerPool[SwarmPeer] = field(default_factory=PeerPool)
    """Seeds, and the paused, who have something to give and take nothing (BEP 21)."""
    addresses: dict[bytes, int] = field(default_factory=dict)
    """How many peers are at each compact address: two terminals behind one address may say the same port."""
    seeds: int = 0
    completed: int = 0
    whole: dict[Hashable, int] = field(default_factory=dict)
    """By room, how many seeds it has; rooms without one are not in it."""
    leaders: Leaders = field(default_factory=Leaders)
    """Of the rooms where somebody downloads."""
    bridge_counts: dict[Hashable, int] = field(default_factory=dict)
    """By room, how many ways lead from it to others: for each, a bridge at one of its ends was told of the other."""
    plans: tuple[dict[tuple[Hashable, bool, int | None, RoomRole], SelectionPlan], ...] = field(
        default_factory=lambda: tuple({} for _ in ServerState)
    )
    """What was steered, by what the server has, until a peer comes, goes or changes its kind: peers of one room
    are in one situation."""
    heads: list[AnswerHead | None] = field(default_factory=lambda: [None for _ in ServerState])
    """The beginning of every answer, by what the server has, until a peer comes, goes or changes its kind."""

    @property
    def size(self) -> int:
        """How many peers there are."""
        return self.downloading.count + self.giving.count

    @property
    def counts(self) -> Counts:
        """How many of each kind."""
        return Counts(
            seeds=self.seeds,
            leeches=self.size - self.seeds,
            completed=self.completed,
            paused=self.giving.count - self.seeds,
        )

    def enter(self, peer: SwarmPeer, random: Random) -> None:
        """Count a peer in and let it be found, by what it is now."""
        self._changes()
        (self.downloading if peer.downloads else self.giving).add(peer.room, peer, random)
        if peer.left == 0:
            self.seeds += 1
            self.whole[peer.room] = self.whole.get(peer.room, 0) + 1
        self.addresses[peer.packed] = self.addresses.get(peer.packed, 0) + 1

    def leave(self, peer: SwarmPeer) -> None:
        """Undo :meth:`enter`; to be called before the peer changes."""
        self._changes()
        drop_bridges(peer, tuple(peer.bridges))
        room = peer.room
        (self.downloading if peer.downloads else self.giving).remove(room, peer)
        if peer.left == 0:
            self.seeds -= 1
            self.whole[room] -= 1
            if not self.whole[room]:
                del self.whole[room]
        self.addresses[peer.packed] -= 1
        if not self.addresses[peer.packed]:
            del self.addresses[peer.packed]
        if room in self.downloading.rooms:
            self.leaders.forget(peer)
        else:
            self.leaders.forget_room(room)

    def role(self, peer: SwarmPeer, policy: Policy) -> RoomRole:
        """What a peer that downloads is to its room at its announce, by which it may become a leader."""
        room, giving = peer.room, self.giving.rooms
        if room in self.whole:
            return self.leaders.role(peer, policy, served=True, alone=False)  # of no matter where somebody has it all
        # At its first announce a room of several looks alone, if it is the first that is switched on.
        alone = len(self.downloading.rooms) == 1 and len(giving) == (room in giving) and peer.since < peer.last_seen
        downloading = len(self.downloading.rooms[room])
        return self.leaders.role(peer, policy, served=False, alone=alone, downloading=downloading)

    def head(self, server: ServerState) -> AnswerHead:
        """The beginning of every answer now: the server's own peer is one of the swarm."""
        head = self.heads[server]
        if head is None:
            counts = self.counts
            seeds, leeches = (
                counts.seeds + (server is ServerState.WHOLE),
                counts.leeches + (server is ServerState.PARTIAL),
            )
            head = self.heads[server] = AnswerHead(seeds, leeches, counts.completed)
        return head

    def complete(self, peer: SwarmPeer) -> None:
        """Count a finished download: once for each client, which may repeat its announce, and makes it over each
        address family.
        """
        same_client = [other for other in self.by_terminal[peer.terminal] if other.peer_id == peer.peer_id]
        if not any(other.completed for other in same_client):
            self.completed += 1
            self._changes()
        peer.completed = True

    def _changes(self) -> None:
        for server, plans in enumerate(self.plans):
            self.heads[server] = None
            plans.clear()

    def know_own(self, terminal: str) -> None:
        """Note for each peer of a terminal which addresses are its own; to be called when any of them changed."""
        peers = self.by_terminal[terminal]
        for peer in peers:
            peer.mine = tuple(other.packed for other in peers if other is peer or other.peer_id == peer.peer_id)

    def find(self, terminal: str, packed: bytes, peer_id: bytes) -> SwarmPeer | None:
        """The peer that announces again: the same client in the same address family, or, after a restart,
        whoever of this terminal had the same address and port.
        """
        for peer in self.by_terminal.get(terminal, ()):
            same_client = peer.peer_id == peer_id and len(peer.packed) == len(packed)
            if same_client or peer.packed == packed:
                return peer
        return None


def drop_bridges(peer: SwarmPeer, bridges: Iterable[RoomBridge]) -> None:
    """Take some of its bridges to other rooms from a peer."""
    counts = peer.swarm.bridge_counts
    for bridge in bridges:
        peer.bridges.remove(bridge)
        bridge.peer.bridged_by -= 1
        for room in (peer.room, bridge.room):
            counts[room] -= 1
            if not counts[room]:
                del counts[room]
