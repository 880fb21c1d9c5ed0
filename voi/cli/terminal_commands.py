"""Commands for terminals, those of the table and waking; with a question first where somebody may be at work."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from voi.cli.api import PAGE, ApiClient
from voi.cli.failures import Failed, Interrupted, SomeFailed, Unreachable, confirm
from voi.cli.lookup import Choice, choice_of, with_terminals
from voi.cli.output import counted, say_json, show
from voi.cli.settings import connect, with_json, with_server
from voi.domain.commands import COMMANDS, CommandKind

POLL_SECONDS: Final = 0.5
WAIT_SECONDS: Final = 60.0
"""How long outcomes are waited for; the server itself gives a terminal less than that to answer."""

SILENT: Final = frozenset({"no_answer", "too_many_waiting"})
"""Codes of reasons that say that a terminal is connected and does not answer."""


def _with_wait(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--wait",
        type=click.FloatRange(0, 3600),
        default=WAIT_SECONDS,
        show_default=True,
        metavar="SECONDS",
        help="how long to wait for results; 0: not at all",
    )(command)


def _with_yes(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--yes", "-y", is_flag=True, help="do not ask for confirmation")(command)


def _help(kind: CommandKind) -> str:
    if kind.waits:
        return f"{kind.summary}; terminals that are off get it at their next login."
    return (
        f"{kind.summary}. Those that are off are left out and reported; that is not a failure. Status 1 if all are off."
    )


def _giving(kind: CommandKind) -> click.Command:
    """The command of the shell that gives one of the table."""

    def give(
        terminals: tuple[str, ...],
        every: bool,
        room: str | None,
        wait: float,
        server: str | None,
        token: str | None,
        data: Path | None,
        as_json: bool,
        yes: bool = False,
        **said: str,
    ) -> None:
        choice = choice_of(every, room, terminals)
        fields = {name: choices[said[name]] for name, choices in kind.fields.items()}
        _give(
            connect(server, token, data), choice, kind, fields, yes=yes or not kind.question, wait=wait, as_json=as_json
        )

    made: Callable[..., None] = _with_wait(with_server(with_json(give)))
    if kind.question:
        made = _with_yes(made)
    made = with_terminals(made)
    for name, choices in kind.fields.items():
        made = click.argument(name, type=click.Choice(tuple(choices)))(made)
    return click.command(name=kind.name.replace("_", "-"), help=_help(kind))(made)


GIVING: Final = tuple(map(_giving, COMMANDS.given))
"""A command of the shell for each that a person gives."""


@click.command()
@with_terminals
@with_server
@with_json
def wake(
    terminals: tuple[str, ...],
    every: bool,
    room: str | None,
    server: str | None,
    token: str | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Wake terminals with a magic packet. Nothing answers it: `voi terminals` shows which ones came up."""
    choice = choice_of(every, room, terminals)
    api = connect(server, token, data)
    macs = [one["mac"] for one in _few_enough(choice.find(api)) if not one["online"]]
    sent = api.change("POST", "/terminals/wake", {"macs": macs})["sent"] if macs else 0
    if as_json:
        say_json({"sent": sent, "macs": macs})
    elif macs:
        click.echo(f"{counted(sent, 'magic packet')} sent, for {counted(len(macs), 'terminal')}")
    else:
        click.echo("all of them are already on")


def _few_enough(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same.

    :raises Failed: they are more than the server takes at once.
    """
    if len(found) > PAGE:
        raise Failed(f"{len(found)} terminals are more than the {PAGE} allowed in one command: go room by room")
    return found


def _only_online(found: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Those that are on, and those that are left out.

    :raises Failed: all of them are off.
    """
    online = [one for one in found if one["online"]]
    if not online:
        raise Failed(f"{'all of them are' if len(found) > 1 else 'it is'} off, so nothing was done")
    return online, [one for one in found if not one["online"]]


def _give(
    api: ApiClient,
    choice: Choice,
    kind: CommandKind,
    fields: dict[str, int],
    *,
    yes: bool,
    wait: float,
    as_json: bool,
) -> None:
    """Ask, give the command to the very terminals that were asked about, wait, and tell what became of it."""
    found = _few_enough(choice.find(api))
    off: list[dict[str, Any]] = []
    if not kind.waits:  # of no use to who is off, where the others get it at their next login
        found, off = _only_online(found)
    left_out = f"{len(off)} left out because {'it is' if len(off) == 1 else 'they are'} off"
    if not yes:
        question = f"{kind.question} {counted(len(found), 'terminal')}{f' ({left_out})' if off else ''}?"
        confirm(question)
    body = {"command": kind.name, "macs": [one["mac"] for one in found], **fields}
    number = api.change("POST", "/commands", body)["batch_no"]
    try:
        seen = outcomes(api, number, wait)
    except KeyboardInterrupt:
        raise Interrupted(f"command {number} was sent and goes on") from None
    counts = Counter(one["state"] for one in seen["outcomes"])
    if as_json:
        say_json({**seen, "left_out": [one["mac"] for one in off]})
    else:
        names = {one["mac"]: one["name"] for one in found}
        rows = [
            (names.get(one["mac"], ""), one["mac"], one["state"], one["reason"])
            for one in seen["outcomes"]
            if one["state"] != "done"
        ]
        if rows:
            show(("name", "mac", "state", "reason"), rows, none="")
        told = [f"{count} {state}" for state, count in sorted(counts.items())]
        click.echo(f"command {number}: " + ", ".join(told + ([left_out] if off else [])))
    silent = sum(map(_stayed_silent, seen["outcomes"])) if wait else 0
    if counts["failed"] or silent:
        said = {"failed": counts["failed"], "did not answer": silent}
        first, *others = [(count, what) for what, count in said.items() if count]
        told = [f"{first[0]} of {counted(len(found), 'terminal')} {first[1]}", *(f"{n} {what}" for n, what in others)]
        raise SomeFailed(", ".join(told))


def _stayed_silent(one: dict[str, Any]) -> bool:
    """Whether a terminal that is on has not answered; one that is off gets the command at its login."""
    if one["state"] != "waiting":
        return False
    return not one["reason"] or any(code in SILENT for code in _codes(one.get("why")))


def _codes(why: Any) -> list[str]:
    """The codes of a reason and of those in it."""
    if not isinstance(why, dict):
        return []
    return [why["code"], *(code for value in why["data"].values() for code in _codes(value))]


def outcomes(api: ApiClient, number: int, wait: float, sleep: Callable[[float], None] = time.sleep) -> Any:
    """What became of a command, once nothing of it is under way any more or the time is over.

    What waits for a terminal's next login has a reason that says so, and is not waited for.

    :param wait: seconds.
    :raises Failed: the server refused.
    """
    end = time.monotonic() + wait
    while True:
        try:
            seen = api.get(f"/commands/{number}")
        except Unreachable:
            if time.monotonic() >= end:
                raise
        else:
            under_way = any(one["state"] == "waiting" and not one["reason"] for one in seen["outcomes"])
            if not under_way or time.monotonic() >= end:
                return seen
        sleep(POLL_SECONDS)
