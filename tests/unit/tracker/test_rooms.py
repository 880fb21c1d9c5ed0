"""Tests that peers are in the administrator's rooms, and are moved when those change."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, OTHER_HASH, FakeKeys, FakeOwnPeer, peer_id, query
from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import Room, RoomMap, subnet_of
from voi.domain.terminals import Terminal
from voi.tracker import swarm
from voi.tracker.announce import AnnounceRequest
from voi.tracker.peers import SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.rooms import subnet_room
from voi.tracker.steering import RoomRole, ServerState
from voi.tracker.swarm import SwarmTable
from voi.tracker.tracker import Tracker


def mac(number: int) -> str:
    """A terminal's address, by its number."""
    return f"52:54:00:00:{number >> 8:02X}:{number & 255:02X}"


def row(number: int, ip: str, by_hand: int | None = None) -> Terminal:
    """A terminal as the database has it."""
    return Terminal(mac(number), ip, 1, None, 1.0, 1.0, f"{number:032x}", "", by_hand)


def room(number: int, *subnets: str) -> Room:
    """A room."""
    return Room(number, f"Room {number}", tuple(subnet_of(text) for text in subnets))


TURN = 0.001
"""Seconds that one turn of the reactor takes."""


class Turning(Clock):
    """Time that runs what is to be done at once in the next turn, as a reactor does."""

    def callLater(self, delay: float, *args: Any, **kwargs: Any) -> IDelayedCall:
        """Call in so many seconds, at the next turn if in none."""
        return super().callLater(delay or TURN, *args, **kwargs)


class Site:
    """A tracker that asks a directory, and terminals that announce."""

    def __init__(self, hosts: Sequence[str], rooms: Sequence[Room] = (), by_hand: dict[int, int] | None = None) -> None:
        self.hosts = hosts
        self.clock = Turning()
        self.directory = RoomDirectory()
        terminals = [row(number, host, (by_hand or {}).get(number)) for number, host in enumerate(hosts)]
        self.directory.fill(RoomMap(rooms), terminals)
        self.tracker = Tracker(
            keys=FakeKeys({terminal.tracker_key: terminal.mac for terminal in terminals}),
            own_peer=FakeOwnPeer(),
            clock=self.clock,
            random=Random(3),
            policy=Policy(jitter=0.0),
            rooms=self.directory,
        )
        self.directory.changed.connect(self.tracker.rooms_changed)
        self.tracker.admit(HASH)

    def announce(self, number: int, host: str | None = None, **changes: object) -> bytes:
        """A terminal's announce; the answer."""
        given = {"peer_id": peer_id(number), "left": 1, "numwant": 50, **changes}
        return self.tracker.announce(f"{number:032x}", query(**given), host or self.hosts[number], "10.9.0.1")

    def all_announce(self) -> dict[tuple[str, str], int]:
        """Everybody announces twice; who was told how often of whom the second time, by the first three bytes of
        their addresses.
        """
        for number in range(len(self.hosts)):
            self.announce(number)
        self.clock.advance(5)
        told: dict[tuple[str, str], int] = {}
        for number, host in enumerate(self.hosts):
            own = host.rpartition(".")[0]
            peers = self.announce(number).partition(b"5:peers")[2].partition(b":")[2][:-1]
            for at in range(0, len(peers), 6):
                pair = own, ".".join(str(byte) for byte in peers[at : at + 3])
                told[pair] = told.get(pair, 0) + 1
        return told

    def peer(self, number: int) -> SwarmPeer:
        """The only peer of a terminal."""
        [peer] = self.tracker._table._swarms[HASH].by_terminal[mac(number)]
        return peer

    def moved(self) -> None:
        """Let the reactor turn until all who have to move have moved."""
        while self.tracker._rearranger.busy:
            self.clock.advance(TURN)


TWO_NETWORKS = [f"127.0.{1 + number % 2}.{10 + number // 2}" for number in range(40)]


