"""Terminals, as the API takes and answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from voi.web.api.schemas.fields import MOST_LISTED, Number, Search, SomeMacs, Uuid
from voi.web.http.reasons import Why

TerminalName = Annotated[str, Meta(max_length=64)]

State = Literal["offline", "current", "outdated", "unknown", "waiting", "downloading", "failed", "unreported"]


class TerminalQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which terminals, in which order; `q` is a part of name, MAC or address, `room` 0 is those in none.

    `image` is a template, and `version` the number of what they have of theirs, `newest`, `older` or `unknown`; 0 is
    no whole version. A `-` before `sort` turns the order round.
    """

    q: Search = ""
    room: Number | None = None
    state: State | None = None
    image: Uuid | None = None
    version: Annotated[str, Meta(pattern="^(newest|older|unknown|[0-9]{1,9})$")] | None = None
    online: bool | None = None
    sort: Literal[
        "name",
        "mac",
        "ip",
        "room",
        "state",
        "last_seen",
        "version",
        "running",
        "-name",
        "-mac",
        "-ip",
        "-room",
        "-state",
        "-last_seen",
        "-version",
        "-running",
    ] = "mac"
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = MOST_LISTED
    offset: Number = 0
    disks: bool = True


class TerminalChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of terminals; a `name` is one terminal's, an empty one takes it away.

    `room` is the room they stand in whatever their addresses say; 0 lets their addresses say it again.
    """

    macs: SomeMacs
    name: TerminalName | None = None
    room: Number | None = None


class TerminalsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Terminals to do something with."""

    macs: SomeMacs


class TerminalDisk(Struct, frozen=True):
    """A level that a terminal says it has; not `published` means that only the terminal has it.

    Not `confirmed` means that it said so before its last login alone: it is not known to be there any more.

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
    confirmed: bool


class TerminalView(Struct, frozen=True):
    """A terminal; `boot_disk` is what it last started from.

    `version` is the newest of its `template` that it has all of, 0 where it has none, and null where it has not said
    since its login what it has; `running` is the version that it runs, by what it said it started from since then, null
    where that is not known; `newest` is the newest there is. `state` is its state now; where that comes from a rollout,
    `rollout`, `progress` and `reason` are that rollout's.
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
    version: int | None
    running: int | None
    newest: int
    state: State
    progress: float | None
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
    state: Literal["waiting", "downloading", "done", "failed", "cancelled", "superseded"]
    progress: float | None
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
