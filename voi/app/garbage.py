"""When Python looks for garbage that refers to itself: seldom, and not where there is none.

Nearly all that this server drops is freed at once because nothing refers to it any more. Python's search for the rest
goes, by default, through everything that lives again and again while much is made at a time: with thousands of
terminals online, a command to all of them was held up for longer by the search than by the sending.
"""

from __future__ import annotations

import gc
from typing import Final, Protocol

YOUNG: Final = 5000
"""New objects between two searches among the new ones, which take a fraction of a millisecond. Python's own 700 suit
programs that are small.
"""

MIDDLE: Final = 10
"""Searches among the new ones between two among those that survived one: some milliseconds. What a login leaves is
found here, so with more of them it would lie about for longer.
"""

ALL: Final = 50
"""Searches of that kind between two through everything: millions of objects made and kept. Python waits longer still,
until what survived is a quarter of what there is.
"""


class Collector(Protocol):
    """The part of Python's gc module that is used."""

    def collect(self) -> int:
        """Search through everything."""

    def freeze(self) -> None:
        """Search never again through what lives now."""

    def set_threshold(self, threshold0: int, threshold1: int, threshold2: int, /) -> None:
        """When to search."""


def settle(collector: Collector | None = None) -> None:
    """To be called once the program is up: what it is made of stays, so it is not searched again.

    Takes about a tenth of a second.
    """
    collector = gc if collector is None else collector
    collector.collect()
    collector.freeze()
    collector.set_threshold(YOUNG, MIDDLE, ALL)
