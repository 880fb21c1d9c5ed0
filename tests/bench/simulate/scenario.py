"""What is simulated: terminals, rooms, links, the image, what goes wrong; and the time that no swarm can beat."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tests.bench.bounds import best_seconds_in_rooms
from voi.tracker.policy import Policy

BLOCK = 16 * 1024
"""Bytes of one request (BEP 3)."""


@dataclass(frozen=True)
class Scenario:
    """One run. Rates are bytes a second in each direction, sizes bytes, times seconds."""

    terminals: int = 32
    rooms: int = 1
    """Terminals stand in rooms of equal size (the last ones may have one fewer)."""
    rate: float = 2e6
    """Of each terminal's link."""
    server: float = 2e6
    """Of the server's link; the server stands in no room."""
    uplink: float = math.inf
    """Of what joins a room to the rest."""

    pieces: int = 1831
    blocks: int = 4
    """Transfers a piece is fetched in."""
    block: int = BLOCK
    """Bytes of one transfer: a request of BitTorrent, or a coarser chunk where a real image would take too long."""

    queue: int = 4
    """Transfers that a terminal keeps on order at each peer."""
    connections: int = 50
    """Of a terminal, at most; dead ones count until they time out."""
    slots: int = 32
    """Terminals that the server's peer serves at a time."""
    latency: float = 0.0002
    """From the end of sending to the other's reaction."""
    connecting: float = 0.05
    """From an answer of the tracker to the first request at a peer that it named."""
    spread: float = 1.0
    """The terminals start evenly spread over this time."""
    policy: Policy = field(default_factory=Policy)
    """The tracker's numbers."""

    dead: float = 0.0
    """Part of the terminals that announced once and are gone: the tracker names them, nobody answers."""
    slow: int = 0
    """Terminals with a tenth of the rate."""
    slow_leaders: int = 0
    """In each room, so many have a tenth of the rate and ask before all others: it is they who lead the room."""
    late: float = 0.0
    """Part of the terminals that start late."""
    late_at: float = 0.0
    """When they start."""
    seed: int = 1
    """Of all that is random: the same seed, the same run."""

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return self.pieces * self.blocks * self.block


def bound(scenario: Scenario) -> float:
    """Seconds before which the last terminal cannot have everything, by any protocol (`tests.bench.bounds`).

    Dead terminals neither receive nor send; those who start late are not in it (their wait is no fault of the swarm),
    nor the slow ones' own receiving: what is asked is what they do to the others. That leaders
    are slow is not in it either.
    """
    living = scenario.terminals - round(scenario.dead * scenario.terminals)
    up = [scenario.rate / 10] * scenario.slow + [scenario.rate] * (living - scenario.slow)
    rooms = [up[number :: scenario.rooms] for number in range(min(scenario.rooms, living))]
    return best_seconds_in_rooms(scenario.size, scenario.server, rooms, scenario.rate, scenario.uplink)
