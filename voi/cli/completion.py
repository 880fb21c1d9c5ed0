"""Shell completion: the script for a shell, and names of templates and rooms.

Names come from outside, and a shell interprets what is in a command line: only names of letters, digits and a few
signs are completed as they are, all others by their uuid or number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from voi.cli.api import ApiClient
from voi.cli.output import printable
from voi.cli.settings import connect, option_of_root

PATIENCE_SECONDS: Final = 2.0
"""Somebody has pressed Tab and waits."""

_SAFE: Final = re.compile(r"\w[\w.+-]*")
"""What no shell takes for anything but a word."""

SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    \b
    bash: eval "$(voi completion bash)" in ~/.bashrc
    zsh:  eval "$(voi completion zsh)" in ~/.zshrc
    fish: voi completion fish > ~/.config/fish/completions/voi.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "voi", "_VOI_COMPLETE").source())


def complete_template(context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Templates that begin so."""
    return _complete(context, typed, lambda api: api.get("/templates")["templates"], "uuid")


def complete_room(context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem]:
    """Rooms that begin so."""
    return _complete(context, typed, lambda api: api.get("/rooms")["rooms"], "id")


def _complete(
    context: click.Context, typed: str, ask: Callable[[ApiClient], Iterable[dict[str, Any]]], key: str
) -> list[CompletionItem]:
    given = {name: context.params.get(name) or option_of_root(context, name) for name in ("server", "token", "data")}
    try:
        api = connect(given["server"], given["token"], given["data"], timeout=PATIENCE_SECONDS)
        found = ask(api)
    except click.ClickException:  # whatever it is: there is no place to show it in the middle of a command line
        return []
    names = [one["name"] for one in found]
    items = []
    for one in found:
        safe = _SAFE.fullmatch(one["name"]) and names.count(one["name"]) == 1
        value = one["name"] if safe else str(one[key])
        if value.startswith(typed) or one["name"].startswith(typed):
            items.append(CompletionItem(value, help=None if safe else printable(one["name"], lines=False)))
    return items
