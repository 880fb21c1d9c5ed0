"""Which terminal of another room a bridge meets: one with few others to serve, and the same as long as it is there.

Each new one would be one more connection over two uplinks, and the old one stays: a bridge that was told of another at
each announce would soon have brought everything in twice. Pure.
"""

from __future__ import annotations

from random import Random

from voi.tracker.peer_pool import gather
from voi.tracker.peers import Peer, RoomBridge, part

_CANDIDATES = 8
"""Terminals of as many rooms as there are among whom one is chosen. Choosing the least loaded of a few at random comes
near the least loaded of all, and costs the same in a room as on a campus."""


def meet(asker: Peer, giving: int, downloading: int, random: Random) -> list[Peer]:
    """Whom an asker meets of other rooms at its announce: so many who give and who download, if there are.

    One more at each announce: a room that is just being switched on looks smaller than it is.
    """
    gone = [meeting for meeting in asker.met if meeting.peer.place < 0 or meeting.peer.room != meeting.room]
    part(asker, gone)
    if len(asker.met) < giving + downloading:
        _meet_one(asker, random, gives=len(asker.met) < giving)
    return [meeting.peer for meeting in asker.met]


def _meet_one(asker: Peer, random: Random, *, gives: bool) -> None:
    swarm = asker.swarm
    crowd = swarm.giving if gives else swarm.downloading
    known = {meeting.peer.packed for meeting in asker.met}
    drawn = gather(crowd.far(asker.room, _CANDIDATES, random))
    found = min((peer for peer in drawn if peer.packed not in known), key=_load, default=None)
    if found is None:
        return
    asker.met.append(RoomBridge(found, found.room))
    found.visits += 1
    for room in (asker.room, found.room):
        swarm.ways[room] = swarm.ways.get(room, 0) + 1


def _load(peer: Peer) -> tuple[int, int]:
    """How many ways lead to somebody's room already, and what it has to do besides exchanging with its room."""
    swarm = peer.swarm
    return swarm.ways.get(peer.room, 0), len(peer.met) + peer.visits + swarm.leaders.has_place(peer)
