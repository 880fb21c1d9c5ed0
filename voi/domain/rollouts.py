"""Rollouts: a version of a template on its way to a set of terminals; states, progress and retries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from voi.names import DiskName


class TargetState(StrEnum):
    """How far one terminal is with a rollout."""

    WAITING = "waiting"  # for its login, for its turn, or for the next try
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # by a person
    SUPERSEDED = "superseded"  # a later rollout of the same template has taken its terminal over


OPEN_TARGETS = (TargetState.WAITING, TargetState.DOWNLOADING)

CALLED_OFF = (TargetState.CANCELLED, TargetState.SUPERSEDED)
"""Nothing more is wanted of these, and they count neither as done nor as failed."""

RETRY_PAUSES = (15.0, 60.0, 300.0, 900.0, 3600.0)
"""Seconds before each further try: five of them, the last one an hour later, then a person must look."""

LEAST_GAIN = 0.01
"""Part of all it lacks by which a terminal must come nearer between two interruptions: one that is switched off each
evening does in minutes, and one that does so is done after a hundred of them at the most.
"""

SHOWN_INTERRUPTIONS = 3
"""So many interruptions in a row without such a gain are shown as what they are, and count as one failed try."""


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

    `from_server` is the part of what it fetched that the server sent it, 0 to 1, as was last written down; None where
    nobody measured it. `reason` is a `voi.messages.reason.Reason` where it is known of what it is made.

    `booted` is when the terminal was first seen to run what it was sent, None while it was not: to have it (done) and
    to run it are two things. `interruptions` counts how often its connection ended in the middle of this download,
    `fruitless` how often in a row without a gain of `LEAST_GAIN`; `best` is how far it had come by then, 0 to 1.
    `progress` is how far it was when it ended without being done, None where that is not known.
    `again` says that its terminal is sent the version whatever it says that it has.
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
    booted: float | None = None
    interruptions: int = 0
    fruitless: int = 0
    best: float = 0.0
    progress: float | None = None
    again: bool = False

    @property
    def has_failed(self) -> bool:
        """Whether its last try failed, or its connection breaks again and again; with or without another to come."""
        waits = self.state is TargetState.WAITING and self.attempts > 0
        return self.state is TargetState.FAILED or waits or self.is_interrupted

    @property
    def is_interrupted(self) -> bool:
        """Whether it is open, and its connection broke so often without a gain that a person should look."""
        return self.state in OPEN_TARGETS and self.fruitless >= SHOWN_INTERRUPTIONS


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
        """`cancelled`; `running` while any target is open; `failed` if any failed; `superseded` if a later rollout took
        any over; else `done`.
        """
        return rollout_state(self.cancelled, (target.state for target in self.targets))


@dataclass(frozen=True, slots=True)
class Summary:
    """A rollout in short: how many terminals are in each state; `updated` is when the last of them changed.

    `ran` is how many of those that are done were seen to run what they were sent. `reached` is the sum of how far those
    were that were called off, each 0 to 1.
    """

    id: int
    template_uuid: str
    version: int
    created: float
    updated: float
    cancelled: bool
    counts: Mapping[TargetState, int]
    ran: int = 0
    reached: float = 0.0

    @property
    def state(self) -> str:
        """As of :class:`Rollout`."""
        return rollout_state(self.cancelled, (state for state, count in self.counts.items() if count))

    def progress(self, open_progress: float) -> float:
        """How far it is, 0 to 1, by the sum of that of its open targets; or was, when it was called off.

        Terminals that were taken out of one that goes on for others do not count.
        """
        whole = self.state in CALLED_OFF_ROLLOUTS
        wanted = sum(count for state, count in self.counts.items() if whole or state not in CALLED_OFF)
        reached = self.counts[TargetState.DONE] + open_progress + (self.reached if whole else 0.0)
        return reached / wanted if wanted else 0.0


CALLED_OFF_ROLLOUTS = ("cancelled", "superseded")
"""States of rollouts that ended without being finished."""


def rollout_state(cancelled: bool, states: Iterable[TargetState]) -> str:
    """The state of a rollout from the states of its targets."""
    if cancelled:
        return "cancelled"
    seen = set(states)
    if seen == {TargetState.CANCELLED}:
        return "cancelled"  # each of its terminals was taken out
    if seen & set(OPEN_TARGETS):
        return "running"
    if TargetState.FAILED in seen:
        return "failed"
    return "superseded" if TargetState.SUPERSEDED in seen else "done"


def next_pause(attempts: int) -> float | None:
    """Seconds to wait before the next try after `attempts` failures; None: give up."""
    return RETRY_PAUSES[attempts - 1] if attempts <= len(RETRY_PAUSES) else None


class Unconfirmed(Enum):
    """What is made of levels that a terminal has by a report from before its login, and has not named since."""

    UNDECIDED = auto()  # it may name them yet: nothing is decided now
    THERE = auto()  # it asks for what it lacks by itself: they are not sent, and nothing is done by them
    LACKING = auto()  # who says nothing lacks everything: it is sent them, and answers where it has them


@dataclass(frozen=True, slots=True)
class Work:
    """A target with its tasks.

    `unsaid` means that it hangs on what its terminal has not said since its login. Where the target is done, `held` has
    what its terminal had before by its own word, as tasks that were never sent.
    """

    target: Target
    tasks: tuple[Task, ...]
    unsaid: bool = False
    held: tuple[Task, ...] = ()
