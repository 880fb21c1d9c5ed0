"""The `voi` command: speaks to a running server over its HTTP API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from voi import __version__
from voi.store.directory import DataDirectory

DEFAULT_SERVER: Final = "http://127.0.0.1:50021"

REQUEST_SECONDS: Final = 30.0
"""How long one answer may take: everything long goes on in the server after its answer."""

LOOK_AGAIN_SECONDS: Final = 0.5
"""Between two looks at an import."""

PATIENCE: Final = 120
"""Looks in a row that may fail, a minute of them: an import goes on after a restart of the server."""

DISK_TYPES: Final = ("system", "data")


class ServerError(click.ClickException):
    """The server refused, or could not be reached; exit status 1, the reason on stderr."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class Unreachable(ServerError):
    """No answer at all."""


@dataclass(frozen=True, slots=True)
class Api:
    """The HTTP API of a server."""

    server: str
    token: str

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer.

        :raises ServerError: the server's own reason.
        :raises Unreachable: there is no server, or what answers is none of ours.
        """
        request = urllib.request.Request(  # noqa: S310 - `connect` took http and https alone
            self.server + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        # No proxy: the server is here or on this network, and the token is for nobody else.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=REQUEST_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ServerError(_reason(error)) from error
        except (OSError, HTTPException) as error:
            raise Unreachable(f"no answer from {self.server}: {getattr(error, 'reason', error)}") from error
        except ValueError as error:
            raise Unreachable(f"what answers at {self.server} is no voi server") from error


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"the server answered {error.code} {error.reason}"


def printable(text: str) -> str:
    """Text without the control characters that a terminal would obey: names come from strangers."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def connect(server: str, token: str | None, data: Path) -> Api:
    """The API with the token that was given, or with the one in the data directory.

    :raises click.ClickException: the address is none, or there is no token to be had.
    """
    if not server.startswith(("http://", "https://")):
        raise click.BadParameter(f"{server} is no http:// or https:// address", param_hint="--server")
    path = DataDirectory(data).api_token
    if not token:
        try:
            token = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "no token"
            raise click.ClickException(
                f"{path}: {reason}: say --data DIR (the server's data directory), --token or VOI_TOKEN"
            ) from error
    if not token.isascii() or not token.isprintable():
        raise click.BadParameter("a token is one line of ASCII", param_hint="--token")
    return Api(server.rstrip("/"), token)


def with_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which server is meant."""
    options = (
        click.option("--server", envvar="VOI_SERVER", default=DEFAULT_SERVER, show_default=True, help="its address"),
        click.option("--token", envvar="VOI_TOKEN", help="its API token  [default: the one in the data directory]"),
        click.option(
            "--data", type=click.Path(path_type=Path), default=Path("data"), show_default=True, help="data directory"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
@click.version_option(__version__, prog_name="voi")
def main() -> None:
    """Disk images for rooms full of PCs: what an administrator asks of a running voi server."""


@main.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="what the template is called")
@click.option("--sys-type", type=click.IntRange(0, 127), default=0, show_default=True, help="protocol number of the OS")
@click.option("--type", "kind", type=click.Choice(DISK_TYPES), default="system", show_default=True, help="of the disk")
@with_server
def import_(file: Path, name: str, sys_type: int, kind: str, server: str, token: str | None, data: Path) -> None:
    """Make a template of the image FILE, a path on the server, and wait until it is published."""
    api = connect(server, token, data)
    body = {"name": name, "sys_type": sys_type, "disks": [{"type": kind, "path": str(file.absolute())}]}
    template = api.ask("POST", "/api/v1/templates", body)
    console = Console(stderr=True)
    try:
        template = follow(api, template, console)
    except KeyboardInterrupt:
        raise ServerError(f"the import goes on; its template is {template['uuid']}") from None
    if template["state"] == "failed":
        raise ServerError(template["reason"] or "the import failed")
    click.echo(template["uuid"])


def follow(api: Api, template: dict[str, Any], console: Console, sleep: Callable[[float], None] = time.sleep) -> Any:
    """Show how far an import is until it has ended; the template then.

    :raises ServerError: the server could not be asked for long.
    """
    path = f"/api/v1/templates/{template['uuid']}"
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    failures = 0
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as shown:
        task = shown.add_task(stage(template), total=1.0)
        while template["state"] in ("importing", "uploading"):
            sleep(LOOK_AGAIN_SECONDS)
            try:
                template = api.ask("GET", path)
            except Unreachable:
                failures += 1
                if failures >= PATIENCE:
                    raise
                shown.update(task, description="the server does not answer")
            else:
                failures = 0
                shown.update(task, completed=template["progress"], description=stage(template))
    return template


_STAGES: Final = {"receiving": "copying and hashing", "verifying": "checking", "publishing": "publishing"}


def stage(template: dict[str, Any]) -> str:
    """What is being done to a template now."""
    states = [disk["state"] for upload in template["uploads"] for disk in upload["disks"]]
    return next((text for state, text in _STAGES.items() if state in states), "importing")


@main.command()
@with_server
def status(server: str, token: str | None, data: Path) -> None:
    """Show what the server has and does: templates, rollouts, terminals."""
    api = connect(server, token, data)
    templates = api.ask("GET", "/api/v1/templates")["templates"]
    swarms = api.ask("GET", "/api/v1/swarms")["swarms"]
    rollouts = api.ask("GET", "/api/v1/rollouts")["rollouts"]
    terminals = api.ask("GET", "/api/v1/terminals")["terminals"]
    console = Console()
    names = {template["uuid"]: template["name"] for template in templates}
    console.print(_templates(templates, swarms))
    if rollouts:
        console.print(_rollouts(rollouts, names))
    online = sum(terminal["online"] for terminal in terminals)
    console.print(f"{online} of {len(terminals)} terminals are online", highlight=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        # A uuid is copied from here: the others give way to it on a narrow terminal.
        table.add_column(column, min_width=36 if column == "uuid" else None)
    return table


def _cell(value: Any) -> Text:
    """Text as it is: names are no markup."""
    return Text(printable(str(value)))


def _templates(templates: list[dict[str, Any]], swarms: list[dict[str, Any]]) -> Table:
    table = _table("Templates", "name", "uuid", "version", "state", "seeds", "copies sent")
    for template in templates:
        own = [swarm for swarm in swarms if swarm["template"] == template["uuid"]]
        state = template["state"]
        if state != "ready":
            state = f"{state} {template['progress']:.0%}"
        seeds = min((swarm["seeds"] for swarm in own), default=0)
        size, sent = sum(swarm["size"] for swarm in own), sum(swarm["server_sent"] for swarm in own)
        copies = f"{sent / size:.1f}" if size else "-"
        values = (template["name"], template["uuid"], template["version"], state, seeds, copies)
        table.add_row(*map(_cell, values))
    return table


_SHOWN_ROLLOUTS: Final = 10
"""The newest ones: a table is for a look, the API has them all."""


def _rollouts(rollouts: list[dict[str, Any]], names: dict[str, str]) -> Table:
    table = _table("Rollouts", "id", "template", "version", "state", "targets")
    for rollout in rollouts[:_SHOWN_ROLLOUTS]:
        counts = ", ".join(f"{count} {state}" for state, count in rollout["counts"].items() if count)
        template = names.get(rollout["template"], rollout["template"])
        table.add_row(*map(_cell, (rollout["id"], template, rollout["version"], rollout["state"], counts)))
    return table
