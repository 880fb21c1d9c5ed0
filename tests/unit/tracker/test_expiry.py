"""Tests of who was silent longest."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.tracker.expiry import LOOKS, ExpiryQueue


@dataclass(eq=False)
class Speaker:
    """Somebody who spoke at a time."""

    last_seen: float
    bucket: int = 0


class AgesTests(SynchronousTestCase):
    """Buckets of time."""

    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.booleans()), max_size=60))
    def test_as_if_all_were_asked(self, steps: list[tuple[int, int, bool]]) -> None:
        """Whoever speaks, leaves or comes back, and whenever the silent are asked for: exactly they are found."""
        ages, everyone = ExpiryQueue[Speaker](10.0), [Speaker(0.0) for _ in range(6)]
        inside: set[Speaker] = set()
        now = 0.0
        for number, passed, leaves in steps:
            now += passed
            speaker = everyone[number]
            if speaker in inside and leaves:
                ages.remove(speaker)
                inside.remove(speaker)
            else:
                speaker.last_seen = now
                if speaker not in inside:
                    ages.add(speaker)
                    inside.add(speaker)
            self.assertEqual(len(ages), len(inside))
            silent = ages.silent(now - 30.0, 100)
            self.assertEqual(set(silent), {one for one in inside if one.last_seen <= now - 30.0})
            self.assertEqual(len(set(silent)), len(silent))

    def test_bounds(self) -> None:
        """One look finds only so many, and looks at only so many who have spoken since; the next goes on."""
        ages = ExpiryQueue[Speaker](10.0)
        speakers = [Speaker(0.0) for _ in range(2 * LOOKS)]
        for speaker in speakers:
            ages.add(speaker)
        self.assertEqual(ages.silent(100.0, 3), speakers[:3])
        for speaker in speakers[:-1]:
            speaker.last_seen = 200.0
        self.assertEqual(ages.silent(100.0, 1), [])
        self.assertEqual(ages.silent(100.0, 1), speakers[-1:])

    def test_a_stranger(self) -> None:
        """Who is not in cannot be taken out."""
        self.assertRaises(KeyError, ExpiryQueue[Speaker](10.0).remove, Speaker(0.0))
