"""The bench: the check against real swarms, then the groups of scenarios, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.figures import Outcome, Plan, Row, Scale
from tests.bench.simulate.measured import MEASURED, Measured
from tests.bench.simulate.result import Result, simulate
from tests.bench.simulate.scenarios import FAST, GROUPS, small

CHECK = "check"
"""The variant that compares with real swarms."""


def run(plan: Plan) -> Outcome:
    """All groups, or those that were asked for. No target is held to a simulation: rows only."""
    tiny = plan.scale is Scale.TINY
    wanted = plan.only or plan.of((CHECK, *GROUPS), (CHECK, *FAST), (CHECK, *GROUPS))
    rows: list[Row] = []
    for group in wanted:
        if group == CHECK:
            rows += check(plan, MEASURED[:1] if tiny else MEASURED)
            continue
        for what, scenario in GROUPS[group].items():
            plan.say(what)
            rows.append(_row(what, simulate(small(scenario) if tiny else scenario)))
    return Outcome([], rows)


def check(plan: Plan, swarms: Sequence[Measured]) -> list[Row]:
    """The measured swarms, simulated: by how much the simulation is off."""
    rows: list[Row] = []
    errors: list[float] = []
    for measured in swarms:
        plan.say(f"check: {measured.text}")
        result = simulate(measured.scenario())
        errors.append(result.last - measured.last)
        figures: dict[str, float | str] = {
            "last / bound": result.last,
            "server / image": result.server,
            "measured": measured.last,
            "server measured": measured.server,
            "error": errors[-1],
        }
        rows.append(Row(measured.text, figures))
    mean = sum(errors) / len(errors)
    spread = (sum((error - mean) ** 2 for error in errors) / len(errors)) ** 0.5
    rows.append(Row(f"check: the mean error, and its standard deviation {spread:.3f}", {"error": mean}))
    return rows


def _row(what: str, result: Result) -> Row:
    figures: dict[str, float | str] = {
        "bound s": result.bound,
        "last / bound": result.last,
        "median / bound": result.median,
        "server / image": result.server,
        "copies over an uplink": result.uplink,
        "most": result.uplink_most,
        "announces/s": result.announces,
        "peak": result.announces_peak,
        "late, slow / bound": result.others or "",
        "CPU s": result.wall,
    }
    return Row(what, figures)
