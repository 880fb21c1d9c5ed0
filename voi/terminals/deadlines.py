"""What must be done within a time that is the same for all: one timer for thousands of connections."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime

T = TypeVar("T", bound=Hashable)


class Deadlines(Generic[T]):
    """Calls `late` with those that did not `end` within `seconds` of their `begin`, in the order in which they
    began.
    """

    def __init__(self, clock: IReactorTime, seconds: float, late: Callable[[T], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._late = late
        self._due: OrderedDict[T, float] = (
            OrderedDict()
        )  # in the order of the deadlines, because all have the same time
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._due)

    @property
    def oldest(self) -> T | None:
        """The one that began first, or None."""
        return next(iter(self._due), None)

    def begin(self, one: T) -> None:
        """The time runs; for one whose time runs already it goes on."""
        if one in self._due:
            return
        self._due[one] = self._clock.seconds() + self._seconds
        if self._call is None:
            self._call = self._clock.callLater(self._seconds, self._look)

    def end(self, one: T) -> None:
        """It is done, or no longer wanted."""
        if self._due.pop(one, None) is not None and not self._due and self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        late: list[T] = []
        for one, due in self._due.items():
            if due > now:
                self._call = self._clock.callLater(due - now, self._look)
                break
            late.append(one)
        for one in late:
            del self._due[one]
        for one in late:
            self._late(one)
