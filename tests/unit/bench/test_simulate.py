"""The simulator keeps the rules of what it simulates."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
from twisted.trial.unittest import SynchronousTestCase

from tests.bench.simulate.authority import SERVER, Authority
from tests.bench.simulate.links import Link
from tests.bench.simulate.peers import Channel
from tests.bench.simulate.picker import FIRST, NEVER, ONE_PEER, Picker
from tests.bench.simulate.result import simulate
from tests.bench.simulate.scenario import Scenario, bound
from tests.bench.simulate.swarm import Swarm
from voi.tracker.policy import Policy

SMALL = Scenario(terminals=6, rate=1e6, server=1e6, pieces=60, spread=0.1, policy=Policy(jitter=0.0))


class LinkTests(SynchronousTestCase):
    """One link."""

    def test_one_after_the_other(self) -> None:
        """Two transfers that come at once are through after the time of both."""
        link = Link(100.0)
        self.assertEqual([link.through(0.0, 50), link.through(0.0, 50)], [0.5, 1.0])
        self.assertEqual(link.carried, 100)

    def test_not_as_a_whole(self) -> None:
        """A transfer that comes as slowly as the link is fast waits for its last byte only."""
        self.assertEqual(Link(100.0, free=1.0).through(2.0, 50), 2.0)

    def test_idle(self) -> None:
        """A link that had nothing to do does not gain time by it, but for a transfer that was coming meanwhile."""
        link = Link(100.0)
        link.through(10.0, 50)
        self.assertEqual(link.through(10.0, 50), 10.5)


class PickerTests(SynchronousTestCase):
    """What is asked for next."""

    def setUp(self) -> None:
        self.order = np.full(8, FIRST, dtype=np.int32)
        self.picker = Picker(self.order, np.empty(8, dtype=np.int32), 2, Random(1))
        self.all = np.zeros(8, dtype=np.int32)
        self.picker.whole = 4  # past the pieces that are picked at random

    def test_rarest_first(self) -> None:
        """The piece that the fewest peers have."""
        self.order += ONE_PEER
        self.order[5] -= ONE_PEER
        self.assertEqual(self.picker.pick(self.all, 9), 10)

    def test_begun_first(self) -> None:
        """The second block of a piece that is begun, before one of another piece as rare."""
        first = self.picker.pick(self.all, 9)
        assert first is not None
        self.assertEqual(self.picker.pick(self.all, 9), first ^ 1)

    def test_only_what_the_other_has(self) -> None:
        """Nothing that the peer lacks is asked for."""
        lacks = np.full(8, NEVER, dtype=np.int32)
        self.assertIsNone(self.picker.pick(lacks, 9))
        lacks[3] = 0
        self.assertEqual({self.picker.pick(lacks, 9), self.picker.pick(lacks, 9)}, {6, 7})
        self.assertIsNone(self.picker.pick(lacks, 9))

    def test_each_block_once(self) -> None:
        """Every block is asked for once; then nothing is left."""
        asked = [self.picker.pick(self.all, 9) for _ in range(17)]
        self.assertEqual(sorted(block for block in asked if block is not None), list(range(16)))
        self.assertIsNone(asked[-1])

    def test_given_back(self) -> None:
        """A block that did not come is asked for again."""
        for _ in range(16):
            self.picker.pick(self.all, 9)
        self.picker.give_back(7)
        self.assertEqual(self.picker.pick(self.all, 9), 7)

    def test_whole(self) -> None:
        """A piece is whole with its last block."""
        blocks = [self.picker.pick(self.all, 9), self.picker.pick(self.all, 9)]
        taken = [(block // 2, self.picker.take(block)) for block in blocks if block is not None]
        self.assertEqual([whole for _, whole in taken], [None, taken[0][0]])


class AuthorityTests(SynchronousTestCase):
    """The project's tracker, asked in simulated time."""

    def test_names(self) -> None:
        """The answer names the other terminals and the server by their numbers."""
        policy = Policy(jitter=0.0)
        authority = Authority(policy, 1)
        for room in (0, 0, 1):
            authority.add(room)
        self.assertEqual(authority.announce(0.0, 0, left=1, event="started"), (policy.first_interval, [SERVER]))
        authority.announce(0.5, 1, left=1, event="started")
        authority.announce(1.0, 2, left=1, event="started")
        _, named = authority.announce(1.5, 2, left=1, event="")
        self.assertIn(SERVER, named)
        self.assertIn(sorted(named)[1:], ([0], [1]), "a room of one is told of one of the other")
        self.assertEqual(authority.by_second, {0: 2, 1: 2})

    def test_forgets(self) -> None:
        """Its clock goes on: who fell silent for a lease is named no more."""
        policy = Policy(jitter=0.0)
        authority = Authority(policy, 1)
        authority.add(0)
        authority.add(0)
        authority.announce(0.0, 0, left=1, event="started")
        _, named = authority.announce(policy.lease + policy.sweep + 1, 1, left=1, event="started")
        self.assertEqual(named, [SERVER])

    def test_room_is_full(self) -> None:
        """A room is a subnet of limited size."""
        authority = Authority(Policy(), 1)
        for _ in range(250):
            authority.add(3)
        self.assertRaises(ValueError, authority.add, 3)


