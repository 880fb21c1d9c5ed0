"""Faults of this terminal's own disk: what they are told as, and when a download that one stopped is tried again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voi.errors import VoiError
from voi.files.room import shortage
from voi.messages.reason import Reason
from voi.names import DiskName

_FULL: Final = frozenset({"os_disk_full", "os_quota", "terminal_full"})
_OF_THE_DISK: Final = _FULL | {"os_io", "os_read_only", "os_permission", "os_not_permitted", "os_stale", "file_gone"}

FIRST_PAUSE: Final = 10.0
"""Seconds until a download is tried again that the disk stopped. For a full disk it stays so: looking for room costs
nothing."""

LONGEST_PAUSE: Final = 300.0
"""A disk that cannot be read or written is asked again so often at least: somebody may have mended it."""


def of_the_disk(reason: str) -> bool:
    """Whether a failure is one of this terminal's disk, which passes when somebody sees to it."""
    return not _OF_THE_DISK.isdisjoint(_codes(reason))


def full(reason: str) -> bool:
    """Whether a failure is that the disk is full."""
    return not _FULL.isdisjoint(_codes(reason))


def explained(reason: str, path: Path, length: int) -> str:
    """What is said of a failure while a file of `length` bytes was fetched: of a full disk, how much is missing.

    Blocks.
    """
    if not full(reason):
        return reason
    try:
        needed, free = shortage(path, length)
    except VoiError:
        return reason
    return Reason("terminal_full", name=path.name, needed=needed, free=free) if needed > free else reason


def _codes(reason: str) -> Iterator[str]:
    if isinstance(reason, Reason):
        yield reason.code
        for value in reason.data.values():
            if isinstance(value, str):
                yield from _codes(value)


@dataclass(frozen=True, slots=True)
class _Turn:
    due: float
    pause: float


class WaitingForDisk:
    """Downloads that this terminal's disk stopped. Times are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._turns: dict[DiskName, _Turn] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._turns

    def add(self, name: DiskName, reason: str, now: float) -> None:
        """It was stopped, again maybe: each time the pause is twice as long, unless the disk is only full."""
        before = self._turns.get(name)
        longer = before is not None and not full(reason)
        pause = min(LONGEST_PAUSE, before.pause * 2) if before is not None and longer else FIRST_PAUSE
        self._turns[name] = _Turn(now + pause, pause)

    def begun(self, name: DiskName) -> None:
        """It is tried again: until it is stopped once more, or `drop`, it has no turn."""
        if (turn := self._turns.get(name)) is not None:
            self._turns[name] = _Turn(math.inf, turn.pause)

    def drop(self, name: DiskName) -> None:
        """It is complete, or not wanted any more."""
        self._turns.pop(name, None)

    def due(self, now: float) -> list[DiskName]:
        """Which are to be tried again now."""
        return sorted(name for name, turn in self._turns.items() if turn.due <= now)
