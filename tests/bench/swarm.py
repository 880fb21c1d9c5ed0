"""One server and N terminals behind equal links: how near the bound, how often the server sends, what is wasted.

Rates of links are on the wire; bounds count their payload (`network.PAYLOAD`). The links are slow enough that two
cores carry all hosts. The long runs have a bound of a minute, so that starting up is not the figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.bounds import best_seconds
from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.network import PAYLOAD, Host, Network, available
from tests.bench.site import MIB, Finished, Site

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
JUDGED: Final = LONG[2]


def run(plan: Plan) -> Outcome:
    """All cases, ours and the others."""
    missing = available()
    if missing:
        return Outcome([], [], [f"swarm: {missing}"])
    figures: list[Figure] = []
    rows: list[Row] = []
    for index, case in enumerate(FAST if plan.fast else (*LONG, *SHORT)):
        if plan.only and str(case.terminals) not in plan.only:
            continue
        plan.say(case.text)
        finished, size = ours(plan.directory / f"{index}", case)
        rows.append(_row(f"voi, {case.text}", finished, size, case))
        if case == JUDGED or plan.fast:
            figures.append(Figure("swarm.last", finished.last / _bound(size, case), note=case.text))
            figures.append(Figure("swarm.server", finished.server_sent / size, note=case.text))
    return Outcome(figures, rows)


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
        site = Site(directory, network, server, terminals)
        with site.up():
            template, size = site.publish(case.size)
            return site.distribute(template), size