class BoundTests(SynchronousTestCase):
    """What no swarm can beat."""

    def test_flat(self) -> None:
        """The greatest of Kumar and Ross's three."""
        scenario = Scenario(terminals=9, rate=1e6, server=1e6, pieces=1, blocks=1, block=1_000_000)
        self.assertEqual(bound(scenario), 1.0)
        self.assertEqual(bound(replace(scenario, server=5e5)), 2.0)
        self.assertEqual(bound(replace(scenario, server=9e6, rate=5e5)), 2.0)

    def test_uplink(self) -> None:
        """One copy must come into each room."""
        scenario = Scenario(terminals=9, rooms=3, rate=1e6, server=1e6, pieces=1, blocks=1, block=1_000_000)
        self.assertEqual(bound(replace(scenario, uplink=2.5e5)), 4.0)


class SwarmTests(SynchronousTestCase):
    """Whole runs."""

    def test_single_transfer(self) -> None:
        """One terminal alone takes F/u, but for its start and one block's reaction time for each order."""
        result = simulate(replace(SMALL, terminals=1))
        seconds = result.last * result.bound - SMALL.size / SMALL.rate
        self.assertGreaterEqual(seconds, SMALL.connecting)
        self.assertLess(seconds, SMALL.connecting + SMALL.spread + 0.05)
        self.assertEqual(result.server, 1.0)

    def test_bytes_are_conserved(self) -> None:
        """What all sent is what all received: everything once for each terminal, and what was in vain or under way."""
        swarm = Swarm(SMALL)
        swarm.run()
        sent = sum(peer.up.carried for peer in [swarm.server, *swarm.terminals])
        least = sum(peer.wasted for peer in swarm.terminals) + SMALL.size * SMALL.terminals
        self.assertGreaterEqual(sent, least)
        while swarm.clock.step() and swarm.clock.now < 100:  # let what is under way arrive
            pass
        self.assertEqual(sent, sum(peer.wasted for peer in swarm.terminals) + SMALL.size * SMALL.terminals)
        self.assertEqual(sent, sum(peer.down.carried for peer in swarm.terminals))

    def test_nobody_sends_what_it_lacks(self) -> None:
        """A block leaves a peer only when its piece is whole there."""
        swarm = Swarm(SMALL)
        send = swarm._exchange._sent
        pieces: list[bool] = []

        def sent(channel: Channel, block: int) -> None:
            pieces.append(bool(channel.source.has[block // SMALL.blocks]))
            send(channel, block)

        swarm._exchange._sent = sent  # type: ignore[method-assign]  # looked over the shoulder
        swarm.run()
        self.assertTrue(pieces)
        self.assertTrue(all(pieces))

    def test_bound_is_never_beaten(self) -> None:
        """Whatever the scenario."""
        for scenario in (
            SMALL,
            replace(SMALL, server=1e7),
            replace(SMALL, server=3e5),
            replace(SMALL, rooms=3, uplink=1e6),
            replace(SMALL, rooms=2, uplink=3e5),
            replace(SMALL, rooms=2, uplink=5e6, server=5e6),
            replace(SMALL, terminals=12, dead=0.25),
        ):
            self.assertGreaterEqual(simulate(scenario).curve[0], 1 - 1e-9 if scenario.rooms == 1 else 0)
            self.assertGreaterEqual(simulate(scenario).last, 1.0)

    def test_same_seed_same_run(self) -> None:
        """A run can be repeated, and another seed is another run."""
        first, second = simulate(SMALL), simulate(SMALL)
        self.assertEqual(replace(first, wall=0), replace(second, wall=0))
        self.assertNotEqual(first.curve, simulate(replace(SMALL, seed=2)).curve)

    def test_uplinks_carry(self) -> None:
        """Each room takes in a copy at least, and what the server sent came in somewhere."""
        result = simulate(replace(SMALL, rooms=3, uplink=1e6))
        self.assertGreaterEqual(result.uplink, 1.0)
        self.assertGreaterEqual(result.uplink_most, result.uplink)
        self.assertGreaterEqual(result.uplink * 3, result.server)

    def test_server_slots(self) -> None:
        """With fewer slots than terminals everybody is served in the end."""
        self.assertLess(simulate(replace(SMALL, slots=2)).last, 3)

    def test_dead_slow_late(self) -> None:
        """What goes wrong is seen, and the others have everything all the same."""
        self.assertGreater(simulate(replace(SMALL, slow=1)).others, 5)
        self.assertGreater(simulate(replace(SMALL, late=0.5, late_at=2.0)).others, 0)
        self.assertEqual(len(simulate(replace(SMALL, dead=0.5)).curve), 3)

    def test_slow_leaders(self) -> None:
        """Who leads is slow: the first of each room, before everybody else."""
        swarm = Swarm(replace(SMALL, rooms=2, slow_leaders=1))
        slow = [peer for peer in swarm.terminals if peer.slow]
        self.assertEqual([(peer.room, peer.starts) for peer in slow], [(0, 0.0), (1, 0.0)])
        self.assertEqual({peer.up.rate for peer in slow}, {SMALL.rate / 10})

    def test_more_terminals_than_connections(self) -> None:
        """Terminals that have peers enough refuse others; those find a place elsewhere."""
        self.assertLess(simulate(replace(SMALL, terminals=30, connections=4)).last, 4)
