"""Four rooms of eight, each behind an uplink as fast as one terminal's link: how often the image crosses each uplink.

Every room is a /24 and a switch of its own; the server stands at the switch in the middle with a link as fast as one
terminal's, or four times as fast (``fast server``). ``off`` is the same without locality: the addresses of all rooms
lie in one /24, so that to the tracker all stand in one room, while the uplinks are where they were. ``rooms:on``,
``rooms:off`` and ``rooms:fast`` run one of the three.

The machine must not be the limit: ``machine busy`` is the share of all cores that worked while the image went around.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench.bounds import best_seconds_in_rooms
from tests.bench.figures import Figure, Outcome, Plan, Row, unmeasured
from tests.bench.machine import Cores
from tests.bench.network import PAYLOAD, Network, Payload, available
from tests.bench.site import MIB, Finished, Site

MB: Final = 1_000_000
ON: Final = "on"
OFF: Final = "off"
FAST_SERVER: Final = "fast"
VARIANTS: Final = {ON: "locality on", OFF: "locality off", FAST_SERVER: "locality on, server's link 4 times as fast"}


@dataclass(frozen=True)
class Case:
    """Rooms of `each` terminals. Rates in bytes a second each way, `size` is bytes of content."""

    link: int
    server: int
    size: int
    local: bool = True
    rooms: int = 4
    each: int = 8

    @property
    def text(self) -> str:
        """The case in short."""
        return f"{self.rooms} rooms of {self.each}, {self.link / MB:g} MB/s, {self.size // MIB} MiB"

    def address(self, room: int, place: int) -> str:
        """Of a terminal; both count from 0."""
        return f"10.77.{room + 1}.{place + 1}" if self.local else f"10.77.1.{room * self.each + place + 1}"

    def bound(self, size: int) -> float:
        """Seconds that a file of `size` bytes takes at the least."""
        rate = self.link * PAYLOAD
        rooms = [[rate] * self.each] * self.rooms
        return best_seconds_in_rooms(size, self.server * PAYLOAD, rooms, rate, rate)


LONG: Final = Case(MB, MB, 56 * MIB)
FAST: Final = Case(2 * MB, 2 * MB, 24 * MIB, each=4)
TINY: Final = Case(8 * MB, 8 * MB, 2 * MIB, rooms=2, each=2)


@dataclass(frozen=True)
class Found:
    """One run: how it went, what crossed each room's uplink, the bytes of the file, how busy the machine was."""

    finished: Finished
    uplinks: Sequence[Payload]
    size: int
    busy: float


def run(plan: Plan) -> Outcome:
    """With locality, without, and with a faster server."""
    missing = available()
    if missing:
        return unmeasured("rooms", missing)
    for word in plan.only:
        if word not in VARIANTS:
            raise ValueError(f"{word!r} is no variant; there are {', '.join(VARIANTS)}")
    rows: list[Row] = []
    figures: list[Figure] = []
    least: dict[str, tuple[float, float]] = {}
    for variant in plan.only or ([ON] if plan.fast else VARIANTS):
        case = _case(plan, variant)
        plan.say(f"{VARIANTS[variant]}: {case.text}")
        found = measure(plan.directory / "run", case)
        shutil.rmtree(plan.directory / "run", ignore_errors=True)
        rows += _rows(VARIANTS[variant], found, case)
        last = found.finished.last / case.bound(found.size)
        least[variant] = last, max(uplink.received for uplink in found.uplinks) / found.size
    if ON in least:
        text = _case(plan, ON).text
        others = {VARIANTS[OFF]: least[OFF]} if OFF in least else {}
        for place, name in enumerate(("rooms.last", "rooms.uplink")):
            figures.append(Figure(name, least[ON][place], {who: pair[place] for who, pair in others.items()}, text))
    return Outcome(figures, rows)


def _case(plan: Plan, variant: str) -> Case:
    case = replace(plan.of(LONG, FAST, TINY), local=variant != OFF)
    return replace(case, server=4 * case.link) if variant == FAST_SERVER else case


def measure(directory: Path, case: Case) -> Found:
    """A rollout to all rooms at once."""
    with Network("r") as network:
        core = network.switch()
        server = network.host(core, "10.77.0.1", up=case.server, down=case.server)
        switches = [network.switch(uplink_to=core, rate=case.link) for _ in range(case.rooms)]
        hosts = [
            network.host(switch, case.address(room, place), up=case.link, down=case.link)
            for room, switch in enumerate(switches)
            for place in range(case.each)
        ]
        site = Site(directory, network, server, hosts, link=case.link)
        with site.up():
            template, size = site.publish(case.size)
            before = [network.uplink_payload(switch) for switch in switches]
            cores = Cores.now()
            finished = site.distribute(template)
            busy = Cores.now().busy_since(cores)
            after = [network.uplink_payload(switch) for switch in switches]
        return Found(finished, [now - then for now, then in zip(after, before, strict=True)], size, busy)


def _rows(what: str, found: Found, case: Case) -> list[Row]:
    finished, bound = found.finished, case.bound(found.size)
    whole = Row(
        what,
        {
            "bound s": bound,
            "last / bound": finished.last / bound,
            "median / bound": finished.median / bound,
            "server / image": finished.server_sent / found.size,
            "copies in": max(uplink.received for uplink in found.uplinks) / found.size,
            "copies out": max(uplink.sent for uplink in found.uplinks) / found.size,
            "machine busy": f"{found.busy:.0%}",
        },
    )
    rooms = [
        Row(
            f"  room {number + 1}",
            {
                "last / bound": max(finished.seconds[number * case.each : (number + 1) * case.each]) / bound,
                "copies in": uplink.received / found.size,
                "copies out": uplink.sent / found.size,
            },
        )
        for number, uplink in enumerate(found.uplinks)
    ]
    return [whole, *rooms]
