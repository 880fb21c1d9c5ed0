"""Rollouts, as the API takes and answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from voi.web.api.schemas.fields import MOST_READ, All, Macs, Number, Offset, Search, SomeMacs, Uuid
from voi.web.http.reasons import Why


class RolloutRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a template, or its newest, for these terminals, all that ever logged in, or those of a room.

    With `again` all of it is sent, also to terminals that say that they have it.
    """

    template: Uuid
    version: Number | None = None
    macs: Macs | None = None
    room: Number | None = None
    again: bool = False


class TargetsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Some terminals of a rollout."""

    macs: SomeMacs


class RolloutQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Rollouts: `q` is a part of the template's name, or the rollout's number."""

    q: Search = ""
    state: Literal["running", "done", "failed", "cancelled", "superseded"] | None = None
    template: Uuid | None = None
    sort: Literal["created", "template_name", "version", "-created", "-template_name", "-version"] = "-created"
    limit: All = MOST_READ
    offset: Offset = 0


class TargetView(Struct, frozen=True):
    """One terminal of a rollout; `next_try` is when it tries again after a failure.

    `progress` is how far it is, or was when it ended, null where nobody knows. `done` is that it has all of the
    version, `booted` when it was first seen to run it, null while it was not.

    `rate` is what it fetches now. `from_server` is the part of what it has that the server sent it, null where that
    is not known; the rest came from other terminals. `eta` is in seconds, null while it gets nothing. `progress` of one
    that was called off is how far it was then, null where that is not known. `interruptions` counts how often its
    connection ended in the middle of this download.
    """

    mac: str
    name: str
    ip: str
    online: bool
    rate: float
    from_server: float | None
    eta: float | None
    state: Literal["waiting", "downloading", "done", "failed", "cancelled", "superseded"]
    progress: float | None
    reason: str
    why: Why | None
    attempts: int
    interruptions: int
    next_try: datetime | None
    updated: datetime
    booted: datetime | None = None


class RolloutView(Struct, frozen=True):
    """A version of a template on its way to terminals.

    `counts` is how many of its terminals are in each state, `ran` how many of those that are done were seen to run it.
    `again` says that it is sent whatever they have.

    `size` is the bytes of the levels that its terminals lacked, each counted once; `server_sent` is what the server
    sent of them, `copies` the same as a multiple of `size`; null where nobody measured it. `elapsed` is the seconds
    from its beginning to its end, or until now. `best` is the least number of seconds in which its terminals could have
    what they lacked, by the links of server and terminals that the server was told of; 0 while no terminal is known to
    lack anything. `eta` is in seconds, null while no terminal receives anything. `rates` has points for a plot: seconds
    since the epoch, bytes a second that all terminals fetched, and that the server sent.
    """

    id: int
    template: str
    template_name: str
    version: int
    state: str
    created: datetime
    finished: datetime | None
    counts: dict[str, int]
    ran: int
    again: bool
    size: int
    server_sent: int | None
    copies: float | None
    elapsed: float
    best: float
    progress: float
    rate: float
    eta: float | None
    targets: list[TargetView]
    rates: list[tuple[float, int, int]]


class RolloutAccepted(Struct, frozen=True):
    """A rollout was written down and has begun."""

    id: int


class RolloutSummary(Struct, frozen=True):
    """A rollout in short, and how it goes now.

    `counts` is how many of its terminals are in each state, `ran` how many of those that are done were seen to run it.
    """

    id: int
    template: str
    template_name: str
    version: int
    state: str
    created: datetime
    counts: dict[str, int]
    ran: int
    progress: float
    rate: float
    eta: float | None


class RolloutList(Struct, frozen=True):
    """Rollouts; `total` is how many were asked for, `offset` how many of them were left out first."""

    rollouts: list[RolloutSummary]
    total: int
    offset: int


class PreviewTarget(Struct, frozen=True):
    """What a terminal would fetch, by what it last said it has; one that is on, by what it said since its login.

    `short` is by how many bytes its disk is too small for all of the version, 0 where it is large enough; null where
    the terminal did not say how much is free.
    """

    mac: str
    online: bool
    bytes: int
    short: int | None = None


class RolloutPreview(Struct, frozen=True):
    """What a rollout would do: `nothing` is how many terminals lack nothing, `most_bytes` what the neediest lacks, and
    `too_small` how many have a disk that is known to be too small for it.
    """

    template: str
    version: int
    terminals: list[PreviewTarget]
    total_bytes: int
    most_bytes: int
    nothing: int
    too_small: int = 0


class TargetsCancelled(Struct, frozen=True):
    """How many terminals were taken out."""

    id: int
    cancelled: int


class RolloutRetried(Struct, frozen=True):
    """How many terminals try again."""

    id: int
    retried: int
