"""Peers of one kind in one swarm, by room: a random sample costs its own length and nothing more."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from random import Random
from typing import Generic, Protocol, TypeVar

from voi.tracker.address import COMPACT_IPV4


class PooledPeer(Protocol):
    """A peer that a pool holds."""

    packed: bytes
    """Its compact address: 6 bytes (BEP 23) or 18 (BEP 7)."""
    place: int
    """Its index among the peers of its room, -1 while it is in no pool; set by :class:`RoomPeers`."""


M = TypeVar("M", bound=PooledPeer)


class RoomPeers(Generic[M]):
    """The members of one room, held as a random permutation: any arc of it is a fair sample.

    Their compact addresses lie side by side in the same order, so an arc of a hundred is a slice of bytes.
    Adding swaps with a random place, removing fills the hole with the last; both take constant time and keep the
    permutation random.
    """

    __slots__ = ("members", "packed", "place", "ring", "room", "width")

    def __init__(self, room: Hashable) -> None:
        self.room = room
        self.members: list[M] = []
        self.place = 0  # this room's index in its pool
        self.packed = bytearray()
        self.ring = b""  # the addresses twice, so that every arc is one slice; empty until asked for after a change
        self.width = 0  # bytes of each address; 0 when both families are here, and nothing is kept packed

    def __len__(self) -> int:
        return len(self.members)

    def add(self, member: M, random: Random) -> None:
        """Put in a member that is in no room."""
        members = self.members
        self.ring = b""
        width = len(member.packed)
        if not members:
            self.width = width
        elif self.width != width:
            self.width = 0
            self.packed.clear()
        members.append(member)
        if self.width:
            self.packed += member.packed
        place = int(random.random() * len(members))
        self._put(members[place], len(members) - 1)
        self._put(member, place)

    def remove(self, member: M) -> None:
        """Take out a member that is in.

        :raises KeyError: it is not.
        """
        members = self.members
        place = member.place
        if place >= len(members) or members[place] is not member:
            raise KeyError(member)
        self.ring = b""
        self._put(members[-1], place)
        members.pop()
        member.place = -1
        del self.packed[len(members) * self.width :]

    def _put(self, member: M, place: int) -> None:
        self.members[place] = member
        member.place = place
        width = self.width
        if width:
            self.packed[place * width : (place + 1) * width] = member.packed

    def draw(self, wanted: int, without: M | None, random: Random) -> Draw[M]:
        """At most `wanted` different members from a random place on, never `without`, which is one of them."""
        size = len(self.members)
        count = size if without is None else size - 1
        if wanted < count:
            count = wanted
        if count <= 0:
            return self, 0, 0, -1
        start = int(random.random() * size)
        if without is not None:
            hole = (without.place - start) % size
            if hole < count:
                return self, start, count + 1, hole
        return self, start, count, -1

    def arc(self, wanted: int, without: M | None, random: Random) -> bytes:
        """:meth:`draw` and :func:`gather_packed` in one, for a room of one family that has as many as are wanted."""
        ring = self.ring or self._close()
        size, width = len(self.members), self.width
        start = int(random.random() * size)
        at = start * width
        if without is not None:
            hole = (without.place - start) % size
            if hole < wanted:
                gap = at + hole * width
                return ring[at:gap] + ring[gap + width : at + (wanted + 1) * width]
        return ring[at : at + wanted * width]

    def _close(self) -> bytes:
        self.ring = bytes(self.packed) * 2
        return self.ring


Draw = tuple[RoomPeers[M], int, int, int]
"""A sample that was drawn, to be gathered before the room changes: an arc of a room's peers, by its start and length,
which may close over the end; and the place in it that is left out, -1 for none."""


def gather(draws: Iterable[Draw[M]]) -> list[M]:
    """The members of some samples, in order."""
    found: list[M] = []
    for peers, start, length, hole in draws:
        members = peers.members
        arc = members[start : start + length]
        arc += members[: length - len(arc)]
        if hole >= 0:
            del arc[hole]
        found += arc
    return found


def gather_packed(draws: Iterable[Draw[M]]) -> tuple[bytearray, bytearray]:
    """The compact addresses of the same members: IPv4, IPv6. Slices of bytes, without a look at anyone."""
    four, six = bytearray(), bytearray()
    for draw in draws:
        peers, start, length, hole = draw
        width = peers.width
        if not width:  # both families in one room
            for member in gather((draw,)):
                (four if len(member.packed) == COMPACT_IPV4 else six).extend(member.packed)
            continue
        found = four if width == COMPACT_IPV4 else six
        before = len(found)
        found += peers.packed[start * width : (start + length) * width]
        over = start + length - len(peers.members)
        if over > 0:
            found += peers.packed[: over * width]
        if hole >= 0:
            del found[before + hole * width : before + (hole + 1) * width]
    return four, six


class PeerPool(Generic[M]):
    """Members by room."""

    __slots__ = ("_shuffled", "count", "rooms")

    def __init__(self) -> None:
        self.rooms: dict[Hashable, RoomPeers[M]] = {}
        self._shuffled: list[RoomPeers[M]] = []  # the same as a random permutation
        self.count = 0

    def add(self, room: Hashable, member: M, random: Random) -> None:
        """Put a member that is not in yet into a room."""
        peers = self.rooms.get(room)
        if peers is None:
            peers = self.rooms[room] = RoomPeers(room)
            self._enter(peers, random)
        peers.add(member, random)
        self.count += 1

    def remove(self, room: Hashable, member: M) -> None:
        """Take a member out of the room it was put into.

        :raises KeyError: it is not there.
        """
        peers = self.rooms[room]
        peers.remove(member)
        self.count -= 1
        if not peers.members:
            del self.rooms[room]
            last = self._shuffled.pop()
            if last is not peers:
                self._shuffled[peers.place] = last
                last.place = peers.place

    def _enter(self, peers: RoomPeers[M], random: Random) -> None:
        rooms = self._shuffled
        place = int(random.random() * (len(rooms) + 1))
        rooms.append(peers)
        rooms[place], rooms[-1] = peers, rooms[place]
        rooms[-1].place, peers.place = len(rooms) - 1, place

    def far(self, room: Hashable, wanted: int, random: Random) -> list[Draw[M]]:
        """At most `wanted` of other rooms, from as many rooms as there are: one bridge to each is worth most.

        A pool of few and uneven rooms may give a few less than it could.
        """
        rooms = self._shuffled
        if wanted <= 0 or not rooms:
            return []
        start = int(random.random() * len(rooms))
        visited = rooms[start : start + wanted + 1]
        visited += rooms[: min(start, wanted + 1 - len(visited))]
        visited = [peers for peers in visited if peers.room != room][:wanted]
        found = []
        for left in range(len(visited), 0, -1):
            # What is left to find, shared evenly by the rooms left to visit.
            draw = visited[left - 1].draw(-(-wanted // left), None, random)
            wanted -= draw[2]
            found.append(draw)
        return found
