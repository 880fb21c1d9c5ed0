"""The bounds that benches are measured against."""

from __future__ import annotations

import math

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.bounds import best_seconds, best_seconds_in_rooms

SIZE = 1000
ROOM = [10.0] * 8


class RoomTests(SynchronousTestCase):
    """Rooms behind uplinks."""

    def test_equal_links(self) -> None:
        """Uplinks and server as fast as one terminal's link: the time of one copy over such a link."""
        self.assertEqual(best_seconds_in_rooms(SIZE, 10, [ROOM] * 4, 10, 10), 100)

    def test_no_uplinks(self) -> None:
        """Uplinks without a limit leave the flat bound."""
        for server in (3.0, 10.0, 1000.0):
            flat = best_seconds(SIZE, server, ROOM * 4, [10])
            self.assertEqual(best_seconds_in_rooms(SIZE, server, [ROOM] * 4, 10, math.inf), flat)

    def test_slow_uplink(self) -> None:
        """One copy must come in."""
        self.assertEqual(best_seconds_in_rooms(SIZE, 10, [ROOM] * 4, 10, 2), 500)

    def test_other_rooms_give(self) -> None:
        """A server slower than the uplinks limits the first copy only: the rest of what comes in, other rooms send."""
        rooms = [[5.0, 5.0, 5.0, 5.0], [50.0] * 4]
        # Over the first uplink 30 a second come in, though the server sends 10: 4,000 bytes at 30 + 20 a second.
        self.assertEqual(best_seconds_in_rooms(SIZE, 10, rooms, 30, 30), 100)
        self.assertEqual(best_seconds_in_rooms(SIZE, 20, rooms, 30, 30), 80)

    def test_weak_rooms(self) -> None:
        """Rooms cannot give what their terminals do not send, however fast the uplinks are."""
        self.assertEqual(best_seconds_in_rooms(SIZE, 20, [[1.0]] * 4, 100, 100), 4000 / 24)
