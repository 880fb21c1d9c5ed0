"""Tests of the pools from which peers are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.tracker.peer_pool import PeerPool, RoomPeers, gather, gather_packed


@dataclass(eq=False)
class Member:
    """Somebody at an address; even numbers are IPv4."""

    number: int
    place: int = 0
    packed: bytes = b""

    def __post_init__(self) -> None:
        self.packed = bytes([self.number]) * (18 if self.number % 2 else 6)


def members(count: int, step: int = 1) -> list[Member]:
    """Members 0, step, 2 * step, ..."""
    return [Member(number * step) for number in range(count)]


class ShelfTests(SynchronousTestCase):
    """A room as a permutation."""

    @given(st.lists(st.integers(0, 12)), st.integers(0, 20), st.integers(), st.booleans(), st.booleans())
    def test_a_set(self, toggled: list[int], wanted: int, seed: int, mixed: bool, inside: bool) -> None:
        """After any additions and removals it holds what a set would; a draw repeats nobody, leaves out whom it
        should, and its packed addresses are those of its members, in order.
        """
        random, peers, everyone = Random(seed), RoomPeers[Member](None), members(13, 1 if mixed else 2)
        model: set[Member] = set()
        for number in toggled:
            member = everyone[number]
            if member in model:
                peers.remove(member)
            else:
                peers.add(member, random)
            model ^= {member}
            self.assertEqual(set(peers.members), model)
        without = peers.members[seed % len(model)] if model and inside else None
        draw = peers.draw(wanted, without, random)
        found = gather([draw])
        self.assertEqual(len(found), min(wanted, len(model - {without})))
        self.assertEqual(len(set(found)), len(found))
        self.assertLessEqual(set(found), model - {without})
        four, six = gather_packed([draw])
        self.assertEqual(four, b"".join(member.packed for member in found if member.number % 2 == 0))
        self.assertEqual(six, b"".join(member.packed for member in found if member.number % 2))

    def test_removing_a_stranger(self) -> None:
        """Who is not in cannot be taken out."""
        peers = RoomPeers[Member](None)
        peers.add(Member(0), Random(1))
        self.assertRaises(KeyError, peers.remove, Member(0))

    def test_everyone_is_drawn(self) -> None:
        """Small samples reach everyone in the end."""
        random, peers = Random(1), RoomPeers[Member](None)
        for member in members(50):
            peers.add(member, random)
        seen = {member.number for _ in range(300) for member in gather([peers.draw(3, None, random)])}
        self.assertEqual(seen, set(range(50)))


class CrowdTests(SynchronousTestCase):
    """Members by room."""

    def setUp(self) -> None:
        """Three rooms of four: 0 to 3, 10 to 13, 20 to 23."""
        self.random = Random(3)
        self.pool = PeerPool[Member]()
        self.rooms = {room: [Member(room + number) for number in range(4)] for room in (0, 10, 20)}
        for room, inside in self.rooms.items():
            for member in inside:
                self.pool.add(room, member, self.random)

    def far(self, room: int, wanted: int) -> list[int]:
        """The rooms of whom a far draw finds, each only once."""
        found = gather(self.pool.far(room, wanted, self.random))
        self.assertEqual(len(set(found)), len(found))
        return sorted(member.number // 10 * 10 for member in found)

    def test_far(self) -> None:
        """Far ones are of all the other rooms, evenly."""
        self.assertEqual(self.far(0, 4), [10, 10, 20, 20])
        self.assertEqual(self.far(0, 99), [10] * 4 + [20] * 4)
        self.assertEqual(self.far(0, 0), [])

    def test_far_of_many_rooms(self) -> None:
        """Where there are more rooms than places, each comes from another room."""
        self.assertEqual(len(set(self.far(99, 2))), 2)

    def test_empty_rooms_go(self) -> None:
        """A room that everyone left is no longer known, so rooms do not pile up."""
        for member in self.rooms[0]:
            self.pool.remove(0, member)
        self.assertEqual((self.pool.count, set(self.pool.rooms)), (8, {10, 20}))
        self.assertEqual(self.far(99, 99), [10] * 4 + [20] * 4)
        self.assertRaises(KeyError, self.pool.remove, 0, self.rooms[0][0])
