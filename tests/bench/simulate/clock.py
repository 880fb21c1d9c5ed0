"""Simulated time: what happens when, in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Clock:
    """Calls in the order of their times; those of one time in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._count = 0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []

    def at(self, time: float, happen: Callable[..., None], *given: Any) -> None:
        """Have something happen at a time that is not past."""
        self._count += 1
        heapq.heappush(self._events, (time, self._count, happen, given))

    def step(self) -> bool:
        """Let the next thing happen; False if there is none."""
        if not self._events:
            return False
        self.now, _, happen, given = heapq.heappop(self._events)
        happen(*given)
        return True
