"""One torrent's peers, and whom an asker is introduced to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from voi.tracker.address import COMPACT_IPV4, PeerAddress
from voi.tracker.announce import Counts, Standing
from voi.tracker.crowd import Crowd, Draw, Shelf, gather, gather_packed
from voi.tracker.leaders import Leaders
from voi.tracker.policy import Policy
from voi.tracker.steering import Mix, Role, Server, Situation

Words = tuple[str, bytes]
"""By what a peer is recognised without being parsed: where it comes from, and what it always says of itself."""


_MEMBER, _LEADER, _BRIDGE, _STUCK = Role  # an enumeration's members take a look-up each time

MOST_WORDS = 2
"""Words by which one peer is recognised: those it says over HTTP, and over UDP."""

FAR_SHARED = 4
"""Askers of one room, one after the other, who are told of the same few of other rooms: as many bridges between rooms
as there are answers is more than a swarm needs."""

MOST_PLANS = 256
"""Plans kept for one swarm, for each thing that the server may have: a few for each room that announces between two
changes of the swarm."""


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
    words: tuple[Words, ...] = ()
    """By what the table recognises it, the latest last."""
    place: int = 0
    """Where it stands on its shelf (`voi.tracker.crowd`)."""
    bucket: int = 0
    """Where it stands by its age (`voi.tracker.ages`)."""

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


@dataclass(eq=False, slots=True)
class Swarm:
    """One torrent's peers: by terminal to find them, in two crowds to choose from, and counted."""

    info_hash: bytes
    by_terminal: dict[str, list[Peer]] = field(default_factory=dict)
    downloading: Crowd[Peer] = field(default_factory=Crowd)
    giving: Crowd[Peer] = field(default_factory=Crowd)
    """Seeds, and the paused, who have something to give and take nothing (BEP 21)."""
    addresses: dict[bytes, int] = field(default_factory=dict)
    """How many peers are at each compact address: two terminals behind one address may say the same port."""
    seeds: int = 0
    completed: int = 0
    whole: dict[Hashable, int] = field(default_factory=dict)
    """By room, how many seeds stand there; rooms without one are not in it."""
    leaders: Leaders = field(default_factory=Leaders)
    """Of the rooms where somebody downloads."""
    plans: tuple[dict[tuple[Hashable, bool, int | None, Role], Plan], ...] = field(
        default_factory=lambda: tuple({} for _ in Server)
    )
    """What was steered, by what the server has, until a peer comes, goes or changes its kind: askers of one room
    stand in one situation."""
    standings: list[Standing | None] = field(default_factory=lambda: [None for _ in Server])
    """What every answer says, by what the server has, until a peer comes, goes or changes its kind."""

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
        self._changes()
        (self.downloading if peer.downloads else self.giving).add(peer.room, peer, random)
        if peer.left == 0:
            self.seeds += 1
            self.whole[peer.room] = self.whole.get(peer.room, 0) + 1
        self.addresses[peer.packed] = self.addresses.get(peer.packed, 0) + 1

    def leave(self, peer: Peer) -> None:
        """Undo :meth:`enter`; to be called before the peer changes."""
        self._changes()
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
        if room in self.downloading.shelves:
            self.leaders.forget(peer)
        else:
            self.leaders.forget_room(room)

    def role(self, peer: Peer, policy: Policy) -> Role:
        """What a peer that downloads is to its room at its announce, by which it may become a leader."""
        room, giving = peer.room, self.giving.shelves
        if room in self.whole:
            return self.leaders.role(peer, policy, served=True, alone=False)  # of no matter where somebody has it all
        alone = len(self.downloading.shelves) == 1 and len(giving) == (room in giving)
        return self.leaders.role(peer, policy, served=False, alone=alone)

    def standing(self, server: Server) -> Standing:
        """What every answer says now: the server's own peer is one of the swarm."""
        standing = self.standings[server]
        if standing is None:
            counts = self.counts
            seeds, leeches = counts.seeds + (server is Server.WHOLE), counts.leeches + (server is Server.PARTIAL)
            standing = self.standings[server] = Standing(seeds, leeches, counts.completed)
        return standing

    def complete(self, peer: Peer) -> None:
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
            self.standings[server] = None
            plans.clear()

    def know_own(self, terminal: str) -> None:
        """Note for each peer of a terminal which addresses are its own; to be called when any of them changed."""
        peers = self.by_terminal[terminal]
        for peer in peers:
            peer.mine = tuple(other.packed for other in peers if other is peer or other.peer_id == peer.peer_id)

    def find(self, terminal: str, packed: bytes, peer_id: bytes) -> Peer | None:
        """The peer that announces again: the same client in the same address family, or, after a restart,
        whoever of this terminal had the same address and port.
        """
        for peer in self.by_terminal.get(terminal, ()):
            same_client = peer.peer_id == peer_id and len(peer.packed) == len(packed)
            if same_client or peer.packed == packed:
                return peer
        return None


@dataclass(eq=False, slots=True)
class Far:
    """A sample of other rooms, which several askers of one room are told of in turn; gathered once for all."""

    draws: list[Draw[Peer]]
    left: int
    """How many more may be told of it."""
    gathered: tuple[bytes, bytes] | None = None

    def packed(self) -> tuple[bytes, bytes]:
        """Its compact addresses, IPv4 and IPv6."""
        if self.gathered is None:
            four, six = gather_packed(self.draws)
            self.gathered = bytes(four), bytes(six)
        return self.gathered


