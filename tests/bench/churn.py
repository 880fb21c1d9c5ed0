"""What goes wrong in a rollout, and what it costs the others: each against undisturbed runs of the same session.

- ``late``: 4 of 16 terminals get their command when the others are half done.
- ``killed``: one terminal is killed when it has half of the image, and started again 5 s later. ``again %`` is all
  payload that came in at its link in both lives, beyond the image, as a share of what came in during the first. This
  is the most that it can have fetched again: haves, requests and blocks that any terminal gets twice are in it.
  ``beyond usual %`` leaves out what came in beyond the image undisturbed, and may be less than nothing.
- ``server``: the server is killed when the terminals have 30 %, and is back 20 s later.
- ``slow``: one terminal's link has a tenth of the speed, both ways.

``churn:slow`` runs that one only. Everything is done in two rounds, and medians count. A cost within ``noise``, the
spread of the undisturbed runs, says nothing but that.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.bounds import best_seconds
from tests.bench.figures import Figure, Outcome, Plan, Row, unmeasured
from tests.bench.machine import Cores
from tests.bench.network import PAYLOAD, Network, available
from tests.bench.site import MIB, PATIENCE, Site
from tests.bench.swarm import MB, Case, hosts
from voi.demo.processes import StageError

LONG: Final = Case(16, 2 * MB, 64 * MIB)
FAST: Final = Case(8, 2 * MB, 12 * MIB)
TINY: Final = Case(4, 2 * MB, 3 * MIB)
ROUNDS: Final = 2
LATE_AT: Final = 0.5
KILLED_AT: Final = 0.5
SERVER_AT: Final = 0.3
SLOWER: Final = 10
_LOOK_EVERY: Final = 0.25  # seconds between two looks at how much has come


@dataclass(frozen=True)
class Away:
    """Seconds for which a killed terminal, and a killed server, are away."""

    terminal: float = 5.0
    server: float = 20.0


TINY_AWAY: Final = Away(0.5, 2.0)


@dataclass(frozen=True)
class Run:
    """One rollout. `seconds` by terminal: from its start to its end, of those that are not looked at none.

    `received` is the payload that came in at each terminal's link, `said` what only this kind of run has to say.
    """

    seconds: Mapping[int, float]
    received: Sequence[int]
    size: int
    busy: float
    said: Mapping[str, float] = field(default_factory=dict)

    def last(self, which: Collection[int]) -> float:
        """Seconds until the last of some terminals was done."""
        return max(self.seconds[index] for index in which)


@dataclass(frozen=True)
class DisturbedRun:
    """A rollout about to begin: the site, its template, the bytes of the file, how long who is killed stays away."""

    site: Site
    template: str
    size: int
    case: Case
    away: Away

    def begin(self, which: Sequence[int]) -> int:
        """Order the template for some terminals; the rollout's number."""
        return self.site.begin(self.template, [self.site.terminals[index] for index in which])

    def end(self, number: int, which: Sequence[int]) -> dict[int, float]:
        """Wait for the end of a rollout to some terminals; the seconds of each."""
        self.site.wait_done(number)
        return dict(zip(which, self.site.seconds(number), strict=True))

    def received(self, index: int) -> int:
        """Payload that has come in at a terminal's link."""
        return self.site.network.payload(self.site.hosts[index]).received

    def until(self, share: float, which: Sequence[int]) -> None:
        """Wait until the median of some terminals has received so much of the image."""
        before = [self.received(index) for index in which]
        end = time.monotonic() + PATIENCE
        while True:
            came = [self.received(index) - then for index, then in zip(which, before, strict=True)]
            if statistics.median(came) >= share * self.size:
                return
            if time.monotonic() > end:
                raise StageError(f"the terminals did not receive {share:.0%} in {PATIENCE:.0f} seconds")
            time.sleep(_LOOK_EVERY)


Play = Callable[[DisturbedRun], tuple[dict[int, float], dict[str, float]]]
"""Runs a rollout: the seconds by terminal, and what else there is to say."""


def undisturbed(run: DisturbedRun) -> tuple[dict[int, float], dict[str, float]]:
    """Nothing happens."""
    everybody = range(run.case.terminals)
    return run.end(run.begin(everybody), everybody), {}


