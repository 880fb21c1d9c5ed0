"""What an administrator sees first, as the API answers it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from voi.web.api.schemas.rollouts import RolloutSummary
from voi.web.http.reasons import Why

Kind = Literal[
    "failed", "failing", "stuck", "outdated", "disk", "content", "upload", "held", "health", "clock", "damaged"
]
"""What needs attention."""


class TerminalTotals(Struct, frozen=True):
    """How many terminals: online, all, those in two states that need attention; and those that are up to date, have not
    said since their login what they have, or have named no template of this server since.
    """

    online: int
    total: int
    current: int
    unknown: int
    unreported: int
    outdated: int
    failed: int


class RoomTotals(Struct, frozen=True):
    """How many terminals of a room are online; `id` is null for those in no room."""

    id: int | None
    name: str
    online: int
    total: int


class TrafficView(Struct, frozen=True):
    """Bytes a second now: what the server sends and receives, and what terminals fetch altogether."""

    server_out: int
    server_in: int
    swarm: int


class DiskRoom(Struct, frozen=True):
    """Bytes of the server's disk."""

    free: int
    total: int


class Attention(Struct, frozen=True):
    """Something that needs attention: how many there are, and the page of the console where one can act."""

    kind: Kind
    count: int
    text: str
    why: Why | None
    link: str


class Overview(Struct, frozen=True):
    """What an administrator sees first."""

    terminals: TerminalTotals
    rooms: list[RoomTotals]
    rollouts: list[RolloutSummary]
    traffic: TrafficView
    disk: DiskRoom
    attention: list[Attention]
