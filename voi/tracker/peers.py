"""One torrent's peers, and whom an asker is introduced to. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from random import Random

from voi.tracker.address import PeerAddress
from voi.tracker.announce import Counts
from voi.tracker.crowd import Crowd
from voi.tracker.policy import Policy


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
class Peer:
    """A client of a terminal in one swarm, at one address.

    Compared by identity. A client that announces over IPv4 and over IPv6 is two peers, one for each address.
    """

    swarm: Swarm
    terminal: str
    host: str
    room: Hashable
    address: PeerAddress
    left: int
    uploaded: int
    downloaded: int
    last_seen: float
    paused: bool
    completed: bool = False

    @property
    def state(self) -> PeerState:
        """What is known of it, for others to keep."""
        return PeerState(
            terminal=self.terminal,
            host=self.host,
            port=self.address.port,
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


@dataclass(eq=False, slots=True)
class Swarm:
    """One torrent's peers: by terminal to find them, in two crowds to choose from, and counted."""

    by_terminal: dict[str, list[Peer]] = field(default_factory=dict)
    downloading: Crowd[Peer] = field(default_factory=Crowd)
    giving: Crowd[Peer] = field(default_factory=Crowd)
    """Seeds, and the paused, who have something to give and take nothing (BEP 21)."""
    seeds: int = 0
    completed: int = 0

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

    def enter(self, peer: Peer, random: Random) -> None:
        """Count a peer in and let it be found, by what it is now."""
        (self.downloading if peer.downloads else self.giving).add(peer.room, peer, random)
        self.seeds += peer.left == 0

    def leave(self, peer: Peer) -> None:
        """Undo :meth:`enter`; to be called before the peer changes."""
        (self.downloading if peer.downloads else self.giving).remove(peer.room, peer)
        self.seeds -= peer.left == 0

    def find(self, terminal: str, address: PeerAddress) -> Peer | None:
        """The peer that announces again: the same client in the same address family, or, after a restart,
        whoever of this terminal had the same address and port.
        """
        for peer in self.by_terminal.get(terminal, ()):
            same_client = peer.address.peer_id == address.peer_id and peer.address.is_ipv4 == address.is_ipv4
            if same_client or peer.address.packed == address.packed:
                return peer
        return None


def choose(swarm: Swarm, asker: Peer, wanted: int, policy: Policy, random: Random) -> tuple[PeerAddress, ...]:
    """Peers for one answer, at most `wanted`: the asker's room first, then some of others.

    Who downloads nothing is told only of those who do: two seeds have nothing to say to each other.
    """
    if wanted <= 0:
        return ()
    room = asker.room
    crowds = [swarm.giving, swarm.downloading] if asker.downloads else [swarm.downloading]
    in_room = [crowd.in_room(room) for crowd in crowds]
    elsewhere = [crowd.count - near for crowd, near in zip(crowds, in_room, strict=True)]
    kept = min(policy.far_least, sum(elsewhere), wanted // policy.far_share)
    chosen: list[Peer] = []
    for crowd, share in zip(crowds, _shares(wanted - kept + 1, in_room), strict=True):
        chosen += crowd.near(room, share, random)
    chosen = [peer for peer in chosen if not _same(peer, asker)][: wanted - kept]
    more = min(max(kept, policy.enough - len(chosen)), wanted - len(chosen))
    found: list[Peer] = []
    for crowd, share in zip(crowds, _shares(more, elsewhere), strict=True):
        found += crowd.far(room, share, random)
    chosen += [peer for peer in found if not _same(peer, asker)]
    return tuple(peer.address for peer in chosen)


def _same(peer: Peer, asker: Peer) -> bool:
    """Whether this is the asker itself, perhaps over the other address family, or at its very address."""
    mine, other = asker.address, peer.address
    same_client = peer.terminal == asker.terminal and mine.peer_id == other.peer_id
    return same_client or mine.packed == other.packed


def _shares(wanted: int, available: list[int]) -> list[int]:
    """Split `wanted` over crowds by their sizes, at least one of the first: there the seeds are."""
    shares: list[int] = []
    total = sum(available)
    for size in available:
        share = min(size, max(1, wanted * size // total)) if size and wanted > 0 else 0
        shares.append(share)
        wanted -= share
        total -= size
    if wanted > 0:  # the last crowd was the smaller one: the first gives the rest
        shares[0] = min(available[0], shares[0] + wanted)
    return shares
