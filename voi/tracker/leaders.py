"""Who has a place in a room: the few who are to bring the first copy in, each for as long as it gets on. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice
from typing import Protocol

from voi.tracker.policy import Policy
from voi.tracker.steering import RoomRole, bridges_wanted, leaders_wanted


class DownloadingPeer(Protocol):
    """One peer that downloads, at its announce. Times in seconds of one clock."""

    room: Hashable
    terminal: str
    """Its MAC: a terminal is several peers if it announces over both address families, or restarted."""
    peer_id: bytes
    last_seen: float
    """Now: it announces."""
    moved: float
    """When it last told of another number of bytes left than before, or came."""


class Leaders:
    """The leaders and bridges of one swarm, by room. Nothing is kept of a room that :meth:`forget_room` was told of."""

    __slots__ = ("_looked", "_rooms")

    def __init__(self) -> None:
        # By room and terminal; the first of a room are its leaders, the others bridges. A terminal has one place,
        # whichever of its addresses or clients announces: none shall take all of them.
        self._rooms: dict[Hashable, dict[str, DownloadingPeer]] = {}
        # By room, when lost leaders were looked for, and until when there can be none: a big room has many places.
        self._looked: dict[Hashable, tuple[float, float]] = {}

    def __len__(self) -> int:
        """How many rooms something is kept of."""
        return len(self._rooms)

    def role(
        self, peer: DownloadingPeer, policy: Policy, *, served: bool, alone: bool, downloading: int = 0
    ) -> RoomRole:
        """What a peer is to its room, by which it may take a place.

        Times that lie ahead are of a clock that was set back: they count as long ago, or nobody would be given up.

        :param served: somebody in the room has everything.
        :param alone: nobody of the swarm is in another room.
        :param downloading: how many of the room download.
        """
        now, room, terminal = peer.last_seen, peer.room, peer.terminal
        stuck = not 0 <= now - peer.moved < policy.stuck
        if served:
            return RoomRole.STUCK if stuck else RoomRole.MEMBER
        leaders = self._rooms.get(room)
        if leaders is None:
            leaders = self._rooms[room] = {}
        self._give_up_lost(room, leaders, now, policy)
        if stuck:  # it is told of everybody without a place, which is for one who gets something
            leaders.pop(terminal, None)
            return RoomRole.STUCK
        mine = leaders.get(terminal)
        lead = leaders_wanted(policy, alone=alone)
        if mine is None and len(leaders) >= lead + (0 if alone else bridges_wanted(policy, downloading)):
            return RoomRole.MEMBER
        if mine is None or mine.peer_id != peer.peer_id:  # a client that restarted takes over
            leaders[terminal] = peer
            since, until = self._looked[room]
            self._looked[room] = since, min(until, peer.moved + policy.lost)
        for first in islice(leaders, lead):
            if first == terminal:
                return RoomRole.LEADER
        return RoomRole.MEMBER if alone else RoomRole.BRIDGE

    def _give_up_lost(self, room: Hashable, leaders: dict[str, DownloadingPeer], now: float, policy: Policy) -> None:
        """Free the places of the silent and of those that make no progress: looked for when the first of them may
        be.
        """
        since, until = self._looked.get(room, (now, now))
        if since <= now < until:
            return
        for leader in list(leaders.values()):
            if not 0 <= now - leader.moved < policy.lost:
                del leaders[leader.terminal]
        soonest = min((leader.moved for leader in leaders.values()), default=now)
        self._looked[room] = now, soonest + policy.lost

    def has_place(self, peer: DownloadingPeer) -> bool:
        """Whether it leads its room, or is a bridge of it."""
        return peer.terminal in self._rooms.get(peer.room, ())

    def forget(self, peer: DownloadingPeer) -> None:
        """Free the place of a peer that leaves its room or does not download any more, if it has one."""
        leaders = self._rooms.get(peer.room)
        if leaders is not None and leaders.get(peer.terminal) is peer:
            del leaders[peer.terminal]

    def forget_room(self, room: Hashable) -> None:
        """Keep nothing of a room where nobody downloads."""
        self._rooms.pop(room, None)
        self._looked.pop(room, None)
