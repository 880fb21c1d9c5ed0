"""Commands to terminals and what became of them: what the API takes and answers, made from the table of commands.

What all commands have in common is written out; their names, and what may be said with one, come from the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import getitem
from types import GenericAlias
from typing import Annotated, Any, Final, Literal, TypeVar

from msgspec import Meta, Struct, defstruct

from voi.domain.commands import COMMANDS, CommandTable
from voi.web.api.schemas.fields import Mac, Macs, Offset, Search, Some
from voi.web.http.reasons import Why

MOST_COMMANDS: Final = 200
"""Of each the outcomes are counted, which are thousands where it was for all terminals."""

Few = Annotated[int, Meta(ge=1, le=MOST_COMMANDS)]


class CommandRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A command for terminals."""

    command: str
    macs: Macs


class CommandQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Commands: `q` is a part of the command's name or its number, `mac` a terminal that it was for."""

    q: Search = ""
    command: str | None = None
    mac: Mac | None = None
    sort: Literal["created", "command", "-created", "-command"] = "-created"
    limit: Few = 50
    offset: Offset = 0


class TerminalCommandQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Commands for a terminal: `q` is a part of the command's name or its number."""

    q: Search = ""
    command: str | None = None
    state: Literal["waiting", "done", "failed", "replaced"] | None = None
    sort: Literal["created", "command", "-created", "-command"] = "-created"
    limit: Some = 50
    offset: Offset = 0


class CommandAccepted(Struct, frozen=True):
    """A command was written down and is being sent."""

    batch_no: int


class TerminalCommand(Struct, frozen=True):
    """A command and what became of it at one terminal: waiting, done, failed, or replaced by a newer one."""

    batch_no: int
    command: str
    created: datetime
    state: str
    reason: str
    why: Why | None
    updated: datetime


class OutcomeView(Struct, frozen=True):
    """What became of a command at one terminal: waiting, done, failed, or replaced by a newer one."""

    mac: str
    state: str
    reason: str
    why: Why | None
    updated: datetime


class CommandView(Struct, frozen=True):
    """A command and what became of it."""

    batch_no: int
    command: str
    created: datetime
    outcomes: list[OutcomeView]


class CommandSummary(Struct, frozen=True):
    """A command in short: for how many terminals it was, and how many of them are in each state."""

    batch_no: int
    command: str
    created: datetime
    terminals: int
    counts: dict[str, int]


class CommandList(Struct, frozen=True):
    """Commands in short; `total` is how many were asked for, `offset` how many of them were left out first."""

    commands: list[CommandSummary]
    total: int
    offset: int


class TerminalCommands(Struct, frozen=True):
    """Commands for a terminal; `total` is how many were asked for, `offset` how many of them were left out first."""

    commands: list[TerminalCommand]
    total: int
    offset: int


S = TypeVar("S", bound=Struct)


class CommandSchemas:
    """The shapes above with the names and fields of a table."""

    def __init__(self, table: CommandTable = COMMANDS) -> None:
        names = _one_of(kind.name for kind in table)
        given = _one_of(kind.name for kind in table.given)
        whose = {name: [kind.name for kind in table if name in kind.fields] for name in table.fields}
        belongs = [f"`{name}` belongs to `{'` and `'.join(kinds)}` alone" for name, kinds in whose.items()]
        choices = [(name, _one_of(values) | None, None) for name, values in table.fields.items()]
        shown = [(name, int | None) for name in table.fields]
        self.request = _like(
            CommandRequest,
            [("command", given), ("macs", Macs), *choices],
            f"{'; '.join(['A command for terminals', *belongs])}.",
        )
        self.query = _like(CommandQuery, [("command", names | None, None)])
        self.terminal_query = _like(TerminalCommandQuery, [("command", names | None, None)])
        self.terminal_command = _like(TerminalCommand, shown)
        self.view = _like(CommandView, shown)
        self.summary = _like(CommandSummary, shown)
        self.list = _like(CommandList, [("commands", GenericAlias(list, (self.summary,)))])
        self.of_terminal = _like(TerminalCommands, [("commands", GenericAlias(list, (self.terminal_command,)))])


def _one_of(values: Iterable[str | int]) -> Any:
    """The type of these very values."""
    return getitem(Literal, tuple(values))


def _like(base: type[S], fields: Sequence[Any], text: str = "") -> type[S]:
    """The same with some fields more, or with others of the same name; those without a default must be given."""
    strict = base.__struct_config__.forbid_unknown_fields
    made: type[S] = defstruct(  # type: ignore[assignment]  # of its bases
        base.__name__,
        fields,
        bases=(base,),
        module=__name__,
        namespace={"__doc__": text or base.__doc__},
        frozen=True,
        forbid_unknown_fields=strict,
        kw_only=True,
    )
    return made
