"""Terminals, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from voi.web.http.reasons import Why


class TerminalDisk(Struct, frozen=True):
    """A level that a terminal says it has; not `published` means that only the terminal has it.

    `template_name` is what the terminal calls its template, empty where it did not say.
    """

    uuid: str
    level: int
    name: str
    type: int
    template: str
    template_name: str
    operate_id: int | None
    published: bool


class TerminalView(Struct, frozen=True):
    """A terminal; `boot_disk` is what it last started from.

    `version` is the newest of its `template` that it has all of, 0 where that is not known, and `newest` the newest
    there is. `state` is its state now; where that comes from a rollout, `rollout`, `progress` and `reason`
    are that rollout's.
    """

    mac: str
    name: str
    ip: str
    room: int | None
    online: bool
    online_since: datetime | None
    client_type: int
    boot_disk: str | None
    template: str | None
    version: int
    newest: int
    state: Literal["offline", "current", "outdated", "waiting", "downloading", "failed", "empty"]
    progress: float
    rollout: int | None
    reason: str
    why: Why | None
    first_seen: datetime
    last_seen: datetime
    disks: list[TerminalDisk]


class TerminalList(Struct, frozen=True):
    """Terminals; `total` is how many were asked for, `offset` how many of them were left out first."""

    terminals: list[TerminalView]
    total: int
    offset: int


class PartView(Struct, frozen=True):
    """What became of a rollout at one terminal; `updated` is when that was, such as when it had all of the version."""

    rollout: int
    template: str
    name: str
    version: int
    state: Literal["waiting", "downloading", "done", "failed", "cancelled"]
    progress: float
    reason: str
    why: Why | None
    begun: datetime
    updated: datetime


class VisitView(Struct, frozen=True):
    """A time that a terminal was online; `until` is null for one that is not over, or whose end was not recorded."""

    since: datetime
    until: datetime | None


class TerminalHistory(Struct, frozen=True):
    """The rollouts that a terminal was in, and the last times that it was online, newest first."""

    rollouts: list[PartView]
    online: list[VisitView]


class Changed(Struct, frozen=True):
    """How many were changed; those that were as wanted before are not counted."""

    changed: int


class Forgotten(Struct, frozen=True):
    """How many terminals were forgotten."""

    forgotten: int


class Woken(Struct, frozen=True):
    """How many magic packets went out."""

    sent: int
