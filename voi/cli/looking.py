"""Commands that only look: status, terminals, templates."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from voi.cli.completion import complete_room, complete_template
from voi.cli.lookup import room_named, template_named
from voi.cli.output import cell, console, counted, duration, moment, rate, say_json, show, size, table
from voi.cli.settings import connect, with_json, with_server

STATES: Final = ("offline", "current", "outdated", "waiting", "downloading", "failed", "empty")

_STYLES: Final = {"failed": "red", "outdated": "yellow", "downloading": "cyan", "current": "green", "offline": "dim"}


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
        f"{counts['outdated']} outdated, {counts['failed']} failed"
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


def rollout_table(rollouts: list[dict[str, Any]]) -> Any:
    """Rollouts in short."""
    rows = [
        (
            one["id"],
            one["template_name"] or one["template"],
            one["version"],
            state_cell(one),
            ", ".join(f"{count} {state}" for state, count in one["counts"].items() if count),
            rate(one["rate"]) if one["rate"] else "-",
            duration(one["eta"]),
            moment(one["created"]),
        )
        for one in rollouts
    ]
    columns = ("id", "template", "version", "state", "terminals", "rate", "time left", "started")
    return table(columns, rows, title="Rollouts")


def state_cell(one: dict[str, Any]) -> Text:
    """A state in its colour, with how far it is while it goes on."""
    going = one["state"] in ("downloading", "running", "importing", "uploading")
    text = f"{one['state']} {one['progress']:.0%}" if going else one["state"]
    return cell(text, _STYLES.get(one["state"], ""))


@click.command()
@click.option(
    "--room",
    metavar="ROOM",
    shell_complete=complete_room,
    help="only those in this room (name or number); 0: in no room",
)
@click.option("--state", type=click.Choice(STATES), help="only those in this state")
@click.option("--outdated", is_flag=True, help="the same as --state outdated")
@click.option("--online", is_flag=True, help="only those that are online")
@click.option(
    "--template", metavar="TEMPLATE", shell_complete=complete_template, help="only those that boot this template"
)
@click.option(
    "--version",
    metavar="N",
    help="only those with this version of their template: a number, newest or older; 0: unknown",
)
@click.option("--search", metavar="TEXT", help="only those whose name, MAC or IP address contains this")
@with_server
@with_json
def terminals(
    room: str | None,
    state: str | None,
    outdated: bool,
    online: bool,
    template: str | None,
    version: str | None,
    search: str | None,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """List terminals: their state, what they boot, and whether that is the newest version."""
    if outdated and state not in (None, "outdated"):
        raise click.UsageError("use either --outdated or --state, not both")
    api = connect(server, token, data)
    found = api.terminals(
        q=search,
        room=None if room is None else room_named(api, room),
        state="outdated" if outdated else state,
        image=None if template is None else template_named(api, template),
        version=version,
        online="true" if online else None,
    )
    if as_json:
        say_json({"terminals": found})
        return
    rooms = {one["id"]: one["name"] for one in api.get("/rooms")["rooms"]}
    names = {one["uuid"]: one["name"] for one in api.get("/templates")["templates"]}
    rows = [
        (
            one["name"],
            one["mac"],
            one["ip"],
            rooms.get(one["room"]),
            state_cell(one),
            names.get(one["template"], one["template"]),
            f"{one['version'] or '?'} of {one['newest']}" if one["template"] else "-",
            "now" if one["online"] else moment(one["last_seen"]),
            one["reason"],
        )
        for one in found
    ]
    columns = ("name", "mac", "address", "room", "state", "template", "version", "seen", "reason")
    show(columns, rows, none="no terminals match")


@click.command()
@with_server
@with_json
def templates(server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """List templates: their versions, how many terminals have them, and what the server has sent."""
    api = connect(server, token, data)
    found = api.get("/templates")
    if as_json:
        say_json(found)
        return
    swarms = api.get("/swarms")["swarms"]
    rows = []
    for one in found["templates"]:
        own = [swarm for swarm in swarms if swarm["template"] == one["uuid"]]
        whole, sent = sum(swarm["size"] for swarm in own), sum(swarm["server_sent"] for swarm in own)
        rows.append(
            (
                one["name"],
                one["uuid"],
                one["version"],
                state_cell(one),
                size(sum(disk["size"] for disk in one["disks"])),
                f"{one['terminals_current']} / {one['terminals_outdated']} / {one['terminals_unknown']}",
                f"{sent / whole:.1f}" if whole else "-",
                one["reason"],
            )
        )
    columns = ("name", "uuid", "version", "state", "size", "newest / older / unknown", "copies sent", "reason")
    show(columns, rows, none="no templates yet: `voi import FILE --name NAME` creates one from an image file")
