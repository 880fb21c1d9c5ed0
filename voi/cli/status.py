"""An overview: terminals, rooms, running rollouts, traffic, what needs attention."""

from __future__ import annotations

from pathlib import Path

import click

from voi.cli.output import cell, console, counted, rate, say_json, size, table
from voi.cli.rollouts import rollout_table
from voi.cli.settings import connect, with_json, with_server


@click.command()
@with_server
@with_json
def status(server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Show an overview: terminals, rooms, running rollouts, traffic, what needs attention."""
    seen = connect(server, token, data).get("/overview")
    if as_json:
        say_json(seen)
        return
    out = console()
    counts, traffic, disk = seen["terminals"], seen["traffic"], seen["disk"]
    out.print(
        f"{counts['online']} of {counted(counts['total'], 'terminal')} online, "
        f"{counts['current']} current, {counts['outdated']} outdated, {counts['unknown']} unknown, "
        f"{counts['unreported']} without a report, {counts['failed']} failed"
    )
    out.print(
        f"server sends {rate(traffic['server_out'])}, receives {rate(traffic['server_in'])}; "
        f"terminals fetch {rate(traffic['swarm'])}; disk: {size(disk['free'])} of {size(disk['total'])} free"
    )
    if seen["rooms"]:
        rows = [(room["id"], room["name"] or "(no room)", room["online"], room["total"]) for room in seen["rooms"]]
        out.print(table(("id", "name", "online", "of"), rows, title="Rooms"))
    if seen["rollouts"]:
        out.print(rollout_table(seen["rollouts"]))
    for one in seen["attention"]:
        out.print(cell(f"! {one['text']}", "yellow"))
