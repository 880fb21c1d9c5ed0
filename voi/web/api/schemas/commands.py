"""Commands to terminals and what became of them, as the API answers them."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from voi.web.http.reasons import Why


class TerminalCommand(Struct, frozen=True):
    """A command and what became of it at one terminal: waiting, done, failed, or replaced by a newer one."""

    batch_no: int
    command: str
    switch: int | None
    created: datetime
    state: str
    reason: str
    why: Why | None
    updated: datetime


class TerminalCommands(Struct, frozen=True):
    """Commands for a terminal; `total` is how many were asked for, `offset` how many of them were left out first."""

    commands: list[TerminalCommand]
    total: int
    offset: int


class CommandAccepted(Struct, frozen=True):
    """A command was written down and is being sent."""

    batch_no: int


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
    switch: int | None
    created: datetime
    outcomes: list[OutcomeView]


class CommandSummary(Struct, frozen=True):
    """A command in short: for how many terminals it was, and how many of them are in each state."""

    batch_no: int
    command: str
    switch: int | None
    created: datetime
    terminals: int
    counts: dict[str, int]


class CommandList(Struct, frozen=True):
    """Commands in short; `total` is how many were asked for, `offset` how many of them were left out first."""

    commands: list[CommandSummary]
    total: int
    offset: int
