"""Try a policy: ``python -m tests.bench.simulate --n 32 --rooms 1 --queue 4 --numwant 6`` prints one line.

``--plots DIRECTORY`` plays the runs of the bench instead and draws them; ``--group`` names those that it shall draw.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import click

from tests.bench.simulate.bench import CHECK
from tests.bench.simulate.measured import MEASURED
from tests.bench.simulate.result import simulate
from tests.bench.simulate.scenario import BLOCK, Scenario
from tests.bench.simulate.scenarios import GROUPS
from voi.tracker.policy import Policy

_MB = 1e6


@click.command(help=__doc__)
@click.option("--n", "terminals", default=32, show_default=True, help="Terminals.")
@click.option("--rooms", default=1, show_default=True)
@click.option("--rate", default=2.0, show_default=True, help="MB/s of a terminal's link.")
@click.option("--server", default=None, type=float, help="MB/s of the server's link; as a terminal's.")
@click.option("--uplink", default=float("inf"), help="MB/s of a room's uplink; no limit.")
@click.option("--size", default=0.0, help="MB of the image; 60 s of a terminal's link.")
@click.option("--piece", default=64, show_default=True, help="KiB of a piece.")
@click.option("--block", default=BLOCK // 1024, show_default=True, help="KiB of a transfer.")
@click.option("--queue", default=4, show_default=True, help="Transfers on order at each peer.")
@click.option("--numwant", default=0, help="Peers in an answer; the policy's.")
@click.option("--connections", default=50, show_default=True)
@click.option("--slots", default=32, show_default=True, help="Terminals the server serves at a time.")
@click.option("--spread", default=1.0, show_default=True, help="Seconds over which terminals start.")
@click.option("--dead", default=0.0, help="Part of the terminals that are gone.")
@click.option("--slow", default=0, help="Terminals at a tenth of the rate.")
@click.option("--slow-leaders", default=0, help="The same, in each room, and they ask first.")
@click.option("--late", default=0.0, help="Part of the terminals that come late.")
@click.option("--late-at", default=0.0, help="Seconds after which they come.")
@click.option("--policy", "changes", multiple=True, metavar="NAME=VALUE", help="A number of the tracker's policy.")
@click.option("--seed", default=1, show_default=True)
@click.option("--plots", type=click.Path(path_type=Path), help="Draw the runs of the bench into this directory.")
@click.option("--group", "groups", multiple=True, type=click.Choice([CHECK, *GROUPS]), help="What to draw; all.")
def main(
    rate: float,
    server: float | None,
    uplink: float,
    size: float,
    piece: int,
    block: int,
    numwant: int,
    changes: tuple[str, ...],
    plots: Path | None,
    groups: tuple[str, ...],
    **given: int,
) -> None:
    """Print one run, or draw many."""
    if plots is not None:
        _draw(plots, groups or (CHECK, *GROUPS))
        return
    policy = _policy(changes)
    if numwant:
        policy = replace(policy, numwant_most=numwant, numwant_default=numwant)
    scenario = Scenario(
        rate=rate * _MB,
        server=(rate if server is None else server) * _MB,
        uplink=uplink * _MB,
        pieces=max(1, round((size or rate * 60) * _MB / (piece * 1024))),
        blocks=max(1, piece // block),
        block=block * 1024,
        policy=policy,
        **given,
    )
    click.echo(simulate(scenario).line)


def _draw(directory: Path, groups: tuple[str, ...]) -> None:
    from tests.bench.simulate.plots import plot_check, plot_done  # only who draws needs matplotlib

    for group in groups:
        path = directory / f"simulate-{group}.svg"
        if group == CHECK:
            simulated = [simulate(measured.scenario()).last for measured in MEASURED]
            plot_check(simulated, [measured.last for measured in MEASURED], path)
        else:
            results = {}
            for what, scenario in GROUPS[group].items():
                results[what] = simulate(scenario)
                click.echo(f"{what}: {results[what].line}")
            plot_done(results, path)
        click.echo(str(path))


def _policy(changes: tuple[str, ...]) -> Policy:
    known = {field.name for field in fields(Policy)}
    given: dict[str, float] = {}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in known:
            raise click.BadParameter(f"{name!r} is no number of the policy; there are {', '.join(sorted(known))}")
        given[name] = type(getattr(Policy(), name))(float(value))
    return replace(Policy(), **given)  # type: ignore[arg-type]  # converted to the type of the field's default


if __name__ == "__main__":
    main()
