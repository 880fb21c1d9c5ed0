"""Work beside what began it: in a thread, as a task that is not awaited, or a part in each turn of the reactor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Cooperator
from twisted.logger import Logger

T = TypeVar("T")
U = TypeVar("U")

InThread = Callable[..., Deferred[Any]]
"""Runs a blocking function with its arguments in a thread; fires with its result."""


def one_slice_a_turn(clock: IReactorTime | None = None) -> Cooperator:
    """A Cooperator that does one slice and then lets others have their turn; its own 10 ms at a time would be felt.

    :param clock: gives the turns; None for the installed reactor.
    """
    if clock is None:
        return Cooperator(terminationPredicateFactory=lambda: lambda: True)
    return Cooperator(lambda: lambda: True, lambda work: clock.callLater(0, work))


_OF_THE_REACTOR: Final = one_slice_a_turn()


def spawn(work: Coroutine[Any, Any, Any], log: Logger, doing: str, **values: Any) -> Deferred[None]:
    """Begin work that is not awaited; if it fails, `doing` (a format for `values`) is in the log with the trace.

    :return: fires with None when it has ended, one way or the other; it may be ignored.
    """
    running: Deferred[Any] = Deferred.fromCoroutine(work)
    return running.addCallbacks(lambda _: None, lambda failure: log.failure(f"{doing} failed", failure, **values))


async def in_turns(items: Iterable[T], size: int, cooperator: Cooperator = _OF_THE_REACTOR) -> AsyncIterator[T]:
    """The items, `size` of them in one turn of the reactor; between two turns others have theirs.

    `items` is read as it goes, so what changes meanwhile must be copied first.
    """
    for index, item in enumerate(items):
        if index and not index % size:
            await cooperator.coiterate(iter(()))  # ends in the next turn
        yield item


async def made_in_turns(
    make: Callable[[T], U], items: Iterable[T], size: int = 200, cooperator: Cooperator = _OF_THE_REACTOR
) -> list[U]:
    """What `make` makes of each item. By default 200 at a turn: a millisecond or two for a view of a terminal."""
    return [make(item) async for item in in_turns(items, size, cooperator)]
