"""Lists as everybody asks for them: searched for a text, put in order by a column, given a page at a time; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

_DIGITS: Final = re.compile(r"(\d+)")


class Wanted(Protocol):
    """The query of a list that is short enough to be searched and sorted here: a thousand entries or so."""

    @property
    def q(self) -> str:
        """A part of one of an entry's texts, in any case; empty for all."""

    @property
    def sort(self) -> str:
        """The column that the list is in the order of; with a `-` before it the other way round."""

    @property
    def limit(self) -> int:
        """How many entries at most."""

    @property
    def offset(self) -> int:
        """How many are left out first."""


def page(
    items: Iterable[T],
    wanted: Wanted,
    *,
    texts: Callable[[T], Iterable[str | None]],
    columns: Mapping[str, Callable[[T], Any]],
) -> tuple[list[T], int]:
    """The part of a list that is asked for, and how many entries all its parts have together.

    :param texts: what of an entry is searched.
    :param columns: what gives an entry's key in each column; None comes last.
    """
    text = wanted.q.strip().casefold()
    found = [item for item in items if not text or any(text in (one or "").casefold() for one in texts(item))]
    key = columns[wanted.sort.removeprefix("-")]
    found = in_order(found, [key(item) for item in found], descending=wanted.sort.startswith("-"))
    return found[wanted.offset : wanted.offset + wanted.limit], len(found)


def in_order(items: Sequence[T], keys: Sequence[Any], *, descending: bool) -> list[T]:
    """Items in the order of their keys; those without one come last, those with the same one stay as they were."""
    keyed = [(key, item) for key, item in zip(keys, items, strict=True) if key is not None]
    keyed.sort(key=itemgetter(0), reverse=descending)
    return [item for _, item in keyed] + [item for key, item in zip(keys, items, strict=True) if key is None]


def natural(text: str) -> tuple[tuple[int, int | str], ...]:
    """A key by which PC 2 comes before PC 10."""
    parts = _DIGITS.split(text.casefold())
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)
