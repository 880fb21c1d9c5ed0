"""The runs of the bench, in groups: each group is a variant of it, and a plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tests.bench.simulate.scenario import Scenario

_CHUNK: Final = 4 << 20

FLAT: Final = Scenario(rate=2e6, server=2e6, pieces=1831)  # 120 MB in pieces of 64 KiB: the bound is 60 s
GIGABIT: Final = Scenario(
    rate=125e6, server=125e6, uplink=125e6, pieces=500, blocks=1, block=_CHUNK, queue=1
)  # 2.1 GB in pieces of 4 MiB, each of them one transfer of 34 ms: the bound is 16.8 s
_FASTER: Final = 1250e6
_CAMPUS: Final = replace(GIGABIT, terminals=5000, rooms=84, pieces=250)  # a bound of 8.4 s

GROUPS: Final[Mapping[str, Mapping[str, Scenario]]] = {
    "flat": {f"N = {count}": replace(FLAT, terminals=count) for count in (8, 16, 32)},
    "rooms": {
        "4 rooms of 8, uplinks as a terminal's link": replace(FLAT, rooms=4, uplink=FLAT.rate),
        "the same, server three times as fast": replace(FLAT, rooms=4, uplink=FLAT.rate, server=3 * FLAT.rate),
    },
    "faults": {
        "N = 32, a third dead": replace(FLAT, terminals=48, dead=1 / 3),
        "N = 32, one at a tenth of the rate": replace(FLAT, slow=1),
        "N = 32, a quarter comes after 30 s": replace(FLAT, late=0.25, late_at=30.0),
    },
    "leaders": {
        "N = 32, the four leaders at a tenth of the rate": replace(FLAT, slow_leaders=4),
        "4 rooms of 8, the two leaders of each at a tenth": replace(FLAT, rooms=4, uplink=FLAT.rate, slow_leaders=2),
    },
    "coarse": {
        "N = 32, transfers of 16 KiB, 4 on order": FLAT,
        "N = 32, transfers of 64 KiB, 1 on order": replace(FLAT, blocks=1, block=64 * 1024, queue=1),
        "N = 60, 4 MiB in transfers of 1 MiB, 2 on order": replace(
            GIGABIT, terminals=60, blocks=4, block=_CHUNK // 4, queue=2
        ),
        "N = 60, 4 MiB in one transfer, 1 on order": replace(GIGABIT, terminals=60),
    },
    "room": {
        "60 in one room, server 1 Gbit/s": replace(GIGABIT, terminals=60),
        "60 in one room, server 10 Gbit/s": replace(GIGABIT, terminals=60, server=_FASTER),
    },
    "thousand": {
        "1,000 in 17 rooms, server 1 Gbit/s": replace(GIGABIT, terminals=1000, rooms=17),
        "1,000 in 17 rooms, server 10 Gbit/s": replace(GIGABIT, terminals=1000, rooms=17, server=_FASTER),
    },
    "campus": {
        "5,000 in 84 rooms, server 1 Gbit/s": _CAMPUS,
        "5,000 in 84 rooms, server 10 Gbit/s": replace(_CAMPUS, server=_FASTER),
    },
}
"""Group to the names of its runs and what they are."""

FAST: Final = ("flat", "rooms")
"""Groups of a fast run."""


def small(scenario: Scenario) -> Scenario:
    """The same with few terminals and few pieces, which shows only that it can be played."""
    return replace(
        scenario, terminals=min(scenario.terminals, 16), rooms=min(scenario.rooms, 4), pieces=min(scenario.pieces, 32)
    )