class MeetingTests(SynchronousTestCase):
    """Who is told of whom."""

    def test_a_room_of_two_networks(self) -> None:
        """A room 127.0.0.0/16 with 40 terminals in 127.0.1 and 127.0.2: each is told of all others."""
        told = Site(TWO_NETWORKS, [room(1, "127.0.0.0/16")]).all_announce()
        self.assertEqual(
            told,
            {
                ("127.0.1", "127.0.1"): 20 * 19,
                ("127.0.2", "127.0.2"): 20 * 19,
                ("127.0.1", "127.0.2"): 20 * 20,
                ("127.0.2", "127.0.1"): 20 * 20,
            },
        )

    def test_no_rooms(self) -> None:
        """Where no administrator made rooms, a network of 256 addresses is one: few are told of the other."""
        told = Site(TWO_NETWORKS).all_announce()
        self.assertEqual((told["127.0.1", "127.0.1"], told["127.0.2", "127.0.2"]), (20 * 19, 20 * 19))
        across = sum(count for (own, other), count in told.items() if own != other)
        self.assertLess(across, 20)

    def test_rooms_within_a_network(self) -> None:
        """Two rooms that share a network of 256 addresses are two."""
        hosts = [f"10.0.0.{last}" for last in (*range(1, 11), *range(129, 139))]
        site = Site(hosts, [room(1, "10.0.0.0/25"), room(2, "10.0.0.128/25")])
        site.all_announce()
        self.assertEqual([site.peer(number).room for number in range(20)], [1] * 10 + [2] * 10)

    def test_by_hand(self) -> None:
        """A terminal that was put into a room by hand is there, wherever it announces from."""
        site = Site(["10.0.1.1", "10.0.1.2"], [room(1, "10.0.1.0/24"), room(2)], by_hand={1: 2})
        site.all_announce()
        self.assertEqual([site.peer(0).room, site.peer(1).room], [1, 2])

    def test_address_of_the_login(self) -> None:
        """The console's room counts: by the address of the login, over whichever family a client announces."""
        site = Site(["10.0.1.1"], [room(1, "10.0.1.0/24")])
        site.announce(0, host="fd00::1")
        self.assertEqual(site.peer(0).room, 1)

    def test_address_of_the_announce(self) -> None:
        """Where the login's address says nothing, the connection's does; one in no room is in its network."""
        site = Site(["192.168.0.1", "192.168.0.2"], [room(1, "10.0.1.0/24")])
        site.announce(0, host="10.0.1.9")
        site.announce(1, host="192.168.0.2")
        self.assertEqual([site.peer(0).room, site.peer(1).room], [1, bytes([192, 168, 0])])

    def test_subnets(self) -> None:
        """A network is a /24 (IPv4) or a /64 (IPv6)."""
        self.assertEqual(subnet_room("10.0.0.1"), subnet_room("::ffff:10.0.0.254"))
        self.assertNotEqual(subnet_room("10.0.0.1"), subnet_room("10.0.1.1"))
        self.assertEqual(subnet_room("fd00::1"), subnet_room("fd00::ffff:1"))
        self.assertNotEqual(subnet_room("fd00::1"), subnet_room("fd00:0:0:1::1"))


