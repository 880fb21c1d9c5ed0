"""Rollouts: a version of a template on its way to a set of terminals; states, progress and retries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from voi.names import DiskName


class TargetState(StrEnum):
    """How far one terminal is with a rollout."""

    WAITING = "waiting"  # for its login, for its turn, or for the next try
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_TARGETS = (TargetState.WAITING, TargetState.DOWNLOADING)

RETRY_PAUSES = (15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds before each further try: five of them, the last one an hour later, then a person must look."""


@dataclass(frozen=True, slots=True)
class Task:
    """One level for one terminal: what a single 1015 carries; `id` is its task uuid.

    `sent` says that the terminal confirmed the 1015.
    """

    id: str
    rollout_id: int
    mac: str
    name: DiskName
    operate_id: int
    info_hash: bytes
    size: int
    state: TargetState
    sent: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Target:
    """One terminal of a rollout; `attempts` counts failures so far, `next_try` is seconds since the epoch.

    `from_server` is the part of what it fetched that the server sent it, 0 to 1, as was last written down.
    `reason` is a `voi.messages.reason.Reason` where it is known of what it is made. `again` says that its terminal is
    sent the version whatever it says that it has.
    """

    rollout_id: int
    template_uuid: str
    mac: str
    state: TargetState
    reason: str
    attempts: int
    next_try: float
    updated: float
    from_server: float | None = None
    again: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether its last try failed, with or without another to come."""
        waits = self.state is TargetState.WAITING and self.attempts > 0
        return self.state is TargetState.FAILED or waits


@dataclass(frozen=True, slots=True)
class Participation:
    """What a terminal had to do with a rollout of this version that began then, in seconds since the epoch."""

    target: Target
    version: int
    begun: float


@dataclass(frozen=True, slots=True)
class Rollout:
    """A version of a template for a set of terminals."""

    id: int
    template_uuid: str
    version: int
    created: float
    cancelled: bool
    targets: tuple[Target, ...] = ()
    again: bool = False

    @property
    def state(self) -> str:
        """`cancelled`; `running` while any target is open; `failed` if any failed; else `done`."""
        return rollout_state(self.cancelled, (target.state for target in self.targets))


@dataclass(frozen=True, slots=True)
class Summary:
    """A rollout in short: how many terminals are in each state; `updated` is when the last of them changed."""

    id: int
    template_uuid: str
    version: int
    created: float
    updated: float
    cancelled: bool
    counts: Mapping[TargetState, int]

    @property
    def state(self) -> str:
        """As of :class:`Rollout`."""
        return rollout_state(self.cancelled, (state for state, count in self.counts.items() if count))


def rollout_state(cancelled: bool, states: Iterable[TargetState]) -> str:
    """The state of a rollout from the states of its targets."""
    if cancelled:
        return "cancelled"
    seen = set(states)
    if seen == {TargetState.CANCELLED}:
        return "cancelled"  # newer rollouts took all its terminals over
    if seen & set(OPEN_TARGETS):
        return "running"
    return "failed" if TargetState.FAILED in seen else "done"


def next_pause(attempts: int) -> float | None:
    """Seconds to wait before the next try after `attempts` failures; None: give up."""
    return RETRY_PAUSES[attempts - 1] if attempts <= len(RETRY_PAUSES) else None


@dataclass(slots=True)
class TaskProgress:
    """What is known of one task's progress, the latest report counts; `fraction` is 0 to 1.

    A restart of the terminal's check may report less than before: that is the truth then, and shown.
    `advanced` is when the fraction last changed, by the caller's clock; `whole` is since when tracker or seed
    see a peer that lacks nothing, None while they do not.
    """

    fraction: float = 0.0
    updated: float = 0.0
    advanced: float = 0.0
    whole: float | None = None

    def alive(self, now: float) -> None:
        """Take a report that shows only that the terminal is at work, such as a check of what it has."""
        self.updated = self.advanced = now

    def update(self, fraction: float, now: float) -> None:
        """Take a report of the terminal, the tracker or the seed."""
        self.updated = now
        if fraction < 1:
            self.whole = None
        if fraction != self.fraction:
            self.fraction = fraction
            self.advanced = now


@dataclass(frozen=True, slots=True)
class Work:
    """A target with its tasks."""

    target: Target
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What the terminals of a rollout have to fetch, in bytes.

    `image` counts each level once that any of them lacks, `most` is what the neediest lacks, `total` what all lack
    together; `terminals` is how many lack anything.
    """

    image: int
    most: int
    total: int
    terminals: int


@dataclass(frozen=True, slots=True)
class LinkRates:
    """How much the links carry, in bytes a second, up as well as down: the server's, and each terminal's."""

    server: float
    terminal: float

    def least_seconds(self, demand: Demand) -> float:
        """The least time in which all can have what they lack, however it is shared: the bound of Kumar and Ross.

        The server must send each byte once, the neediest terminal receive all that it lacks, and all links together
        send what all terminals receive.
        """
        together = self.server + demand.terminals * self.terminal
        return max(demand.image / self.server, demand.most / self.terminal, demand.total / together)


def target_progress(tasks: Iterable[tuple[int, float]]) -> float:
    """The progress of a target from (bytes, fraction) of its tasks: by bytes, 1 for nothing to do."""
    pairs = list(tasks)
    total = sum(size for size, _ in pairs)
    return 1.0 if total == 0 else sum(size * fraction for size, fraction in pairs) / total
