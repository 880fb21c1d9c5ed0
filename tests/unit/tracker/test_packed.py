"""Tests that the packed way to an answer's addresses gives what the ordinary way gives."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, request
from voi.tracker.peers import SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.steering import ServerState
from voi.tracker.swarm import SwarmTable

HOSTS = ("10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.2.1", "10.0.2.2", "fd00::1", "fd00:0:0:1::1")


def filled(seed: int, said: list[tuple[int, int, int, int]]) -> tuple[SwarmTable, list[SwarmPeer]]:
    """A table after some announces (terminal, place in `HOSTS`, port, bytes left), and their peers."""
    table = SwarmTable(Random(seed), Policy())
    table.admit(HASH)
    peers = [
        table.take_in(float(number), f"t{terminal}", HOSTS[host], request(terminal, port=port, left=left))
        for number, (terminal, host, port, left) in enumerate(said)
    ]
    return table, [peer for peer in peers if peer is not None and peer in peer.swarm.by_terminal[peer.terminal]]


class PackedTests(SynchronousTestCase):
    """Two tables of one history and one luck, asked in different ways."""

    @given(
        st.integers(0, 99),
        st.lists(
            st.tuples(st.integers(0, 9), st.integers(0, 6), st.integers(1, 3), st.integers(0, 1)),
            min_size=1,
            max_size=30,
        ),
        st.lists(
            st.tuples(st.integers(0, 99), st.sampled_from([None, 0, 1, 3, 50]), st.sampled_from(ServerState)),
            max_size=20,
        ),
    )
    def test_same_addresses(
        self,
        seed: int,
        said: list[tuple[int, int, int, int]],
        asked: list[tuple[int, int | None, ServerState]],
    ) -> None:
        """Both families, rooms of both, several terminals at one address, seeds and leeches: the same bytes."""
        long, long_peers = filled(seed, said)
        short, short_peers = filled(seed, said)
        for number, numwant, server in asked:
            at = number % len(long_peers)
            self.assertEqual(
                short.select_packed(short_peers[at], numwant, server),
                long.select_peers(long_peers[at], numwant, server).packed(),
            )
