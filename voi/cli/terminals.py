"""The list of terminals."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from voi.cli.completion import complete_room, complete_template
from voi.cli.lookup import room_named, template_named
from voi.cli.output import moment, say_json, show, state_cell
from voi.cli.settings import connect, with_json, with_server

STATES: Final = ("offline", "current", "outdated", "unknown", "waiting", "downloading", "failed", "unreported")


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
    help="only those with this version of their template: a number, newest, older or unknown; 0: none that is whole",
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
    """List terminals: their state, their template, which version of it they have and which one they run."""
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
            _has(one) if one["template"] else "-",
            _runs(one) if one["template"] else "-",
            "now" if one["online"] else moment(one["last_seen"]),
            one["reason"],
        )
        for one in found
    ]
    columns = ("name", "mac", "address", "room", "state", "template", "has", "runs", "seen", "reason")
    show(columns, rows, none="no terminals match")


def _has(one: dict[str, Any]) -> str:
    """The version that a terminal has, of the newest; nothing that is not known is made a number."""
    version = one["version"]
    return f"{'unknown' if version is None else version or 'none whole'} of {one['newest']}"


def _runs(one: dict[str, Any]) -> str:
    return "unknown" if one["running"] is None else str(one["running"])
