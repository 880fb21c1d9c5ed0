"""Which peer of another room a bridge is told of: one with few others to serve, and the same as long as it is there.

Each new one would be one more connection over two uplinks, and the old one stays: a bridge that was told of another at
each announce would soon have brought everything in twice. Pure.
"""

from __future__ import annotations

from random import Random

from voi.tracker.peer_pool import gather
from voi.tracker.peers import RoomBridge, SwarmPeer, drop_bridges

_CANDIDATES = 8
"""Peers, of as many rooms as there are, among which one is chosen. Choosing the least loaded of a few at random comes
near the least loaded of all, and costs the same in a room as on a campus."""


def bridge_peers(peer: SwarmPeer, giving: int, downloading: int, random: Random) -> list[SwarmPeer]:
    """Whom of other rooms a peer is told of at its announce: so many that give and that download, if there are.

    One more at each announce: a room that is just being switched on looks smaller than it is.
    """
    gone = [bridge for bridge in peer.bridges if bridge.peer.place < 0 or bridge.peer.room != bridge.room]
    drop_bridges(peer, gone)
    if len(peer.bridges) < giving + downloading:
        _add_bridge(peer, random, gives=len(peer.bridges) < giving)
    return [bridge.peer for bridge in peer.bridges]


def _add_bridge(peer: SwarmPeer, random: Random, *, gives: bool) -> None:
    swarm = peer.swarm
    pool = swarm.giving if gives else swarm.downloading
    known = {bridge.peer.packed for bridge in peer.bridges}
    drawn = gather(pool.far(peer.room, _CANDIDATES, random))
    found = min((other for other in drawn if other.packed not in known), key=_load, default=None)
    if found is None:
        return
    peer.bridges.append(RoomBridge(found, found.room))
    found.bridged_by += 1
    for room in (peer.room, found.room):
        swarm.bridge_counts[room] = swarm.bridge_counts.get(room, 0) + 1


def _load(peer: SwarmPeer) -> tuple[int, int]:
    """How many ways lead to a peer's room already, and what it has to do besides exchanging with its room."""
    swarm = peer.swarm
    return swarm.bridge_counts.get(peer.room, 0), len(peer.bridges) + peer.bridged_by + swarm.leaders.has_place(peer)
