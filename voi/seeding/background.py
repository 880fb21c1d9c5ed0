"""Blocking work off the reactor: in threads, and for the verification store one piece after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()

P = ParamSpec("P")
R = TypeVar("R")


class BackgroundWork:
    """Work that blocks, in the reactor's threads; `reactor` gives them (IReactorThreads)."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._turn = DeferredLock()

    def in_thread(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Deferred[R]:
        """Do it now, beside whatever else is done."""
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *args, **kwargs)

    def in_turn(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Deferred[R]:
        """Do it after all that was asked for before."""
        return self._turn.run(lambda: self.in_thread(work, *args, **kwargs))

    def unawaited(self, work: Callable[[], R], then: Callable[[R], None] | None = None) -> None:
        """Do it in its turn without a waiter; `then` is told the result before the next one's turn."""

        def turn() -> Deferred[Any]:
            done: Deferred[Any] = self.in_thread(work)
            return done if then is None else done.addCallback(then)

        self._turn.run(turn).addErrback(self._failed)

    def idle(self) -> Deferred[None]:
        """Fires when all that was asked for before is done."""
        return self._turn.run(lambda: None)

    def _failed(self, failure: Failure) -> None:
        log.failure("the verification store could not be written", failure)
