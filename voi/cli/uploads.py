"""Commands about uploads and imports that failed: which, why, once more, or never mind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voi.cli.output import moment, say_json, show
from voi.cli.settings import connect, with_json, with_server


@click.group()
def uploads() -> None:
    """Failed uploads and imports."""


@uploads.command("list")
@with_server
@with_json
def list_(server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """List failed uploads and imports that were neither retried nor dismissed, newest first."""
    api = connect(server, token, data)
    found = [one for template in api.get("/templates")["templates"] for one in template["failed"]]
    found.sort(key=lambda one: -int(one["id"]))
    if as_json:
        say_json({"uploads": found})
        return
    rows = [(one["id"], one["name"], _origin(one), moment(one["created"]), one["who"], _reason(one)) for one in found]
    show(("number", "template", "from", "started", "who", "reason"), rows, none="no upload or import has failed")


@uploads.command()
@click.argument("number", type=int)
@with_server
@with_json
def retry(number: int, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Retry the disks of upload or import NUMBER that failed."""
    made = connect(server, token, data).change("POST", f"/uploads/{number}/retry")
    if as_json:
        say_json(made)
    else:
        click.echo(f"retried as number {made['id']}; `voi templates` shows its progress")


@uploads.command()
@click.argument("number", type=int)
@with_server
@with_json
def dismiss(number: int, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Take the failed upload or import NUMBER off the list."""
    seen = connect(server, token, data).change("POST", f"/uploads/{number}/dismiss")
    if as_json:
        say_json(seen)


def _origin(one: dict[str, Any]) -> str:
    files = [disk["source"] for disk in one["disks"] if disk["source"]]
    return str(one["mac"] or ", ".join(files) or "-")


def _reason(one: dict[str, Any]) -> str:
    return "; ".join(f"{disk['name']}: {disk['reason']}" for disk in one["disks"] if disk["state"] == "failed")
