"""One server and N terminals behind equal links: how near the bound, how often the server sends, what is wasted.

Rates of links are on the wire; bounds count their payload (`network.PAYLOAD`). The links are slow enough that two
cores carry all hosts. The long runs have a bound of a minute, so that starting up is not the figure.

The alternatives (`others`) run each case up to 32 terminals, in turn with ours. HTTP takes N times its bound, half an
hour at N = 32, so it gets an image N times smaller: the same bytes on the server's link, and its time over its own
bound. ``swarm:voi`` or ``swarm:udpcast`` run one of them only, ``swarm:32`` only the cases with so many terminals.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tests.bench.bounds import best_seconds
from tests.bench.figures import Figure, Outcome, Plan, Row, unmeasured
from tests.bench.network import PAYLOAD, Host, Network, available
from tests.bench.others import OTHERS, Other
from tests.bench.site import MIB, Finished, Site
from voi.demo.image import write_image
from voi.demo.processes import StageError

MB: Final = 1_000_000


@dataclass(frozen=True)
class Case:
    """N terminals, links of `link` bytes a second each way, content of `size` bytes."""

    terminals: int
    link: int
    size: int

    @property
    def text(self) -> str:
        """The case in short."""
        return f"N = {self.terminals}, {self.link / MB:g} MB/s, {self.size // MIB} MiB"


LONG: Final = (Case(8, 4 * MB, 256 * MIB), Case(16, 4 * MB, 256 * MIB), Case(32, 2 * MB, 128 * MIB),
               Case(64, MB, 64 * MIB))  # fmt: skip
SHORT: Final = (Case(32, 2 * MB, 32 * MIB),)
FAST: Final = (Case(8, 4 * MB, 48 * MIB),)
TINY: Final = (Case(2, 8 * MB, 2 * MIB),)
JUDGED: Final = LONG[2]
OURS: Final = "voi"
MOST_FOR_OTHERS: Final = 32
"""Terminals up to which the alternatives run: beyond, each of them takes minutes to say the same."""


def run(plan: Plan) -> Outcome:
    """All cases, ours and the others."""
    missing = available()
    if missing:
        return unmeasured("swarm", missing)
    figures: list[Figure] = []
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    numbers = [word for word in plan.only if word.isdigit()]
    for case in plan.of((*LONG, *SHORT), FAST, TINY):
        if numbers and str(case.terminals) not in numbers:
            continue
        found: dict[str, Row] = {}
        for who in _who(plan, case):
            if who in OTHERS and OTHERS[who].missing:
                skipped[who] = OTHERS[who].missing
                continue
            plan.say(f"{who}, {case.text}")
            try:
                found[who] = _measure(plan.directory / "run", case, who)
            except StageError as error:
                if who == OURS:
                    raise
                skipped[f"{who}, {case.text}"] = str(error)
            shutil.rmtree(plan.directory / "run", ignore_errors=True)
        rows += found.values()
        if OURS in found and case in (JUDGED, *FAST, *TINY):
            figures += _figures(found, case)
    return Outcome(figures, rows, [f"{what}: {why}" for what, why in skipped.items()])


def _who(plan: Plan, case: Case) -> Iterator[str]:
    names = [word for word in plan.only if not word.isdigit()]
    for word in names:
        if word != OURS and word not in OTHERS:
            raise ValueError(f"{word!r} is unknown; there are {', '.join((OURS, *OTHERS))}")
    if not names or OURS in names:
        yield OURS
    if case.terminals > MOST_FOR_OTHERS:
        return
    for who in OTHERS:
        if who in names if names else who == "libtorrent" or not plan.fast:
            yield who


def _measure(directory: Path, case: Case, who: str) -> Row:
    if who == OURS:
        return _row(f"{who}, {case.text}", *ours(directory, case), case)
    other = OTHERS[who]
    if other.unicast:
        case = replace(case, size=case.size // case.terminals)
    return _row(f"{who}, {case.text}", *theirs(directory, case, other), case)


def _figures(found: dict[str, Row], case: Case) -> Iterator[Figure]:
    for name, column in (("swarm.last", "last / bound"), ("swarm.server", "server / image")):
        values = {who: float(row.figures[column]) for who, row in found.items()}
        yield Figure(name, values.pop(OURS), values, case.text)


def _bound(size: int, case: Case) -> float:
    rate = case.link * PAYLOAD
    return best_seconds(size, rate, [rate] * case.terminals, [rate] * case.terminals)


def _row(what: str, finished: Finished, size: int, case: Case) -> Row:
    bound = _bound(size, case)
    wasted = sum(finished.received) * PAYLOAD / (size * case.terminals) - 1
    return Row(
        what,
        {
            "bound s": bound,
            "last / bound": finished.last / bound,
            "median / bound": finished.median / bound,
            "server / image": finished.server_sent / size,
            "received too much %": wasted * 100,
        },
    )


def hosts(network: Network, case: Case) -> tuple[Host, list[Host]]:
    """A server and its terminals at one switch."""
    switch = network.switch()
    server = network.host(switch, "10.77.0.1", up=case.link, down=case.link)
    terminals = [
        network.host(switch, f"10.77.1.{number + 1}", up=case.link, down=case.link) for number in range(case.terminals)
    ]
    return server, terminals


def ours(directory: Path, case: Case) -> tuple[Finished, int]:
    """A rollout by the real server to real terminals; how it went, and the bytes of the image file."""
    with Network("s") as network:
        server, terminals = hosts(network, case)
        site = Site(directory, network, server, terminals, link=case.link)
        with site.up():
            template, size = site.publish(case.size)
            return site.distribute(template), size


def theirs(directory: Path, case: Case, other: Other) -> tuple[Finished, int]:
    """An alternative with an image of the same size; how it went, and the bytes of the image file."""
    directory.mkdir(parents=True)
    image = directory / "image.qcow2"
    size = write_image(image, 4 * case.size, data_bytes=case.size)
    with Network("s") as network:
        server, terminals = hosts(network, case)
        return other.run(directory / "files", network, server, terminals, image), size
