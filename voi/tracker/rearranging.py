"""Peers of terminals whose rooms changed are moved there, some in each turn of the reactor."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator, SchedulerStopped
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()

Rearrange = Callable[[Collection[str] | None], Iterator[None]]
"""Moves the peers of some terminals (MACs), or, with None, of all; yields after each part of the work."""


class Rearranger:
    """One round of moving at a time; what changes meanwhile is one more round, however often it changes."""

    def __init__(self, rearrange: Rearrange, clock: IReactorTime) -> None:
        self._rearrange = rearrange
        # One part of the work in each turn: announces go on in between.
        self._cooperator = Cooperator(lambda: lambda: True, lambda work: clock.callLater(0, work))
        self._some: set[str] = set()
        self._all = False
        self.busy = False
        """Whether peers may still have to be moved."""

    def want(self, terminals: Collection[str] | None) -> None:
        """Some terminals (MACs), or, with None, any of them, may be in another room than before."""
        if terminals is None:
            self._all = True
        else:
            self._some.update(terminals)
        if not self.busy:
            self.busy = True
            self._cooperator.cooperate(self._rounds()).whenDone().addErrback(self._ended)

    def stop(self) -> None:
        """Stop moving peers."""
        self._cooperator.stop()

    def _rounds(self) -> Iterator[None]:
        try:
            while self._all or self._some:
                terminals = None if self._all else self._some
                self._all, self._some = False, set()
                yield from self._rearrange(terminals)
        finally:
            self.busy = False

    def _ended(self, failure: Failure) -> None:
        if not failure.check(SchedulerStopped):
            log.failure("peers could not be moved to their rooms", failure)