class ChangeTests(SynchronousTestCase):
    """Peers are moved without a new announce."""

    def setUp(self) -> None:
        self.site = Site(TWO_NETWORKS[:6], [room(1, "127.0.1.0/24"), room(2, "127.0.2.0/24")])
        self.site.all_announce()
        self.table = self.site.tracker._table._swarms[HASH]

    def rooms(self) -> list[object]:
        """Where every peer is, once all have moved."""
        self.site.moved()
        return [self.site.peer(number).room for number in range(6)]

    def test_made_and_removed(self) -> None:
        """With a new room its terminals move there, and back when it is removed."""
        self.assertEqual(self.rooms(), [1, 2, 1, 2, 1, 2])
        self.site.directory.rooms_changed(RoomMap([room(3, "127.0.0.0/16")]))
        self.assertEqual(self.rooms(), [3] * 6)
        self.assertEqual(list(self.table.downloading.rooms), [3])
        self.site.directory.rooms_changed(RoomMap([]))
        self.assertEqual(self.rooms(), [bytes([127, 0, 1]), bytes([127, 0, 2])] * 3)

    def test_moved_by_hand_and_released(self) -> None:
        """A terminal that is put into a room is told of that room from then on, and of its own when it is released."""
        self.site.directory.moved([mac(0)], 2)
        self.assertEqual(self.rooms(), [2, 2, 1, 2, 1, 2])
        self.assertIn(bytes([127, 0, 2, 10]), self.site.announce(0))
        self.site.directory.moved([mac(0)], None)
        self.assertEqual(self.rooms(), [1, 2, 1, 2, 1, 2])

    def test_forgotten(self) -> None:
        """A forgotten terminal's peer is where its address says, for as long as it is there."""
        self.site.directory.moved([mac(0), mac(1)], 1)
        self.assertEqual(self.rooms(), [1, 1, 1, 2, 1, 2])
        self.site.directory.forgotten([mac(1)])
        self.assertEqual(self.rooms(), [1, 2, 1, 2, 1, 2])

    def test_logged_in_elsewhere(self) -> None:
        """A terminal that logs in from another room is moved there."""
        self.site.directory.logged_in(row(0, "127.0.2.200"))
        self.assertEqual(self.rooms(), [2, 2, 1, 2, 1, 2])

    def test_seeds(self) -> None:
        """A seed that moves serves its new room, and its old one has nobody with everything."""
        self.site.announce(0, left=0)
        self.site.directory.moved([mac(0)], 2)
        self.rooms()
        self.assertEqual(self.table.whole, {2: 1})

    def test_leaders(self) -> None:
        """A leader that leaves its room frees its place there, and a bridge drops its peers of other rooms."""
        leaders = self.table.leaders
        self.assertTrue(leaders.has_place(self.site.peer(0)))
        self.site.directory.moved([mac(number) for number in range(6)], 7)
        self.site.directory.rooms_changed(RoomMap([room(7)]))
        self.assertEqual(self.rooms(), [7] * 6)
        self.assertEqual((len(leaders), self.table.bridge_counts), (0, {}))
        self.assertEqual(
            [(self.site.peer(number).bridges, self.site.peer(number).bridged_by) for number in range(6)], [([], 0)] * 6
        )
        peer = self.site.peer(0)
        self.assertIs(self.table.role(peer, Policy()), RoomRole.LEADER)

    def test_in_parts(self) -> None:
        """A turn of the reactor moves no more than some; what changes meanwhile is moved after that."""
        self.patch(swarm, "REARRANGED_AT_ONCE", 2)
        self.site.directory.rooms_changed(RoomMap([room(3, "127.0.0.0/16")]))
        self.site.clock.advance(TURN)
        self.assertEqual([self.site.peer(number).room for number in range(6)], [3, 3, 1, 2, 1, 2])
        self.site.directory.moved([mac(0)], 3)
        self.site.directory.rooms_changed(RoomMap([room(4, "127.0.0.0/16")]))
        self.assertEqual(self.rooms(), [4] * 6)

    def test_every_swarm(self) -> None:
        """A terminal is moved in all of its swarms."""
        self.site.tracker.admit(OTHER_HASH)
        self.site.announce(0, info_hash=OTHER_HASH)
        self.site.directory.moved([mac(0)], 2)
        self.rooms()
        [peer] = self.site.tracker._table._swarms[OTHER_HASH].by_terminal[mac(0)]
        self.assertEqual(peer.room, 2)

    def test_stopped(self) -> None:
        """A tracker that was stopped moves no peer, and logs nothing."""
        self.site.directory.rooms_changed(RoomMap([]))
        self.site.tracker.stop()
        self.site.directory.moved([mac(0)], 2)
        self.site.clock.advance(TURN)
        self.assertEqual(self.site.peer(0).room, 1)


class ShelfTests(SynchronousTestCase):
    """A table whose rooms change under it."""

    @given(
        st.integers(0, 99),
        st.lists(
            st.one_of(
                st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 2)),  # announce: terminal, host, left
                st.tuples(st.integers(0, 5), st.integers(0, 3)),  # another room: terminal, room
            ),
            max_size=40,
        ),
    )
    def test_as_if_it_came_anew(self, seed: int, steps: list[tuple[int, ...]]) -> None:
        """However peers come and rooms change, pools, counts and places are those of the peers there are."""
        rooms: dict[str, int] = {}
        table = SwarmTable(Random(seed), Policy(), lambda terminal, host: rooms.get(terminal, host))
        table.admit(HASH)
        found = table._swarms[HASH]
        for now, step in enumerate(steps):
            terminal = mac(step[0])
            if len(step) == 3:
                request = AnnounceRequest(HASH, peer_id(step[0]), 6881, 0, 0, step[2])
                peer = table.take_in(float(now), terminal, f"10.0.{step[1]}.{step[0] + 1}", request)
                assert peer is not None
                table.select_packed(peer, 50, ServerState.ABSENT)
            else:
                rooms[terminal] = step[1]
                list(table.rearrange([terminal] if seed % 2 else None))
            peers = [peer for peers in found.by_terminal.values() for peer in peers]
            for peer in peers:
                pool = found.downloading if peer.downloads else found.giving
                self.assertIs(pool.rooms[peer.room].members[peer.place], peer)
                self.assertEqual(peer.room, rooms.get(peer.terminal, peer.host))
            self.assertEqual(found.size, len(peers))
            self.assertEqual(sum(found.whole.values()), sum(not peer.left for peer in peers))
            self.assertLessEqual(set(found.leaders._rooms), {peer.room for peer in peers if peer.downloads})
            self.assertEqual(sum(found.bridge_counts.values()), 2 * sum(len(peer.bridges) for peer in peers))