def late(run: DisturbedRun) -> tuple[dict[int, float], dict[str, float]]:
    """A quarter comes late; it is switched on before, so that starting a program is not what is measured."""
    count = run.case.terminals
    comers, others = range(count - count // 4, count), range(count - count // 4)
    first = run.begin(others)
    run.until(LATE_AT, others[:3])
    second = run.begin(comers)
    seconds = run.end(first, others)
    seconds |= run.end(second, comers)
    least = run.size / (run.case.link * PAYLOAD)
    took = [seconds[index] / least for index in comers]
    return seconds, {"late: median / (F/d)": statistics.median(took), "late: last / (F/d)": max(took)}


def killed(run: DisturbedRun) -> tuple[dict[int, float], dict[str, float]]:
    """One terminal ends without warning."""
    everybody = range(run.case.terminals)
    victim = _one(run.case)
    terminal = run.site.terminals[victim]
    before = run.received(victim)
    number = run.begin(everybody)
    run.until(KILLED_AT, [victim])
    terminal.kill()
    first = run.received(victim) - before
    time.sleep(run.away.terminal)
    before = run.received(victim)
    run.site.start([terminal])
    seconds = run.end(number, everybody)
    return seconds, {"had": first, "fetched then": run.received(victim) - before}


def server(run: DisturbedRun) -> tuple[dict[int, float], dict[str, float]]:
    """The server ends without warning; who is done while it is away is so to it when it is back."""
    everybody = range(run.case.terminals)
    number = run.begin(everybody)
    run.until(SERVER_AT, everybody[:3])
    run.site.server.kill()
    gone = time.monotonic()
    time.sleep(run.away.server)
    run.site.start_server()
    away = time.monotonic() - gone
    return run.end(number, everybody), {"away s": away}


def slow(run: DisturbedRun) -> tuple[dict[int, float], dict[str, float]]:
    """One terminal has a bad cable; nobody waits for it."""
    snail = _one(run.case)
    rate = run.case.link // SLOWER
    run.site.network.limit(run.site.hosts[snail], up=rate, down=rate)
    others = [index for index in range(run.case.terminals) if index != snail]
    number = run.begin(others)
    run.begin([snail])
    return run.end(number, others), {}


DISTURBANCES: Final[Mapping[str, Play]] = {"late": late, "killed": killed, "server": server, "slow": slow}
IN_FAST: Final = ("killed", "slow")
"""What a short run says something of."""


def _one(case: Case) -> int:
    """The terminal that something happens to."""
    return case.terminals // 3


def run(plan: Plan) -> Outcome:
    """Each disturbance beside undisturbed runs."""
    missing = available()
    if missing:
        return unmeasured("churn", missing)
    for word in plan.only:
        if word not in DISTURBANCES:
            raise ValueError(f"{word!r} is no disturbance; there are {', '.join(DISTURBANCES)}")
    case = plan.of(LONG, FAST, TINY)
    away = plan.of(Away(), Away(), TINY_AWAY)
    chosen: Mapping[str, Play] = {
        "undisturbed": undisturbed,
        **{name: DISTURBANCES[name] for name in plan.only or (IN_FAST if plan.fast else DISTURBANCES)},
    }
    runs: dict[str, list[Run]] = {name: [] for name in chosen}
    for number in range(plan.of(ROUNDS, 1, 1)):
        for name, play in chosen.items():
            plan.say(f"{name}, {case.text}, round {number + 1}")
            runs[name].append(measure(plan.directory / "run", case, play, away))
            shutil.rmtree(plan.directory / "run", ignore_errors=True)
    return outcome(runs, case)


def outcome(runs: Mapping[str, Sequence[Run]], case: Case) -> Outcome:
    """What runs by name come to."""
    calm = runs["undisturbed"]
    rows = [_row(name, found, calm, case) for name, found in runs.items()]
    figures = []
    if "slow" in runs:
        figures.append(Figure("churn.slow", _cost(runs["slow"], calm, _others("slow", case)), note=case.text))
    if "killed" in runs:
        figures.append(Figure("churn.again", _again(runs["killed"], runs["killed"][0].size), note=case.text))
    return Outcome(figures, rows)


def measure(directory: Path, case: Case, play: Play, away: Away) -> Run:
    """One rollout on a network of its own."""
    with Network("c") as network:
        middle, terminals = hosts(network, case)
        site = Site(directory, network, middle, terminals, link=case.link)
        with site.up():
            template, size = site.publish(case.size)
            run = DisturbedRun(site, template, size, case, away)
            before = [run.received(index) for index in range(case.terminals)]
            cores = Cores.now()
            seconds, said = play(run)
            busy = Cores.now().busy_since(cores)
            received = [run.received(index) - then for index, then in enumerate(before)]
        return Run(seconds, received, size, busy, said)


def _others(name: str, case: Case) -> Collection[int]:
    """Those that a disturbance does not happen to."""
    everybody = range(case.terminals)
    if name == "late":
        return everybody[: -(case.terminals // 4)]
    if name in ("killed", "slow"):
        return [index for index in everybody if index != _one(case)]
    return everybody


def _cost(found: Sequence[Run], calm: Sequence[Run], others: Collection[int]) -> float:
    """By how much the last of the others is later than undisturbed, in percent: the medians of all rounds."""
    ours, theirs = (statistics.median(one.last(others) for one in runs) for runs in (found, calm))
    return (ours / theirs - 1) * 100


def _again(found: Sequence[Run], usual: float) -> float:
    """What both lives took beyond the `usual` bytes, in percent of what the first took."""
    return statistics.median(
        (one.said["had"] + one.said["fetched then"] - usual) / one.said["had"] * 100 for one in found
    )


def _row(name: str, found: Sequence[Run], calm: Sequence[Run], case: Case) -> Row:
    rate = case.link * PAYLOAD
    bound = best_seconds(found[0].size, rate, [rate] * case.terminals, [rate] * case.terminals)
    others = _others(name, case)
    lasts = [one.last(others) for one in calm]
    last = statistics.median(one.last(others) for one in found)
    cost, noise = _cost(found, calm, others), (max(lasts) / min(lasts) - 1) * 100
    figures: dict[str, float | str] = {
        "bound s": bound,
        "others' last / bound": last / bound,
        "of each round": ", ".join(f"{one.last(others) / bound:.3f}" for one in found),
        "costs them %": cost,
        "noise %": noise if len(lasts) > 1 else "one run",
        "more than noise": "unknown" if len(lasts) < 2 else "yes" if abs(cost) > noise else "no",
        "machine busy": f"{max(one.busy for one in found):.0%}",
    }
    said = {key: statistics.median(one.said[key] for one in found) for key in found[0].said}
    if name == "killed":
        victim = _one(case)
        figures["its own / bound"] = statistics.median(one.seconds[victim] for one in found) / bound
        figures["again %"] = _again(found, found[0].size)
        figures["beyond usual %"] = _again(found, statistics.median(one.received[victim] for one in calm))
    elif name == "server":
        # Nothing comes from it while it is away, and the first copy of everything has to.
        figures["last / (bound + away)"] = last / (bound + said["away s"])
    else:
        figures.update(said)
    return Row(name, figures)
