"""The server's own copies of published levels: what may be wrong with one, and in which state that puts it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voi.messages.reason import Reason


class ContentState(StrEnum):
    """What an administrator sees of the server's copy of a level."""

    READY = "ready"
    """Nothing is known to be wrong, and it is offered."""
    CHECKING = "checking"
    """Every byte of it is read; it is not known yet whether it is whole."""
    DAMAGED = "damaged"
    """Some pieces differ from what was published."""
    MISSING = "missing"
    """Its file is not there, or its torrent is gone and cannot be made again."""
    UNREADABLE = "unreadable"
    """Something is there that cannot be read."""
    FETCHING = "fetching"
    """What it lacks comes from terminals that are online and have all of it."""


MOSTLY: Final = 0.5
"""The part of a file's own pieces that must be right so that it is taken for the level's file with damage, and is
mended where it lies. A file with fewer is something else that somebody put there: it is moved aside, and never written
over.
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: one of the states DAMAGED, MISSING and UNREADABLE, and the sentence that says it."""

    state: ContentState
    reason: Reason

    @classmethod
    def damaged(cls, wrong: int, total: int) -> Fault:
        """So many of its pieces are wrong or not there."""
        return cls(ContentState.DAMAGED, Reason("content_damaged", wrong=wrong, total=total))

    @classmethod
    def missing(cls) -> Fault:
        """There is no file."""
        return cls(ContentState.MISSING, Reason("content_missing"))

    @classmethod
    def torrent_lost(cls) -> Fault:
        """Its torrent is gone everywhere, and its file does not give the same again."""
        return cls(ContentState.MISSING, Reason("content_torrent_lost"))

    @classmethod
    def unreadable(cls, text: str) -> Fault:
        """The operating system says why."""
        return cls(ContentState.UNREADABLE, Reason("content_unreadable", text=text))


@dataclass(frozen=True, slots=True)
class ContentStatus:
    """The server's copy of a level at this moment.

    `progress` is 0 to 1 of what is read or fetched, None where nothing is. `offered`: terminals can fetch it from the
    server. `reason` says what is wrong and what is done about it, None where nothing is.
    """

    state: ContentState
    offered: bool
    progress: float | None = None
    reason: Reason | None = None
    fault: bool = False
    """Whether something is known to be wrong."""


READY: Final = ContentStatus(ContentState.READY, offered=True)


def status_of(
    fault: Fault | None,
    *,
    offered: bool,
    reading: float | None,
    fetching: float | None,
    holders: int,
    hindrance: str,
    gains: bool = True,
) -> ContentStatus:
    """What state a copy is in, and how that is said.

    `reading` and `fetching` are how far that is, 0 to 1, None where it is not done. `holders` are the terminals that
    say that they have all of it now; `gains` is false where nothing comes from them. `hindrance` is why it cannot be
    fetched, empty if nothing prevents it.
    """
    if fault is None:
        if reading is None:
            return READY if offered else ContentStatus(ContentState.CHECKING, offered, None, _checking(0.0))
        return ContentStatus(ContentState.CHECKING, offered, reading, None if offered else _checking(reading))
    if reading is not None:
        done = Reason("content_being_read", part=_tenths(reading))
        return ContentStatus(ContentState.CHECKING, offered, reading, _both(fault, done), fault=True)
    if fetching is not None and holders and not gains:
        return ContentStatus(
            fault.state, offered, None, _both(fault, Reason("content_no_gain", count=holders)), fault=True
        )
    if fetching is not None and holders:
        done = Reason("content_fetched_back", part=_tenths(fetching), count=holders)
        return ContentStatus(ContentState.FETCHING, offered, fetching, _both(fault, done), fault=True)
    if fetching is not None:  # nobody is there who could give all of it: that is no fetching
        return ContentStatus(fault.state, offered, None, _both(fault, Reason("content_no_holder")), fault=True)
    reason = _both(fault, hindrance) if hindrance else fault.reason
    return ContentStatus(fault.state, offered, None, reason, fault=True)


def _checking(part: float) -> Reason:
    return Reason("content_checking", part=_tenths(part))


def _tenths(part: float) -> float:
    """As it is said: a rollout writes a reason down for each terminal that waits, and not at every percent."""
    return math.floor(part * 10) / 10


def _both(fault: Fault, done: str) -> Reason:
    return Reason("content_wrong", what=fault.reason, done=done)


def is_mostly_right(right: int, own: int) -> bool:
    """Whether a file with so many whole pieces of its own number is the level's file with damage."""
    return right > 0 and right >= own * MOSTLY
