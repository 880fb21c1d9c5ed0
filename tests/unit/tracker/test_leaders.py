"""Tests of who leads a room, and of what the swarm table makes of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, request
from tests.unit.tracker.plain import Told, announce
from voi.tracker.announce import AnnounceEvent
from voi.tracker.leaders import Leaders
from voi.tracker.policy import Policy
from voi.tracker.steering import RoomRole, ServerState
from voi.tracker.swarm import SwarmTable

POLICY = Policy(jitter=0.0, leaders_alone=3, leaders=1, bridges=1, bridging=0.0, stuck=15.0, lost=45.0)
MEMBER, LEADER, BRIDGE, STUCK = RoomRole


@dataclass(eq=False)
class FakePeer:
    """A peer of one terminal, which has just come."""

    terminal: str
    room: Hashable = 1
    peer_id: bytes = b"one"
    last_seen: float = 0.0
    moved: float = 0.0


class LeadersTests(SynchronousTestCase):
    """Places and who has them."""

    def setUp(self) -> None:
        self.leaders = Leaders()
        self.one, self.two, self.three = (FakePeer(terminal) for terminal in "123")

    def role(
        self, peer: FakePeer, now: float = 0.0, *, moves: bool = False, served: bool = False, alone: bool = False
    ) -> RoomRole:
        """An announce at `now`, with another number of bytes left than before or not."""
        peer.last_seen = now
        if moves:
            peer.moved = now
        return self.leaders.role(peer, POLICY, served=served, alone=alone)

    def test_several_rooms(self) -> None:
        """The first of a room lead, the next are its bridges, the others are members; each stays what it is."""
        for _ in range(2):
            self.assertEqual([self.role(peer) for peer in (self.one, self.two, self.three)], [LEADER, BRIDGE, MEMBER])

    def test_alone(self) -> None:
        """A room that is all there is has more leaders, and no bridges."""
        peers = [self.one, self.two, self.three, FakePeer("4")]
        found = [self.role(peer, alone=True) for peer in peers]
        self.assertEqual(found, [LEADER, LEADER, LEADER, MEMBER])

    def test_no_more_alone(self) -> None:
        """When somebody of another room comes, some who led become bridges, and back when it is gone."""
        policy = Policy(leaders_alone=3, leaders=1, bridges=3)
        peers = [self.one, self.two, self.three, FakePeer("4")]
        found = [
            [self.leaders.role(peer, policy, served=False, alone=alone) for peer in peers]
            for alone in (True, False, True)
        ]
        self.assertEqual(found, [[LEADER] * 3 + [MEMBER], [LEADER] + [BRIDGE] * 3, [LEADER] * 3 + [MEMBER]])

    def test_each_room(self) -> None:
        """Each room has its own."""
        self.role(self.one)
        self.assertEqual(self.role(FakePeer("9", room=2)), LEADER)

    def test_served(self) -> None:
        """A seed in the room ends it: nobody leads, and a peer without progress is told of everybody."""
        self.role(self.one)
        self.assertEqual(self.role(self.one, served=True), MEMBER)
        self.assertEqual(self.role(self.two, 15.0, served=True), STUCK)

    def test_forgotten(self) -> None:
        """A leader's place goes to the bridge after it, whose place goes to the next who asks."""
        for peer in (self.one, self.two, self.three):
            self.role(peer)
        self.leaders.forget(self.one)
        self.assertEqual([self.role(self.three), self.role(self.two)], [BRIDGE, LEADER])

    def test_member_forgotten(self) -> None:
        """That a member is gone changes nothing."""
        for peer in (self.one, self.two, self.three):
            self.role(peer)
        self.leaders.forget(self.three)
        self.leaders.forget(FakePeer("9", room=9))
        self.assertEqual(self.role(self.three), MEMBER)

    def test_silent(self) -> None:
        """A leader that falls silent gives its place to the next who asks, after so long and no sooner."""
        for peer in (self.one, self.two):
            self.role(peer)
        self.assertEqual(self.role(self.three, 44.9, moves=True), MEMBER)
        self.assertEqual(self.role(self.three, 45.0, moves=True), LEADER)

    def test_silent_from_before(self) -> None:
        """Of who had stood still for a while when it took its place, that while counts."""
        self.role(self.one, 40.0, moves=True)
        self.two.moved = 36.0
        self.assertEqual(self.role(self.two, 50.0), BRIDGE)
        self.assertEqual(self.role(self.three, 80.9, moves=True), MEMBER)
        self.assertEqual(self.role(self.three, 81.0, moves=True), BRIDGE)

    def test_progress_keeps_the_place(self) -> None:
        """Who gets on, leads on."""
        for peer in (self.one, self.two):
            self.role(peer)
        for now in (20.0, 40.0, 60.0, 80.0):
            found = [self.role(peer, now, moves=True) for peer in (self.three, self.one, self.two)]
            self.assertEqual(found, [MEMBER, LEADER, BRIDGE])

    def test_stuck_leader(self) -> None:
        """A leader that gets nothing is told of everybody, and its place is free at once, for it does not come back
        to it while it makes no progress.
        """
        for peer in (self.one, self.two):
            self.role(peer)
        self.assertEqual(self.role(self.one, 14.9), LEADER)
        self.assertEqual(self.role(self.one, 15.0), STUCK)
        self.assertEqual(self.role(self.one, 20.0), STUCK)
        self.assertEqual(self.role(self.three, 20.0, moves=True), BRIDGE)
        self.assertEqual(self.role(self.one, 21.0, moves=True), MEMBER)

    def test_stuck_member(self) -> None:
        """A member that gets nothing is told of everybody, however few lead, and a member again when it gets on."""
        policy = Policy(leaders=1, bridges=0)
        for leaders, peer in ((POLICY, self.three), (policy, self.two)):
            self.leaders = Leaders()
            for leader in (self.one, self.two)[: leaders.leaders + leaders.bridges]:
                self.leaders.role(leader, leaders, served=False, alone=False)
            peer.last_seen, peer.moved = 15.0, 0.0
            self.assertEqual(self.leaders.role(peer, leaders, served=False, alone=False), STUCK)
            peer.moved = 15.0
            self.assertEqual(self.leaders.role(peer, leaders, served=False, alone=False), MEMBER)

    def test_lone(self) -> None:
        """A lone terminal of a room leads; if nothing comes, it is told of everybody, if it does, it leads again."""
        found = [self.role(self.one, now, moves=now == 60.0) for now in (0.0, 5.0, 25.0, 45.0, 60.0)]
        self.assertEqual(found, [LEADER, LEADER, STUCK, STUCK, LEADER])

    def test_one_place_for_a_terminal(self) -> None:
        """A terminal has one place, whichever of its addresses announces: both get the same role."""
        six = FakePeer("1")
        self.assertEqual([self.role(self.one), self.role(six), self.role(self.two)], [LEADER, LEADER, BRIDGE])
        self.leaders.forget(six)
        self.assertEqual(self.role(self.three), MEMBER)

    def test_many_clients_of_a_terminal(self) -> None:
        """A terminal that restarts takes its own place over, and no other; the old client's end does not free it."""
        again = FakePeer("1", peer_id=b"two")
        self.assertEqual([self.role(self.one), self.role(again), self.role(self.two)], [LEADER, LEADER, BRIDGE])
        self.leaders.forget(self.one)
        self.assertEqual([self.role(self.three), self.role(again)], [MEMBER, LEADER])

    def test_clock_set_back(self) -> None:
        """A clock that was set back frees places at once, and does not hide that one makes no progress."""
        for peer in (self.one, self.two):
            self.role(peer, 1000.0, moves=True)
        self.three.moved = 1000.0
        self.assertEqual(self.role(self.three, 10.0), STUCK)
        self.assertEqual(self.role(self.three, 11.0, moves=True), LEADER)

    def test_nothing_of_an_empty_room(self) -> None:
        """Nothing is kept of a room without downloaders."""
        self.role(self.one)
        self.leaders.forget_room(1)
        self.leaders.forget_room(1)
        self.assertEqual(len(self.leaders), 0)


