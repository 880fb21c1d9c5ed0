"""Commands to terminals and what became of them, as the API answers them."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from voi.web.resources.reasons import Why


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
    """The last commands for a terminal, newest first."""

    commands: list[TerminalCommand]


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
