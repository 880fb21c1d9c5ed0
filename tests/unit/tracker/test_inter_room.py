"""Tests of the peers of other rooms that a bridge is told of."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, request
from tests.unit.tracker.plain import announce
from voi.tracker.announce import AnnounceEvent
from voi.tracker.peers import SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.steering import ServerState
from voi.tracker.swarm import SwarmTable

POLICY = Policy(jitter=0.0, leaders=1, leaders_alone=1, bridges=2, bridging=0.0)


class MeetingTests(SynchronousTestCase):
    """Rooms of some terminals each; the first of a room leads, the next two are its bridges."""

    def setUp(self) -> None:
        self.table = SwarmTable(Random(1), POLICY)
        self.table.admit(HASH)

    def ask(
        self, room: int, number: int, now: float = 0.0, *, left: int = 100, event: AnnounceEvent = AnnounceEvent.NONE
    ) -> list[tuple[int, int]]:
        """A terminal announces; of other rooms it is told of these: room and number."""
        host = f"10.0.{room}.{number}"
        asked = request(room * 100 + number, left=left, event=event, numwant=200)
        told = [
            peer.host.split(".")
            for peer in announce(self.table, now, host, host, asked, server=ServerState.WHOLE).peers
        ]
        return [(int(where), int(who)) for _, _, where, who in told if int(where) != room]

    def fill(self, *rooms: int, each: int = 6) -> None:
        """Switch rooms on, a terminal of each in turn."""
        for number in range(1, each + 1):
            for room in rooms:
                self.ask(room, number)

    def test_the_same_each_time(self) -> None:
        """A bridge is told of the same one at each announce."""
        self.fill(1, 2, 3)
        first = self.ask(1, 2, 5.0)
        self.assertEqual(len(first), 1)
        for now in range(25, 600, 20):
            for number in (1, 3, 4):
                for room in (1, 2, 3):
                    self.ask(room, number, now, left=1000 - now)
            self.assertEqual(self.ask(1, 2, now, left=1000 - now), first)

    def test_another_when_it_is_gone(self) -> None:
        """When its peer stops or goes to another room, it is told of another."""
        for event, host in ((AnnounceEvent.STOPPED, None), (AnnounceEvent.NONE, "10.0.9.9")):
            self.setUp()
            self.fill(1, 2)
            ((room, number),) = self.ask(1, 2, 5.0)
            gone = f"10.0.{room}.{number}"
            announce(self.table, 6.0, gone, host or gone, request(room * 100 + number, event=event))
            after = self.ask(1, 2, 7.0)
            self.assertEqual(len(after), 1)
            self.assertNotEqual(after, [(room, number)])

    def test_the_least_loaded(self) -> None:
        """Each bridge is told of another peer, and of none that has a place, as long as there are others."""
        self.fill(2)
        self.fill(1)
        found = {self.ask(1, number, 5.0)[0] for number in (2, 3)}
        self.assertEqual(len(found), 2)
        self.assertLess(found, {(2, 4), (2, 5), (2, 6)})

    def test_rooms_in_turn(self) -> None:
        """Ways lead to every room."""
        self.fill(*range(1, 9))
        found = Counter(self.ask(room, number, 5.0)[0][0] for room in range(1, 9) for number in (2, 3))
        self.assertEqual(set(found), set(range(1, 9)))
        self.assertLessEqual(max(found.values()), 4)

    def test_parted_when_done(self) -> None:
        """A bridge that has everything leaves nothing behind, and others may be told of its peers again."""
        self.fill(1, 2)
        for number in range(1, 7):
            self.ask(1, number, left=0)
        swarm = self.table._swarms[HASH]
        for number in range(1, 7):
            self.ask(2, number, left=0)
        self.assertEqual(swarm.bridge_counts, {})

    @given(
        st.lists(
            st.tuples(
                st.integers(1, 4),
                st.integers(1, 5),
                st.sampled_from([0, 5, 6]),
                st.sampled_from(AnnounceEvent),
                st.booleans(),
            ),
            max_size=60,
        )
    )
    def test_the_books_are_right(self, announces: list[tuple[int, int, int, AnnounceEvent, bool]]) -> None:
        """Whatever happens, each way is counted once at both of its ends, and each peer's count is that of the bridges
        that were told of it.
        """
        self.setUp()
        for now, (room, number, left, event, moves) in enumerate(announces):
            host = f"10.0.{room + moves}.{number}"
            asked = request(room * 100 + number, left=left, event=event)
            announce(self.table, float(now), f"{room}/{number}", host, asked, server=ServerState.WHOLE)
        swarm = self.table._swarms[HASH]
        peers = [peer for several in swarm.by_terminal.values() for peer in several]
        ways, visits = Counter[object](), Counter[SwarmPeer]()
        for peer in peers:
            for bridge in peer.bridges:
                ways.update((peer.room, bridge.room))
                visits[bridge.peer] += 1
        self.assertEqual(swarm.bridge_counts, dict(ways))
        self.assertEqual([peer.bridged_by for peer in peers], [visits[peer] for peer in peers])
