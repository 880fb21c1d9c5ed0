"""What is meant by a name: templates by uuid or name, rooms by number or name, terminals by MAC address or name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

import click

from voi.cli.api import ApiClient
from voi.cli.completion import complete_room
from voi.cli.failures import Failed
from voi.errors import VoiError
from voi.names import canonical_mac, canonical_uuid

MOST_LISTED: Final = 10
"""Candidates that an error lists."""

NO_ROOM: Final = ("0", "none")
"""How terminals in no room are asked for."""


def named(found: Sequence[dict[str, Any]], text: str, what: str, key: str, command: str) -> dict[str, Any]:
    """The one thing of this name; where none has exactly this, upper and lower case are the same.

    :param key: what tells things of one name apart.
    :param command: the command that lists them.
    :raises Failed: none has it, or several; says which there are.
    """
    same = [one for one in found if one["name"] == text]
    same = same or [one for one in found if one["name"].casefold() == text.casefold()]
    if len(same) == 1:
        return same[0]
    if same:
        listed = "".join(f"\n  {one[key]}  {one['name']}" for one in same[:MOST_LISTED])
        more = f"\n  and {len(same) - MOST_LISTED} more" if len(same) > MOST_LISTED else ""
        raise Failed(f"{len(same)} {what}s are called {text!r}; specify which one:{listed}{more}")
    near = get_close_matches(text, [one["name"] for one in found if one["name"]], n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"`{command}` lists them"
    raise Failed(f"there is no {what} {text!r}: {hint}")


def uuid_or_none(text: str) -> str | None:
    """A uuid in lower case, if the text is one."""
    try:
        return canonical_uuid(text)
    except VoiError:
        return None


def template_named(api: ApiClient, text: str) -> str:
    """The uuid of a template.

    :raises Failed: there is none, or several.
    """
    uuid = uuid_or_none(text)
    if uuid is not None:
        return uuid
    return str(template_of(api.get("/templates")["templates"], text)["uuid"])


def template_of(found: Sequence[dict[str, Any]], text: str) -> dict[str, Any]:
    """The template of this name; one that has a version goes before what is still, or never was, on its way to one.

    :raises Failed: there is none, or several.
    """
    published = [one for one in found if one["version"] and one["name"].casefold() == text.casefold()]
    return named(published or found, text, "template", "uuid", "voi templates")


def room_named(api: ApiClient, text: str) -> int:
    """The number of a room; 0 for those in none. A room whose name is a number goes by its name first.

    :raises Failed: there is none, or several.
    """
    rooms = api.get("/rooms")["rooms"]
    if not any(room["name"] == text for room in rooms):
        if text in NO_ROOM:
            return 0
        if any(str(room["id"]) == text for room in rooms):
            return int(text)
    return int(named(rooms, text, "room", "id", "voi status")["id"])


@dataclass(frozen=True, slots=True)
class Choice:
    """Terminals as the command line names them: all, those of a room, or these."""

    every: bool
    room: str | None
    terminals: tuple[str, ...]

    def body(self, api: ApiClient) -> dict[str, Any]:
        """The choice as a rollout takes it.

        :raises Failed: a name is none.
        """
        if self.every:
            return {"macs": "all"}
        if self.room is not None:
            room = room_named(api, self.room)
            return {"room": room} if room else {"macs": [one["mac"] for one in self.find(api)]}
        return {"macs": [one["mac"] for one in self.find(api)]}

    def find(self, api: ApiClient) -> list[dict[str, Any]]:
        """The terminals themselves, each once.

        :raises Failed: there is none, or a name is none.
        """
        if self.room is not None:
            found = api.terminals(room=room_named(api, self.room))
            if not found:
                raise Failed(f"room {self.room!r} has no terminals: `voi terminals` shows where they are")
            return found
        found = api.terminals()
        if not self.every:
            by_mac = {one["mac"]: one for one in found}
            chosen = [_terminal(by_mac, found, text) for text in self.terminals]
            return list({one["mac"]: one for one in chosen}.values())
        if not found:
            raise Failed("no terminal has ever logged in to this server")
        return found


def _terminal(by_mac: dict[str, dict[str, Any]], found: list[dict[str, Any]], text: str) -> dict[str, Any]:
    try:
        mac = canonical_mac(text)
    except VoiError:
        return named(found, text, "terminal", "mac", "voi terminals")
    if mac not in by_mac:
        raise Failed(f"{mac} has never logged in to this server: `voi terminals` lists those that have")
    return by_mac[mac]


def with_terminals(command: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and options that name terminals; `choice_of` puts them together."""
    options = (
        click.argument("terminals", nargs=-1, metavar="[MAC|NAME]..."),
        click.option("--all", "every", is_flag=True, help="all terminals that have ever logged in"),
        click.option(
            "--room", metavar="ROOM", shell_complete=complete_room, help="all terminals of a room (name or number)"
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def choice_of(every: bool, room: str | None, terminals: tuple[str, ...]) -> Choice:
    """The choice, which must be exactly one of the three.

    :raises click.UsageError: it is not one, or more than one.
    """
    if sum((every, room is not None, bool(terminals))) != 1:
        raise click.UsageError(
            "specify terminals in one of three ways: --all, --room ROOM, or their MAC addresses or names"
        )
    return Choice(every, room, terminals)
