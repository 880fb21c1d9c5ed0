"""`voi token`: API tokens for programs, made, listed and revoked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from voi.cli.lookup import named
from voi.cli.output import moment, say_json, show
from voi.cli.settings import connect, with_json, with_server

ROLES: Final = ("operator", "administrator")


@click.group()
def token() -> None:
    """API tokens for programs."""


@token.command("list")
@with_server
@with_json
def list_(server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """List tokens, each with its last use; not the tokens themselves."""
    found = connect(server, token, data).get("/tokens")
    if as_json:
        say_json(found)
        return
    rows = [
        (one["id"], one["name"], one["role"], moment(one["created"]), moment(one["last_used"]))
        for one in found["tokens"]
    ]
    show(
        ("id", "name", "role", "created", "last used"), rows, none="no tokens other than the one in the data directory"
    )


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=ROLES[0], show_default=True, help="what it may do")
@with_server
@with_json
def make(name: str, role: str, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Create a token for the program NAME and print it. It is shown only this once."""
    made = connect(server, token, data).change("POST", "/tokens", {"name": name, "role": role}, again=False)
    if as_json:
        say_json(made)
    else:
        click.echo(made["token"])


@token.command()
@click.argument("which", metavar="ID|NAME")
@with_server
@with_json
def revoke(which: str, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Revoke a token; programs that use it are refused from then on."""
    api = connect(server, token, data)
    found = api.get("/tokens")["tokens"]
    one = next((one for one in found if str(one["id"]) == which), None)
    one = one or named(found, which, "token", "id", "voi token list")
    api.change("DELETE", f"/tokens/{one['id']}")
    if as_json:
        say_json({"id": one["id"], "name": one["name"]})
    else:
        click.echo(f"token {one['id']} was revoked")
