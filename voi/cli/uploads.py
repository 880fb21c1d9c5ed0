"""Uploads: from a terminal, and those that failed: the list of them, trying again, and taking off the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voi.cli.api import ApiClient
from voi.cli.completion import complete_template
from voi.cli.failures import Failed, Interrupted
from voi.cli.follow import follow
from voi.cli.lookup import Choice, template_of, uuid_or_none
from voi.cli.output import console, moment, say_json, show, show_result
from voi.cli.settings import connect, with_json, with_server


@click.command()
@click.argument("terminal", metavar="MAC")
@click.argument("template", shell_complete=complete_template)
@click.option("--no-wait", is_flag=True, help="request it and do not wait")
@click.option("--remark", default="", help="kept with the version that is made from it")
@with_server
@with_json
def upload(
    terminal: str,
    template: str,
    no_wait: bool,
    remark: str,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Upload from the terminal MAC (or name) the disks of TEMPLATE that the server does not have.

    A terminal that is off is asked at its next login. If only the terminal knows the template, TEMPLATE is its uuid,
    or its name on the terminal.
    """
    api = connect(server, token, data)
    (found,) = Choice(every=False, room=None, terminals=(terminal,)).find(api)
    body = {"mac": found["mac"], "template": _template(api, found["mac"], template)}
    if remark:
        body["remark"] = remark
    seen = api.change("POST", "/uploads", body)
    path = f"/uploads/{seen['id']}"
    if not no_wait:
        if not found["online"]:
            click.echo(f"{found['mac']} is off and will be asked at its next login, even after Ctrl-C", err=True)
        try:
            seen = follow(api, path, seen, console(err=True), running=("open",))
        except KeyboardInterrupt:
            raise Interrupted(f"upload {seen['id']} goes on; `voi templates` shows its progress") from None
    if seen["state"] == "failed":
        reasons = "; ".join(f"{disk['name']}: {disk['reason']}" for disk in seen["disks"] if disk["reason"])
        raise Failed(reasons or "the upload failed; the server's log says why")
    show_result(as_json, seen, seen["template"])


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


def _template(api: ApiClient, mac: str, text: str) -> str:
    """A template that the server or the terminal knows.

    :raises Failed: none has this name; says which the terminal has.
    """
    uuid = uuid_or_none(text)
    if uuid is not None:
        return uuid
    try:
        return str(template_of(api.get("/templates")["templates"], text)["uuid"])
    except Failed as error:
        disks = [disk for disk in api.get(f"/terminals/{mac}")["disks"] if not disk["published"]]
        own = {disk["template"]: disk["template_name"] for disk in disks}
        called = [uuid for uuid, name in own.items() if name.casefold() == text.casefold()]
        if len(called) == 1:
            return str(called[0])
        if not own:
            raise
        own_templates = "".join(f"\n  {uuid}  {name}" for uuid, name in sorted(own.items()))
        raise Failed(f"{error.message}\n{mac} has disks that the server does not have, of:{own_templates}") from error
