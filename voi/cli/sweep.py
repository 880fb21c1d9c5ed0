"""`voi sweep`: files in the server's data directory to which nothing refers, listed and deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from voi.cli.failures import SomeFailed, confirm
from voi.cli.output import console, counted, say_json, show, size, table
from voi.cli.settings import connect, with_json, with_server

_KINDS: Final = {
    "disk": "a level that no template has",
    "upload": "an upload that ended",
    "fetched": "a level that was fetched back",
    "torrent": "the torrent or block table of such a file",
    "resume": "notes on such a file",
    "draft": "half-written",
}


@click.command()
@click.option("--delete", is_flag=True, help="delete them; without it they are only listed")
@click.option("--yes", "-y", is_flag=True, help="do not ask for confirmation")
@with_server
@with_json
def sweep(delete: bool, yes: bool, server: str | None, token: str | None, data: Path | None, as_json: bool) -> None:
    """List files in the server's data directory to which nothing refers; with --delete, delete them for good.

    A crash leaves such files, and so does a database that was put back from an older backup: then they may be levels
    that you want. Files that the server did not make, and those written within the last hour, are not among them.
    """
    api = connect(server, token, data)
    found = api.get("/orphans")
    if not delete or not found["files"]:
        if as_json:
            say_json(found if not delete else {"deleted": [], "size": 0, "refused": []})
        else:
            _list(found)
        return
    if not yes:
        _list(found, err=True)
        confirm(f"Delete {counted(len(found['files']), 'file')} ({size(found['size'])}) for good?")
    seen = api.change("DELETE", "/orphans")
    if as_json:
        say_json(seen)
    else:
        click.echo(f"deleted: {counted(len(seen['deleted']), 'file')}, {size(seen['size'])}")
        for one in seen["refused"]:
            click.echo(f"not deleted: {one['text']}", err=True)
    if seen["refused"]:
        raise SomeFailed(f"{counted(len(seen['refused']), 'file')} could not be deleted")


def _list(found: dict[str, Any], *, err: bool = False) -> None:
    rows = [(one["path"], size(one["size"]), _KINDS.get(one["kind"], one["kind"])) for one in found["files"]]
    columns = ("file", "size", "what it was")
    if err:
        console(err=True).print(table(columns, rows))
    else:
        show(columns, rows, none="nothing: each file in the data directory is referred to")
    if rows:
        click.echo(f"{counted(len(rows), 'file')}, {size(found['size'])}", err=err)
