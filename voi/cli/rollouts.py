"""`voi rollout`: start, send-again, preview, watch, cancel, retry, list."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from voi.cli.api import ApiClient
from voi.cli.completion import complete_template
from voi.cli.lookup import Choice, choice_of, template_named, with_terminals
from voi.cli.output import (
    STYLES,
    cell,
    console,
    counted,
    duration,
    moment,
    percent,
    rate,
    say_json,
    show,
    size,
    table,
)
from voi.cli.rollout_watch import counts_text
from voi.cli.rollout_watch import watch as watch_rollout
from voi.cli.settings import connect, with_json, with_server

STATES: Final = ("running", "done", "failed", "cancelled", "superseded")


_with_version = click.option(
    "--version", type=click.IntRange(1), metavar="N", help="an older version [default: the newest]"
)


@click.group()
def rollout() -> None:
    """Send versions of templates to terminals: start, send-again, preview, watch, cancel, retry, list."""


def _request_body(api: ApiClient, template: str, version: int | None, choice: Choice) -> dict[str, Any]:
    """The body of a rollout or its preview."""
    chosen = {} if version is None else {"version": version}
    return {"template": template_named(api, template), **chosen, **choice.body(api)}


@rollout.command()
@click.argument("template", shell_complete=complete_template)
@with_terminals
@_with_version
@click.option("--watch", is_flag=True, help="watch it until it ends")
@with_server
@with_json
def start(
    template: str,
    terminals: tuple[str, ...],
    every: bool,
    room: str | None,
    version: int | None,
    watch: bool,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Send a version of TEMPLATE (name or uuid) to terminals, by default the newest; prints the rollout's number.

    Terminals that are off get it at their next login.
    """
    choice = choice_of(every, room, terminals)
    api = connect(server, token, data)
    _start(api, _request_body(api, template, version, choice), watch=watch, as_json=as_json)


