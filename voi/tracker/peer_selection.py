"""Whom an asker is introduced to: the mix that steering chose, drawn from the peers there are. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import NamedTuple

from voi.tracker.address import COMPACT_IPV4, PeerAddress
from voi.tracker.inter_room import meet
from voi.tracker.peer_pool import Draw, gather, gather_packed
from voi.tracker.peers import Peer, RemotePeers, SelectionPlan, Swarm
from voi.tracker.policy import Policy
from voi.tracker.steering import RoomRole, ServerState, Situation, steer

MOST_PLANS = 256
"""Plans kept for one swarm, for each thing that the server may have: a few for each room that announces between two
changes of the swarm."""

FAR_SHARED = 4
"""Askers of one room, one after the other, who are told of the same few of other rooms: a room that stands still asks
as one, and as many ways between rooms as there are answers is more than a swarm needs."""


class Selection(NamedTuple):
    """Whom an asker meets: samples of its room and of others, addresses that are its own, and the server's own peer
    or not. To be used before the swarm changes.
    """

    near: list[Draw[Peer]]
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
    asker: Peer, numwant: int | None, server: ServerState, role: RoomRole, policy: Policy, random: Random
) -> Selection:
    """Choose peers for one answer as steering says; never the asker itself, over either address family."""
    downloads = asker.left > 0 and not asker.paused
    plan = _planned(asker, downloads, numwant, server, role, policy)
    near_giving, near_downloading, _, _, own = plan.mix
    near: list[Draw[Peer]] = []
    if near_giving and plan.givers is not None:
        near.append(plan.givers.draw(near_giving, None if downloads else asker, random))
    if near_downloading and plan.downloaders is not None:
        near.append(plan.downloaders.draw(near_downloading, asker if downloads else None, random))
    return Selection(near, _far(plan, asker, role, random), asker.mine, own)


def select_packed(
    asker: Peer, numwant: int | None, server: ServerState, role: RoomRole, policy: Policy, random: Random
) -> tuple[bytes, bytes, bool]:
    """The same in compact form, with the same luck: IPv4, IPv6, and the server's own peer or not."""
    downloads = asker.left > 0 and not asker.paused
    plan = _planned(asker, downloads, numwant, server, role, policy)
    if not plan.plain or len(asker.mine) > 1 or asker.swarm.addresses[asker.packed] > 1:
        return select_peers(asker, numwant, server, role, policy, random).packed()
    near_giving, near_downloading, far_giving, far_downloading, own = plan.mix
    four = b""
    if near_giving and plan.givers is not None:
        four = plan.givers.arc(near_giving, None if downloads else asker, random)
    if near_downloading and plan.downloaders is not None:
        four += plan.downloaders.arc(near_downloading, asker if downloads else None, random)
    if not far_giving and not far_downloading:
        return four, b"", own
    far_four, six = _far(plan, asker, role, random).packed()
    return four + far_four, six, own


def _planned(
    asker: Peer,
    downloads: bool,
    numwant: int | None,
    server: ServerState,
    role: RoomRole,
    policy: Policy,
) -> SelectionPlan:
    """The plan for a situation, made where nobody stood in it since the swarm changed."""
    swarm, situation = asker.swarm, (asker.room, downloads, numwant, role)
    plans = swarm.plans[server]
    plan = plans.get(situation)
    if plan is None:
        plan = _plan(swarm, asker.room, downloads, numwant, server, role, policy)
        if len(plans) >= MOST_PLANS:
            plans.clear()
        plans[situation] = plan
    return plan


def _far(plan: SelectionPlan, asker: Peer, role: RoomRole, random: Random) -> RemotePeers:
    """Those of other rooms: for a bridge its own, for one who stands still those whose turn it is."""
    _, _, giving, downloading, own = plan.mix
    if not giving and not downloading:
        return plan.far
    if role is RoomRole.LEADER and own and asker.since == asker.last_seen:
        return RemotePeers(())  # a room that is just being switched on looks too small for bridges
    if role is not RoomRole.STUCK:
        return RemotePeers(meet(asker, giving, downloading, random))
    far = plan.far
    if not far.left:
        swarm = asker.swarm
        draws = swarm.giving.far(asker.room, giving, random) + swarm.downloading.far(asker.room, downloading, random)
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
    )
    plain = all(shelf is None or shelf.width == COMPACT_IPV4 for shelf in (givers, downloaders))
    return SelectionPlan(steer(situation, policy), givers, downloaders, RemotePeers(()), plain)