class TableTests(SynchronousTestCase):
    """What the table's peers are told, by what they are to their room."""

    def setUp(self) -> None:
        self.table = SwarmTable(Random(1), replace(POLICY, leaders=2))
        self.table.admit(HASH)

    def ask(
        self,
        number: int,
        now: float = 0.0,
        *,
        room: int = 1,
        left: int = 100,
        event: AnnounceEvent = AnnounceEvent.NONE,
        client: int = 0,
        server: ServerState = ServerState.WHOLE,
    ) -> Told:
        """Terminal `number` of a room announces."""
        asked = request(client or number, left=left, event=event, numwant=200)
        return announce(self.table, now, f"{room}/{number}", f"10.0.{room}.{number}", asked, server=server)

    def own(self, number: int, now: float = 0.0, *, left: int = 100) -> bool:
        """Whether it is told of the server's own peer."""
        return self.ask(number, now, left=left).own

    def rooms(self, answer: Told) -> set[int]:
        return {int(peer.host.split(".")[2]) for peer in answer.peers}

    def test_who_hears_what(self) -> None:
        """Only leaders are told of the server, only bridges of other rooms; members of their room alone."""
        self.ask(1, room=2)
        for number in range(1, 7):
            self.ask(number)
        found = [(answer.own, self.rooms(answer)) for answer in map(self.ask, range(1, 5))]
        self.assertEqual(found, [(True, {1}), (True, {1}), (False, {1, 2}), (False, {1})])

    def test_room_by_itself(self) -> None:
        """Where one room is all there is, more of it lead; the paused of that room are nobody of elsewhere.

        Not at the first announce: the first of several rooms that are switched on looks alone.
        """
        self.ask(9, event=AnnounceEvent.PAUSED)
        self.assertEqual([self.own(number) for number in range(1, 6)], [True, True, False, False, False])
        self.assertEqual([self.own(number, 1.0) for number in range(1, 6)], [True, True, True, False, False])

    def test_not_by_itself(self) -> None:
        """A room is not alone if somebody of another gives, or downloads."""
        for event, left in ((AnnounceEvent.NONE, 0), (AnnounceEvent.NONE, 5), (AnnounceEvent.PAUSED, 5)):
            self.setUp()
            self.ask(1, room=2, event=event, left=left)
            self.assertEqual([self.own(number) for number in range(1, 4)], [True, True, False])

    def test_seed_in_the_room(self) -> None:
        """As soon as one of the room has everything, nobody there is told of the server, unless it makes no
        progress.
        """
        self.ask(1)
        self.ask(2, left=0)
        self.assertEqual((self.own(1), self.own(3), self.own(3, 15.0)), (False, False, True))

    def test_paused_in_the_room(self) -> None:
        """Who is paused has not everything: the room is still led."""
        self.ask(2, event=AnnounceEvent.PAUSED)
        self.assertTrue(self.own(1))

    def test_seeds_are_counted(self) -> None:
        """The room is served until its last seed is gone, and is led again then."""
        self.ask(2, left=0)
        self.ask(3, left=0)
        self.ask(2, left=0, event=AnnounceEvent.STOPPED)
        self.assertFalse(self.own(1))
        self.ask(3, left=7)
        self.assertTrue(self.own(1))

    def test_a_leader_leaves(self) -> None:
        """A leader that stops, pauses or moves to another room is followed by the next who asks."""
        for event, host in (
            (AnnounceEvent.STOPPED, "10.0.1.1"),
            (AnnounceEvent.PAUSED, "10.0.1.1"),
            (AnnounceEvent.NONE, "10.0.3.1"),
        ):
            self.setUp()
            self.ask(9, room=2)
            self.assertEqual([self.own(number) for number in (1, 2, 3)], [True, True, False])
            announce(self.table, 1.0, "1/1", host, request(1, event=event))
            self.assertTrue(self.own(3))

    def test_a_leader_completes(self) -> None:
        """A leader that has everything frees its place, for the time when it is gone."""
        self.ask(9, room=2)
        self.assertEqual([self.own(number) for number in (1, 2, 3)], [True, True, False])
        self.ask(1, left=0)
        self.ask(1, left=0, event=AnnounceEvent.STOPPED)
        self.assertTrue(self.own(3))

    def test_a_dead_leader_costs_seconds(self) -> None:
        """All leaders are switched off after their first announce: at the intervals that are answered, everybody else
        of the room is told of the server within half a minute, and somebody leads within a minute.
        """
        self.ask(9, room=2)
        self.ask(1), self.ask(2)
        now = {number: number / 10 for number in range(3, 9)}
        helped: dict[int, float] = {}
        while min(now.values()) < 60:
            number = min(now, key=lambda each: now[each])
            answer = self.ask(number, now[number])
            if answer.own:
                helped.setdefault(number, now[number])
            now[number] += answer.interval
        self.assertEqual(set(helped), set(now))
        self.assertLess(max(helped.values()), 30)
        self.assertEqual([self.own(number, 61.0, left=50) for number in now], [True, True, False, False, False, False])

    def test_stuck_hears_of_everybody(self) -> None:
        """A member without progress is told of the server, its room and others; when it gets on, of its room."""
        self.ask(1, room=2)
        for number in range(1, 5):
            self.ask(number)
        stuck = self.ask(4, 15.0)
        self.assertEqual((stuck.own, self.rooms(stuck)), (True, {1, 2}))
        moved = self.ask(4, 16.0, left=99)
        self.assertEqual((moved.own, self.rooms(moved)), (False, {1}))

    def test_no_server(self) -> None:
        """Where the server has nothing, bridges and peers without progress find other rooms all the same, and the
        first.
        """
        self.ask(1, room=2, left=0)
        answers = [self.ask(number, server=ServerState.ABSENT) for number in (1, 2, 3, 4)]
        self.assertEqual([self.rooms(answer) for answer in answers], [{2}, {1}, {1, 2}, {1}])
        self.assertEqual([answer.own for answer in answers], [False] * 4)
        self.assertEqual(self.rooms(self.ask(4, 15.0, server=ServerState.ABSENT)), {1, 2})

    def test_first_looks_small(self) -> None:
        """The first in a room, which is told of the server, is told of other rooms only if it stays alone."""
        self.ask(1, room=2)
        self.assertEqual([self.rooms(self.ask(1, now)) for now in (0.0, 5.0)], [set(), {2}])

    def test_the_server_still_downloads(self) -> None:
        """While the server's peer downloads itself, everybody is told of it: uploaders, and those that wait for it."""
        self.ask(1, room=2)
        found = [self.ask(number, server=ServerState.PARTIAL).own for number in range(1, 6)]
        found.append(self.ask(9, left=0, server=ServerState.PARTIAL).own)
        self.assertEqual(found, [True] * 6)

    def test_restarted(self) -> None:
        """A client that restarts with as much to do as before has not stood still meanwhile."""
        self.ask(1, room=2)
        for number in (1, 2, 3):
            self.ask(number)
        again = self.ask(3, 100.0, client=33)
        self.assertEqual((again.own, again.interval), (True, 5))  # the others were silent for too long
        self.assertNotIn(2, self.rooms(self.ask(2, 100.0, client=22)))

    def test_resumed(self) -> None:
        """Nor has one that was paused: it wanted nothing."""
        for number in (1, 2, 3, 4):
            self.ask(number)
        self.ask(4, 1.0, event=AnnounceEvent.PAUSED)
        for number in (1, 2, 3):
            self.ask(number, 30.0, left=99)
        self.assertFalse(self.own(4, 31.0))

    def test_two_families_in_a_defined_room(self) -> None:
        """BEP 7: a terminal's two addresses in one room are one leader, and both of its answers name the server."""
        table = SwarmTable(Random(1), POLICY, room_of=lambda _terminal, host: "9" in host)
        table.admit(HASH)
        announce(table, 0, "9", "10.0.0.9", request(9))
        found = [
            announce(table, 0, str(number), host, request(number), server=ServerState.WHOLE).own
            for number in (1, 2)
            for host in (f"10.0.0.{number}", f"fd00::{number}")
        ]
        self.assertEqual(found, [True, True, False, False])