@rollout.command()
@click.argument("template", shell_complete=complete_template)
@with_terminals
@_with_version
@click.option("--watch", is_flag=True, help="watch it until it ends")
@with_server
@with_json
def send_again(
    template: str,
    terminals: tuple[str, ...],
    every: bool,
    room: str | None,
    version: int | None,
    watch: bool,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Send all of a version of TEMPLATE again, also to terminals that say that they have it; prints the rollout's
    number.

    For a terminal whose disk was replaced or damaged without the server's knowledge. What terminals said of the
    template is forgotten.
    """
    choice = choice_of(every, room, terminals)
    api = connect(server, token, data)
    body = {**_request_body(api, template, version, choice), "again": True}
    _start(api, body, watch=watch, as_json=as_json)


def _start(api: ApiClient, body: dict[str, Any], *, watch: bool, as_json: bool) -> None:
    """Begin a rollout, with a warning where disks are too small, and tell its number, or show it until it ends."""
    seen = api.change("POST", "/rollouts/preview", body, again=False)
    if seen["too_small"]:
        click.echo(_too_small(seen), err=True)
    made = api.change("POST", "/rollouts", body)
    if watch:
        click.echo(f"rollout {made['id']} has started", err=True)
        watch_rollout(api, made["id"], as_json=as_json)
    elif as_json:
        say_json(made)
    else:
        click.echo(made["id"])


@rollout.command()
@click.argument("template", shell_complete=complete_template)
@with_terminals
@_with_version
@with_server
@with_json
def preview(
    template: str,
    terminals: tuple[str, ...],
    every: bool,
    room: str | None,
    version: int | None,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Show how many bytes each terminal would download; changes nothing."""
    choice = choice_of(every, room, terminals)
    api = connect(server, token, data)
    seen = api.change("POST", "/rollouts/preview", _request_body(api, template, version, choice), again=False)
    if as_json:
        say_json(seen)
        return
    rows = [
        (
            one["mac"],
            "yes" if one["online"] else "no",
            size(one["bytes"]) if one["bytes"] else "nothing",
            f"too small by {size(one['short'])}" if one["short"] else "-" if one["short"] is None else "large enough",
        )
        for one in sorted(seen["terminals"], key=lambda one: -one["bytes"])
    ]
    show(("mac", "online", "to download", "disk"), rows, none="no terminals")
    click.echo(
        f"version {seen['version']}: {size(seen['total_bytes'])} in total, {size(seen['most_bytes'])} at most; "
        f"{counted(seen['nothing'], 'terminal')} with nothing to download"
    )
    if seen["too_small"]:
        click.echo(_too_small(seen), err=True)


def _too_small(seen: dict[str, Any]) -> str:
    """The warning that disks are too small, with the worst of them."""
    worst = max(seen["terminals"], key=lambda one: one["short"] or 0)
    return (
        f"warning: the disk of {counted(seen['too_small'], 'terminal')} is too small for version {seen['version']}, "
        f"of {worst['mac']} by {size(worst['short'])}: make room there first"
    )


@rollout.command()
@click.argument("number", type=click.IntRange(1), metavar="ID")
@with_server
@with_json
def watch(number: int, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Show the progress of rollout ID until it ends; Ctrl-C leaves it running.

    With --json, one line for each change: totals, and the targets that changed since the previous line.
    """
    watch_rollout(connect(server, token, data), number, as_json=as_json)


@rollout.command()
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.argument("terminals", nargs=-1, metavar="[MAC|NAME]...")
@with_server
@with_json
def cancel(
    number: int, terminals: tuple[str, ...], server: str | None, token: str | None, data: Path | None, as_json: bool
) -> None:
    """Cancel rollout ID, or take some terminals out of it; terminals that already have everything keep it."""
    api = connect(server, token, data)
    if terminals:
        macs = [one["mac"] for one in Choice(False, None, terminals).find(api)]
        seen = api.change("POST", f"/rollouts/{number}/cancel", {"macs": macs})
        if as_json:
            say_json(seen)
        else:
            click.echo(f"{counted(seen['cancelled'], 'terminal')} taken out of rollout {number}")
        return
    seen = api.change("DELETE", f"/rollouts/{number}")
    if as_json:
        say_json(seen)
    else:
        count = sum(target["state"] == "cancelled" for target in seen["targets"])
        click.echo(f"rollout {number} was cancelled for {counted(count, 'terminal')}")


@rollout.command()
@click.argument("number", type=click.IntRange(1), metavar="ID")
@with_server
@with_json
def retry(number: int, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Retry now the terminals of rollout ID that failed or are waiting after a failure."""
    seen = connect(server, token, data).change("POST", f"/rollouts/{number}/retry")
    if as_json:
        say_json(seen)
    else:
        click.echo(f"retrying {counted(seen['retried'], 'terminal')} of rollout {number}")


@rollout.command("list")
@click.option("--state", type=click.Choice(STATES), help="only those in this state")
@click.option("--template", metavar="TEMPLATE", shell_complete=complete_template, help="only those of this template")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="how many, the newest")
@with_server
@with_json
def list_(
    state: str | None,
    template: str | None,
    limit: int,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """List rollouts, newest first."""
    api = connect(server, token, data)
    uuid = None if template is None else template_named(api, template)
    seen = api.get("/rollouts", {"state": state, "template": uuid, "limit": limit})
    if as_json:
        say_json(seen)
    elif seen["rollouts"]:
        console().print(rollout_table(seen["rollouts"]))
        if seen["total"] > len(seen["rollouts"]):
            click.echo(f"{len(seen['rollouts'])} of {seen['total']}; --limit shows more")
    else:
        click.echo("no rollouts")


def rollout_table(rollouts: list[dict[str, Any]]) -> Any:
    """Rollouts in short."""
    rows = [
        (
            one["id"],
            one["template_name"] or one["template"],
            one["version"],
            cell(one["state"], STYLES.get(one["state"], "")),
            percent(one["progress"]),
            counts_text(one),
            rate(one["rate"]) if one["rate"] else "-",
            duration(one["eta"]),
            moment(one["created"]),
        )
        for one in rollouts
    ]
    columns = ("id", "template", "version", "state", "progress", "terminals", "rate", "time left", "started")
    return table(columns, rows, title="Rollouts")
