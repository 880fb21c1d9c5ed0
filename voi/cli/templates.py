"""Templates: the list of them, and the import of an image file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from voi.cli.failures import Failed, Interrupted
from voi.cli.follow import follow, follow_check
from voi.cli.lookup import template_named
from voi.cli.output import console, say_json, show, show_result, size, state_cell
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
                " / ".join(str(one[f"terminals_{kind}"]) for kind in ("current", "outdated", "incomplete", "unknown")),
                f"{sent / whole:.1f}" if whole else "-",
                one["reason"],
            )
        )
    columns = (
        "name",
        "uuid",
        "version",
        "state",
        "size",
        "newest / older / incomplete / unknown",
        "copies sent",
        "reason",
    )
    show(columns, rows, none="no templates yet: `voi import FILE --name NAME` creates one from an image file")


@click.command()
@click.argument("template")
@with_server
@with_json
def check(template: str, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """Read the server's files of TEMPLATE from end to end, and wait for what is found.

    Pieces that are wrong are fetched back from terminals that have them right; that goes on after this command, which
    ends with status 1 where a file is not whole.
    """
    api = connect(server, token, data)
    path = f"/templates/{template_named(api, template)}"
    found = api.change("POST", f"{path}/check")
    try:
        found = follow_check(api, path, found, console(err=True))
    except KeyboardInterrupt:
        raise Interrupted("the check goes on") from None
    if as_json:
        say_json(found)
    elif not found["reason"]:
        click.echo(f"{found['name']}: every byte is as it was published")
    if found["reason"]:
        raise Failed(found["reason"])


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
    show_result(as_json, template, template["uuid"])
