"""A command that was given to terminals, and what became of it at each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

STATES: Final = ("waiting", "done", "failed", "replaced")
"""What may become of a command at a terminal."""


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What became of a command at one terminal: `waiting`, `done`, `failed`, or `replaced` by a newer one; and why.

    That is a `voi.messages.reason.Reason` where it is known of what it is made.
    """

    mac: str
    state: str
    reason: str
    updated: float


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was given.

    `body` is without batch_no; `waits` says whether terminals that are offline get it at their next login.
    """

    batch_no: int
    code: int
    body: dict[str, Any]
    waits: bool
    created: float
    outcomes: tuple[CommandOutcome, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandCounts:
    """A command without its outcomes, and how many of them are in each state."""

    command: Command
    counts: Mapping[str, int]


class CommandResult(NamedTuple):
    """What became of a command at one terminal, to be written down; `waiting` with a reason says for what."""

    batch_no: int
    mac: str
    state: str
    reason: str
    updated: float
