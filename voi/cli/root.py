"""The `voi` command with all that it can do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from voi import __version__
from voi.cli.completion import completion
from voi.cli.events import events
from voi.cli.failures import STATUSES, InterruptibleGroup
from voi.cli.rollouts import rollout
from voi.cli.settings import with_server_of_all
from voi.cli.status import status
from voi.cli.sweep import sweep
from voi.cli.templates import check, import_, templates
from voi.cli.terminal_commands import GIVING, wake
from voi.cli.terminals import terminals
from voi.cli.tokens import token
from voi.cli.uploads import upload, uploads

_EPILOG: Final = "\b\nExit status:\n" + "\n".join(f"{number:>5}  {text}" for number, text in STATUSES.items())


@click.group(cls=InterruptibleGroup, epilog=_EPILOG)
@click.version_option(__version__, prog_name="voi")
@with_server_of_all
def main(server: str | None, token: str | None, data: Path | None) -> None:
    """Disk images for rooms full of PCs: control a running voi server.

    Server and token come from options (before or after the command), from VOI_SERVER and VOI_TOKEN, or from
    ~/.config/voi.toml (server = "...", token = "..."). On the server itself the token is read from its data directory.
    """


for _command in (
    status,
    terminals,
    templates,
    check,
    import_,
    upload,
    uploads,
    rollout,
    *GIVING,
    wake,
    events,
    token,
    sweep,
    completion,
):
    main.add_command(_command)
