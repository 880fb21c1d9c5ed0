"""Peers of one kind in one swarm, by room: a random sample costs its own length and nothing more."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Shuffled(Generic[T]):
    """A set held as a random permutation: any arc of it is a fair sample, and is one or two slices.

    Adding swaps with a random place, removing fills the hole with the last; both take constant time
    and keep the permutation random.
    """

    __slots__ = ("_items", "_places")

    def __init__(self) -> None:
        self._items: list[T] = []
        self._places: dict[T, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._places

    def add(self, item: T, random: Random) -> None:
        """Put in an item that is not in yet."""
        items = self._items
        items.append(item)
        last = len(items) - 1
        place = random.randrange(len(items))
        items[last], items[place] = items[place], item
        self._places[items[last]] = last
        self._places[item] = place

    def remove(self, item: T) -> None:
        """Take out an item that is in.

        :raises KeyError: it is not.
        """
        place = self._places.pop(item)
        last = self._items.pop()
        if place < len(self._items):
            self._items[place] = last
            self._places[last] = place

    def arc(self, length: int, random: Random) -> list[T]:
        """At most `length` different items, from a random place on."""
        items = self._items
        if not items or length <= 0:
            return []
        start = random.randrange(len(items))
        found = items[start : start + length]
        # The arc closes over the end, and never runs into its own beginning.
        found += items[: min(start, length - len(found))]
        return found


class Crowd(Generic[T]):
    """Items by room."""

    __slots__ = ("_members", "_rooms", "count")

    def __init__(self) -> None:
        self._members: dict[Hashable, Shuffled[T]] = {}
        self._rooms: Shuffled[Hashable] = Shuffled()
        self.count = 0

    def add(self, room: Hashable, item: T, random: Random) -> None:
        """Put an item that is not in yet into a room."""
        members = self._members.get(room)
        if members is None:
            members = self._members[room] = Shuffled()
            self._rooms.add(room, random)
        members.add(item, random)
        self.count += 1

    def remove(self, room: Hashable, item: T) -> None:
        """Take an item out of the room it was put into.

        :raises KeyError: it is not there.
        """
        members = self._members[room]
        members.remove(item)
        self.count -= 1
        if not members:
            del self._members[room]
            self._rooms.remove(room)

    def in_room(self, room: Hashable) -> int:
        """How many stand in this room."""
        members = self._members.get(room)
        return len(members) if members is not None else 0

    def near(self, room: Hashable, wanted: int, random: Random) -> list[T]:
        """At most `wanted` of this room."""
        members = self._members.get(room)
        return members.arc(wanted, random) if members is not None else []

    def far(self, room: Hashable, wanted: int, random: Random) -> list[T]:
        """At most `wanted` of other rooms, from as many rooms as there are: one bridge to each is worth most.

        A crowd of few and uneven rooms may give a few less than it could.
        """
        if wanted <= 0:
            return []
        rooms = [other for other in self._rooms.arc(wanted + 1, random) if other != room]
        found: list[T] = []
        for index, other in enumerate(rooms):
            # What is left to find, shared evenly by the rooms left to visit.
            share = -(-(wanted - len(found)) // (len(rooms) - index))
            found += self._members[other].arc(share, random)
        return found
