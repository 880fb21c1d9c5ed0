"""Tests of the shuffled sets from which peers are drawn."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.tracker.crowd import Crowd, Shuffled


class ShuffledTests(SynchronousTestCase):
    """The set as a permutation."""

    @given(st.lists(st.integers(0, 12)), st.integers(0, 20), st.integers())
    def test_a_set(self, toggled: list[int], length: int, seed: int) -> None:
        """After any additions and removals it holds what a set would, and an arc repeats nothing."""
        random, shuffled, model = Random(seed), Shuffled[int](), set[int]()
        for item in toggled:
            if item in model:
                shuffled.remove(item)
            else:
                shuffled.add(item, random)
            model ^= {item}
            self.assertEqual(item in shuffled, item in model)
        arc = shuffled.arc(length, random)
        self.assertEqual(len(arc), min(length, len(model)))
        self.assertLessEqual(set(arc), model)
        self.assertEqual(len(set(arc)), len(arc))
        self.assertEqual(set(shuffled.arc(99, random)), model)

    def test_removing_a_stranger(self) -> None:
        """What is not in cannot be taken out."""
        self.assertRaises(KeyError, Shuffled[int]().remove, 1)

    def test_every_item_is_drawn(self) -> None:
        """Small samples reach every item in the end."""
        random, shuffled = Random(1), Shuffled[int]()
        for item in range(50):
            shuffled.add(item, random)
        seen = {item for _ in range(300) for item in shuffled.arc(3, random)}
        self.assertEqual(seen, set(range(50)))


class CrowdTests(SynchronousTestCase):
    """Items by room."""

    def setUp(self) -> None:
        """Three rooms of four."""
        self.random = Random(3)
        self.crowd = Crowd[tuple[str, int]]()
        for room in "abc":
            for number in range(4):
                self.crowd.add(room, (room, number), self.random)

    def test_near(self) -> None:
        """Near ones are of the room, as many as there are."""
        self.assertEqual({room for room, _ in self.crowd.near("a", 9, self.random)}, {"a"})
        self.assertEqual(len(self.crowd.near("a", 9, self.random)), 4)
        self.assertEqual(self.crowd.near("z", 9, self.random), [])

    def test_far(self) -> None:
        """Far ones are of all the other rooms, evenly."""
        found = self.crowd.far("a", 4, self.random)
        self.assertEqual(sorted(room for room, _ in found), ["b", "b", "c", "c"])
        self.assertEqual(len(set(found)), 4)

    def test_far_of_many_rooms(self) -> None:
        """Where there are more rooms than places, each comes from another room."""
        found = self.crowd.far("z", 2, self.random)
        self.assertEqual(len({room for room, _ in found}), 2)

    def test_empty_rooms_go(self) -> None:
        """A room that everyone left is no longer known, so rooms do not pile up."""
        for number in range(4):
            self.crowd.remove("a", ("a", number))
        self.assertEqual((self.crowd.count, self.crowd.in_room("a")), (8, 0))
        self.assertEqual(len(self.crowd._rooms), 2)
        self.assertRaises(KeyError, self.crowd.remove, "a", ("a", 0))
