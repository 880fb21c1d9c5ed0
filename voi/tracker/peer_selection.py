"""Which peers an announce is answered with: the mix that steering chose, drawn from the peers there are. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import NamedTuple

from voi.tracker.address import COMPACT_IPV4, PeerAddress
from voi.tracker.inter_room import bridge_peers
from voi.tracker.peer_pool import Draw, gather, gather_packed
from voi.tracker.peers import RemotePeers, SelectionPlan, Swarm, SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.steering import RoomRole, ServerState, Situation, steer

MOST_PLANS = 256
"""Plans kept for one swarm, for each thing that the server may have: a few for each room that announces between two
changes of the swarm."""

FAR_SHARED = 4
"""Announces of one room, one after the other, that are told of the same few peers of other rooms: a room that makes no
progress announces as one, and as many ways between rooms as there are answers is more than a swarm needs."""


class Selection(NamedTuple):
    """Whom a peer is told of: samples of its room and of others, addresses that are its own, and the server's own peer
    or not. To be used before the swarm changes.
    """

    near: list[Draw[SwarmPeer]]
    far: RemotePeers
    mine: tuple[bytes, ...]
    own: bool

    def addresses(self) -> tuple[PeerAddress, ...]:
        """The peers, in order, with their peer ids."""
        return tuple(peer.address for peer in (*gather(self.near), *self.far.peers) if peer.packed not in self.mine)

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


def select_peers(
    peer: SwarmPeer, numwant: int | None, server: ServerState, role: RoomRole, policy: Policy, random: Random
) -> Selection:
    """Choose peers for one answer as steering says; never the peer that announces, over either address family."""
    downloads = peer.left > 0 and not peer.paused
    plan = _planned(peer, downloads, numwant, server, role, policy)
    near_giving, near_downloading, _, _, own = plan.mix
    near: list[Draw[SwarmPeer]] = []
    if near_giving and plan.givers is not None:
        near.append(plan.givers.draw(near_giving, None if downloads else peer, random))
    if near_downloading and plan.downloaders is not None:
        near.append(plan.downloaders.draw(near_downloading, peer if downloads else None, random))
    return Selection(near, _far(plan, peer, role, random), peer.mine, own)


def select_packed(
    peer: SwarmPeer, numwant: int | None, server: ServerState, role: RoomRole, policy: Policy, random: Random
) -> tuple[bytes, bytes, bool]:
    """The same in compact form, with the same luck: IPv4, IPv6, and the server's own peer or not."""
    downloads = peer.left > 0 and not peer.paused
    plan = _planned(peer, downloads, numwant, server, role, policy)
    if not plan.plain or len(peer.mine) > 1 or peer.swarm.addresses[peer.packed] > 1:
        return select_peers(peer, numwant, server, role, policy, random).packed()
    near_giving, near_downloading, far_giving, far_downloading, own = plan.mix
    four = b""
    if near_giving and plan.givers is not None:
        four = plan.givers.arc(near_giving, None if downloads else peer, random)
    if near_downloading and plan.downloaders is not None:
        four += plan.downloaders.arc(near_downloading, peer if downloads else None, random)
    if not far_giving and not far_downloading:
        return four, b"", own
    far_four, six = _far(plan, peer, role, random).packed()
    return four + far_four, six, own


def _planned(
    peer: SwarmPeer,
    downloads: bool,
    numwant: int | None,
    server: ServerState,
    role: RoomRole,
    policy: Policy,
) -> SelectionPlan:
    """The plan for a situation, made where nobody was in it since the swarm changed."""
    swarm, situation = peer.swarm, (peer.room, downloads, numwant, role)
    plans = swarm.plans[server]
    plan = plans.get(situation)
    if plan is None:
        plan = _plan(swarm, peer.room, downloads, numwant, server, role, policy)
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[situation] = plan
    return plan


def _far(plan: SelectionPlan, peer: SwarmPeer, role: RoomRole, random: Random) -> RemotePeers:
    """Those of other rooms: for a bridge its own, for one that makes no progress those whose turn it is."""
    _, _, giving, downloading, own = plan.mix
    if not giving and not downloading:
        return plan.far
    if role is RoomRole.LEADER and own and peer.since == peer.last_seen:
        return RemotePeers(())  # a room that is just being switched on looks too small for bridges
    if role is not RoomRole.STUCK:
        return RemotePeers(bridge_peers(peer, giving, downloading, random))
    far = plan.far
    if not far.left:
        swarm = peer.swarm
        draws = swarm.giving.far(peer.room, giving, random) + swarm.downloading.far(peer.room, downloading, random)
        far = plan.far = RemotePeers(gather(draws), FAR_SHARED)
    far.left -= 1
    return far


def _plan(
    swarm: Swarm,
    room: Hashable,
    downloads: bool,
    numwant: int | None,
    server: ServerState,
    role: RoomRole,
    policy: Policy,
) -> SelectionPlan:
    """Ask for the mix: the peer is in this room, among those of its kind."""
    givers, downloaders = swarm.giving.rooms.get(room), swarm.downloading.rooms.get(room)
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
    )
    plain = all(peers is None or peers.width == COMPACT_IPV4 for peers in (givers, downloaders))
    return SelectionPlan(steer(situation, policy), givers, downloaders, RemotePeers(()), plain)
