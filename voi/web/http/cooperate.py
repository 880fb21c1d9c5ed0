"""Long lists made a part at a time, so that a page about thousands of terminals holds nobody up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

from twisted.internet.task import Cooperator

T = TypeVar("T")
U = TypeVar("U")

AT_A_TURN: Final = 200
"""Views made in one turn of the reactor: a millisecond or two of work."""

_one_part_a_turn = Cooperator(terminationPredicateFactory=lambda: lambda: True)


async def in_parts(make: Callable[[T], U], items: Iterable[T], cooperator: Cooperator = _one_part_a_turn) -> list[U]:
    """What `make` makes of each item; between two parts others have their turn."""
    made: list[U] = []

    def work() -> Iterator[None]:
        rest = iter(items)
        while part := list(islice(rest, AT_A_TURN)):
            made.extend(map(make, part))
            yield

    await cooperator.coiterate(work())
    return made
