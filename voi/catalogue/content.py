"""What is known of the server's copy of one published level while the server runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from twisted.internet.defer import DeferredLock

from voi.domain.contents import ContentState, ContentStatus, Fault, status_of
from voi.domain.templates import PublishedLevel
from voi.messages.reason import Reason
from voi.seeding.interfaces import FileFacts


class Repair(Enum):
    """How a copy is made whole by what terminals have."""

    IN_PLACE = "in place"
    """Its wrong pieces are fetched into its own file."""
    BESIDE = "beside"
    """All of it is fetched into another directory, and moved into its place when it is whole."""


SAID_SECONDS: Final = 30.0
"""How old the numbers in a sentence about it may be."""

NO_GAIN_SECONDS: Final = 120.0
"""So long nothing comes from those who say that they have all of it until that is said: they may be wrong."""

Seen = tuple[FileFacts, int]
"""A file from outside, with its inode."""


@dataclass(slots=True, eq=False)
class Content:
    """One level's copy. Who works at it holds its `lock`; words are made from it at any time."""

    level: PublishedLevel
    template: str
    """The name of its template, for people."""
    lock: DeferredLock = field(default_factory=DeferredLock)
    fault: Fault | None = None
    offered: bool = False
    seen: Seen | None = None
    """Its file as it was when it was last taken for right, or when its mending began."""
    returned: Seen | None = None
    """A file that appeared in its place while it is fetched back, as it was at the last look."""
    reading: float | None = None
    """How much of it is read, 0 to 1; None where it is not being read through."""
    read_at: float | None = None
    """When it was last read through, by the reactor's clock."""
    read_took: float = 0.0
    """Seconds that this took."""
    suspected: bool = False
    """It is to be read through, and that has not ended."""
    suspected_at: float = 0.0
    """When somebody suspected it last, by the reactor's clock."""
    cleared: int = 0
    """How often in a row it was read because of that, and nothing was found to be wrong."""
    repair: Repair | None = None
    round: int = 0
    """How often its torrent was given to the seed, or taken from it: news of an earlier round is no news."""
    hindrance: str = ""
    """Why it cannot be fetched back now."""
    failures: int = 0
    """Tries in a row that ended without it being whole."""
    not_before: float = 0.0
    """When the next try may begin, by the reactor's clock."""
    holders: int = 0
    """Terminals in its swarm that have all of it, as they were last counted."""
    counted_at: float | None = None
    """When that was, by the reactor's clock; None: not yet, or not any more."""
    gained: float = 0.0
    """How much of what is fetched was there at most, 0 to 1."""
    gained_at: float | None = None
    """When that was, or somebody came who has all of it, by the reactor's clock; None while nothing is fetched."""
    retired: bool = False
    _said: tuple[tuple[str, ...], float, Reason] | None = None

    def status(self, fetched: float | None, now: float) -> ContentStatus:
        """Where it stands; `fetched` is how much is there of what is fetched."""
        if self.repair is None:
            self.gained, self.gained_at = 0.0, None
        elif self.gained_at is None or not self.holders or (fetched or 0.0) > self.gained:
            self.gained, self.gained_at = fetched or 0.0, now
        return status_of(
            self.fault,
            offered=self.offered,
            reading=0.0 if self.suspected and self.reading is None else self.reading,
            fetching=None if self.repair is None else fetched or 0.0,
            holders=self.holders,
            hindrance=self.hindrance,
            gains=self.gained_at is None or now - self.gained_at < NO_GAIN_SECONDS,
        )

    def problem(self, status: ContentStatus, now: float) -> Reason | None:
        """What is wrong with it, with its template's name and its own; None where nothing is known to be.

        The same for a while as long as only numbers in it change, which they do all the time: it is written down for
        each terminal that waits for it.
        """
        if status.reason is None:
            return None
        codes = _codes(status.reason)
        if self._said is None or self._said[0] != codes or now - self._said[1] >= SAID_SECONDS:
            why = Reason("content_problem", template=self.template, disk=str(self.level.name), why=status.reason)
            self._said = (codes, now, why)
        return self._said[2]

    @property
    def whole(self) -> bool:
        """Whether nothing is known to be wrong with it."""
        return self.fault is None

    @property
    def missing(self) -> bool:
        """Whether there is no file of it."""
        return self.fault is not None and self.fault.state is ContentState.MISSING


def _codes(reason: Reason) -> tuple[str, ...]:
    """The codes of a sentence and of those in it."""
    inner = [value for value in reason.data.values() if isinstance(value, Reason)]
    return (reason.code, *(code for one in inner for code in _codes(one)))
