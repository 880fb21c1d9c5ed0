"""How a rollout went: what the server sent, and the rates over time, for a plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Point(NamedTuple):
    """Rates at a time, in bytes a second: what all terminals fetched together, and what the server sent."""

    time: float
    swarm: int
    server: int


@dataclass(slots=True)
class RolloutHistory:
    """One rollout's: bytes that the server sent for it, and the points of its plot, oldest first."""

    rollout_id: int
    server_sent: int
    points: list[Point]
