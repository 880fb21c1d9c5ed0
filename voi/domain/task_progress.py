"""How far a terminal is with what it was sent: reports of three sources, and whether they show an advance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

MOST_CHECKS = 3
"""So many checks of what it has count as work, for a terminal that gains nothing by them."""


NEVER: Final = -math.inf
"""A time before all others."""


class ProgressSource(IntEnum):
    """Who says how far a terminal is. Each rounds in its own way, so each is measured by its own words alone."""

    TERMINAL = 0
    TRACKER = 1
    SEED = 2


@dataclass(slots=True)
class TaskProgress:
    """What is known of one task's progress, the latest report counts; `fraction` is 0 to 1.

    A restart of the terminal's check may report less than before: that is the truth then, and shown.

    Times are by the caller's clock, which never jumps. `updated` is when anything was heard, `NEVER` at first;
    `advanced` when a source last said more than ever since the last check of the file: two that round differently, or
    one that goes up and down, advance nothing. `whole` is since when tracker or seed see a peer that lacks nothing,
    None while they do not. `why` is what the terminal says stands in its way, empty for nothing. `ever` is
    the most that was ever reported.
    """

    fraction: float = 0.0
    updated: float = NEVER
    advanced: float = 0.0
    whole: float | None = None
    why: str = ""
    ever: float = 0.0
    _best: list[float] = field(default_factory=lambda: [0.0] * len(ProgressSource))
    _checks: int = 0
    _checking: bool = False

    def alive(self, now: float) -> None:
        """Begin to wait for it: it was sent just now, or is here again."""
        self.updated = self.advanced = now

    def checks(self, now: float) -> None:
        """The terminal checks what it has: after that, the best is what was found then.

        That is work, but not for ever: after `MOST_CHECKS` checks that brought nothing it is none any more.
        """
        self.updated = now
        if not self._checking:
            self._checking = True
            self._checks += 1
            self._best = [0.0] * len(ProgressSource)
        if self._checks <= MOST_CHECKS:
            self.advanced = now

    def update(self, fraction: float, now: float, source: ProgressSource = ProgressSource.TERMINAL) -> None:
        """Take a report of the terminal, the tracker or the seed."""
        self.updated = now
        self.fraction = fraction
        if fraction < 1:
            self.whole = None
        if source is ProgressSource.TERMINAL:
            self._checking = False
        if fraction > self._best[source]:
            self._best[source] = fraction
            if self._checks <= MOST_CHECKS or fraction > self.ever:
                self.advanced = now
        if fraction > self.ever:
            self.ever = fraction
            self._checks = 0


def target_progress(tasks: Iterable[tuple[int, float]]) -> float:
    """The progress of a target from (bytes, fraction) of its tasks: by bytes, 1 for nothing to do."""
    pairs = list(tasks)
    total = sum(size for size, _ in pairs)
    return 1.0 if total == 0 else sum(size * fraction for size, fraction in pairs) / total