@dataclass(eq=False, slots=True)
class Plan:
    """A mix, the shelves of the asker's room to take the near ones from, and the far ones for the next few askers."""

    mix: Mix
    givers: Shelf[Peer] | None
    downloaders: Shelf[Peer] | None
    far: Far
    plain: bool
    """Whether all near ones have IPv4 addresses."""


class Introduction(NamedTuple):
    """Whom an asker meets: samples of its room and of others, addresses that are its own, and the server's own peer
    or not. To be used before the swarm changes.
    """

    near: list[Draw[Peer]]
    far: Far
    mine: tuple[bytes, ...]
    own: bool

    def addresses(self) -> tuple[PeerAddress, ...]:
        """The peers, in order, with their peer ids."""
        return tuple(peer.address for peer in gather([*self.near, *self.far.draws]) if peer.packed not in self.mine)

    def packed(self) -> tuple[bytes, bytes, bool]:
        """The same peers in compact form, IPv4 and IPv6, without an object for each; and the server's own or not."""
        four, six = gather_packed(self.near)
        far_four, far_six = self.far.packed()
        four += far_four
        six += far_six
        for mine in self.mine:
            found = four if len(mine) == COMPACT_IPV4 else six
            if mine in found:
                strip(found, mine)
        return bytes(four), bytes(six), self.own


def strip(addresses: bytearray, one: bytes) -> None:
    """Take an address out of compact ones, wherever it stands among them."""
    width, at = len(one), addresses.find(one)
    while at >= 0:
        if at % width:  # the end of one address and the beginning of the next
            at = addresses.find(one, at + 1)
        else:
            del addresses[at : at + width]
            at = addresses.find(one, at)


def introduce(
    asker: Peer, numwant: int | None, server: Server, role: Role, steer: Callable[[Situation], Mix], random: Random
) -> Introduction:
    """Choose peers for one answer as `steer` says; never the asker itself, over either address family."""
    downloads = asker.left > 0 and not asker.paused
    plan = _planned(asker, downloads, numwant, server, role, steer)
    near_giving, near_downloading, _, _, own = plan.mix
    near: list[Draw[Peer]] = []
    if near_giving and plan.givers is not None:
        near.append(plan.givers.draw(near_giving, None if downloads else asker, random))
    if near_downloading and plan.downloaders is not None:
        near.append(plan.downloaders.draw(near_downloading, asker if downloads else None, random))
    return Introduction(near, _far(plan, asker, random), asker.mine, own)


def introduce_packed(
    asker: Peer, numwant: int | None, server: Server, role: Role, steer: Callable[[Situation], Mix], random: Random
) -> tuple[bytes, bytes, bool]:
    """The same in compact form, with the same luck: IPv4, IPv6, and the server's own peer or not."""
    downloads = asker.left > 0 and not asker.paused
    plan = _planned(asker, downloads, numwant, server, role, steer)
    if not plan.plain or len(asker.mine) > 1 or asker.swarm.addresses[asker.packed] > 1:
        return introduce(asker, numwant, server, role, steer, random).packed()
    near_giving, near_downloading, far_giving, far_downloading, own = plan.mix
    four = b""
    if near_giving and plan.givers is not None:
        four = plan.givers.arc(near_giving, None if downloads else asker, random)
    if near_downloading and plan.downloaders is not None:
        four += plan.downloaders.arc(near_downloading, asker if downloads else None, random)
    if not far_giving and not far_downloading:
        return four, b"", own
    far_four, six = _far(plan, asker, random).packed()
    return four + far_four, six, own


def _planned(
    asker: Peer,
    downloads: bool,
    numwant: int | None,
    server: Server,
    role: Role,
    steer: Callable[[Situation], Mix],
) -> Plan:
    """The plan for a situation, made where nobody stood in it since the swarm changed."""
    swarm, situation = asker.swarm, (asker.room, downloads, numwant, role)
    plans = swarm.plans[server]
    plan = plans.get(situation)
    if plan is None:
        plan = _plan(swarm, asker.room, downloads, numwant, server, role, steer)
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[situation] = plan
    return plan


def _far(plan: Plan, asker: Peer, random: Random) -> Far:
    """The sample of other rooms whose turn it is."""
    far = plan.far
    if not far.left:
        swarm, (_, _, giving, downloading, _) = asker.swarm, plan.mix
        draws = swarm.giving.far(asker.room, giving, random) if giving else []
        if downloading:
            draws += swarm.downloading.far(asker.room, downloading, random)
        far = plan.far = Far(draws, FAR_SHARED)
    far.left -= 1
    return far


def _plan(
    swarm: Swarm,
    room: Hashable,
    downloads: bool,
    numwant: int | None,
    server: Server,
    role: Role,
    steer: Callable[[Situation], Mix],
) -> Plan:
    """Ask for the mix: the asker stands in this room, among those of its kind."""
    givers, downloaders = swarm.giving.shelves.get(room), swarm.downloading.shelves.get(room)
    near_giving = len(givers) if givers is not None else 0
    near_downloading = len(downloaders) if downloaders is not None else 0
    situation = Situation(
        downloads=downloads,
        numwant=numwant,
        near_giving=near_giving - (not downloads),
        near_downloading=near_downloading - downloads,
        far_giving=swarm.giving.count - near_giving,
        far_downloading=swarm.downloading.count - near_downloading,
        server=server,
        role=role,
        far_rooms=len(swarm.downloading.shelves.keys() | swarm.giving.shelves.keys()) - 1,
    )
    plain = all(shelf is None or shelf.width == COMPACT_IPV4 for shelf in (givers, downloaders))
    return Plan(steer(situation), givers, downloaders, Far([], 0), plain)
