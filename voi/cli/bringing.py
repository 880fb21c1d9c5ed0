"""Commands that bring a template to the server: import of an image file, upload from a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from voi.cli.api import ApiClient
from voi.cli.completion import complete_template
from voi.cli.failures import Failed, Interrupted
from voi.cli.follow import follow
from voi.cli.lookup import Choice, template_of, uuid_or_none
from voi.cli.output import console, say_json
from voi.cli.settings import connect, with_json, with_server

DISK_TYPES: Final = ("system", "data", "shared")


def _further_disks(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> list[tuple[str, str]]:
    """Type and absolute path of each TYPE:FILE."""
    found = []
    for text in given:
        kind, _, path = text.partition(":")
        if kind not in DISK_TYPES or not path:
            raise click.BadParameter(f"{text!r} is not TYPE:FILE, where TYPE is one of {', '.join(DISK_TYPES)}")
        found.append((kind, str(Path(path).absolute())))
    return found


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="name of the template")
@click.option(
    "--sys-type", type=click.IntRange(0, 127), default=0, show_default=True, help="number of the operating system"
)
@click.option(
    "--type", "kind", type=click.Choice(DISK_TYPES), default="system", show_default=True, help="type of the disk"
)
@click.option(
    "--disk",
    "further",
    multiple=True,
    callback=_further_disks,
    metavar="TYPE:FILE",
    help="a further disk; can be repeated",
)
@click.option("--remark", default="", help="kept with the template and its first versions")
@with_server
@with_json
def import_(
    file: Path,
    name: str,
    sys_type: int,
    kind: str,
    further: list[tuple[str, str]],
    remark: str,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Create a template from the image FILE, a path on the server, and wait until it is published.

    For a template with several disks, give --disk for each further one, such as --disk data:/srv/images/data.qcow2.
    """
    api = connect(server, token, data)
    disks = [(kind, str(file.absolute())), *further]
    body: dict[str, Any] = {"name": name, "sys_type": sys_type}
    body["disks"] = [{"type": one, "path": path} for one, path in disks]
    if remark:
        body["desc"] = remark
    template = api.change("POST", "/templates", body)
    try:
        path = f"/templates/{template['uuid']}"
        template = follow(api, path, template, console(err=True), running=("importing", "uploading"))
    except KeyboardInterrupt:
        raise Interrupted(f"the import goes on; its template is {template['uuid']}") from None
    if template["state"] == "failed":
        raise Failed(template["reason"] or "the import failed; the server's log says why")
    _tell(as_json, template, template["uuid"])


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
    _tell(as_json, seen, seen["template"])


def _template(api: ApiClient, mac: str, text: str) -> str:
    """A template that the server or the terminal knows.

    :raises Failed: there is none of this name; says which the terminal has.
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
        told = "".join(f"\n  {uuid}  {name}" for uuid, name in sorted(own.items()))
        raise Failed(f"{error.message}\n{mac} has disks that the server does not have, of:{told}") from error


def _tell(as_json: bool, seen: dict[str, Any], uuid: str) -> None:
    """What is left on stdout: all of it, or the uuid that the next command takes."""
    if as_json:
        say_json(seen)
    else:
        click.echo(uuid)