_STEP = st.tuples(
    st.integers(1, 5),  # terminal
    st.integers(1, 3),  # room
    st.sampled_from([0, 5, 6]),  # left
    st.sampled_from([AnnounceEvent.NONE, AnnounceEvent.NONE, AnnounceEvent.STOPPED, AnnounceEvent.PAUSED]),
    st.integers(1, 2),  # client
    st.sampled_from([0.0, 5.0, 20.0, 400.0, -1000.0]),  # time that passes before
)


class BoundTests(SynchronousTestCase):
    """Whatever happens."""

    @given(st.lists(_STEP, max_size=60))
    def test_kept_of_whom_there_is(self, steps: list[tuple[int, int, int, AnnounceEvent, int, float]]) -> None:
        """Places are only had by peers that download in that room, at most so many, and nothing is kept of others."""
        table, now = SwarmTable(Random(3), POLICY), 0.0
        table.admit(HASH)
        swarm = table._swarms[HASH]
        for number, room, left, event, client, passed in steps:
            now += passed
            asked = request(client, left=left, event=event, port=6880 + client)
            announce(table, now, str(number), f"10.0.{room}.{number}", asked)
            table.expire(now)
            seeds = {peer.host.rsplit(".", 1)[0] for peer in table.peers(HASH) if not peer.left}
            self.assertEqual(len(swarm.whole), len(seeds))
            self.assertEqual(sum(swarm.whole.values()), table.counts(HASH).seeds)
            rooms = swarm.leaders._rooms
            self.assertLessEqual(set(rooms), set(swarm.downloading.rooms))
            for where, leaders in rooms.items():
                self.assertLessEqual(len(leaders), POLICY.leaders_alone)
                for terminal, leader in leaders.items():
                    self.assertIn(leader, swarm.by_terminal[terminal])
                    self.assertIn(leader, swarm.downloading.rooms[where].members)
        table.expire(1e9)
        self.assertEqual((len(swarm.leaders), swarm.whole), (0, {}))
