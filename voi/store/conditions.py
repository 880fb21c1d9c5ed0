"""Conditions of a question to the database, put together from what was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any


class Conditions:
    """What must hold of a row, all of it; `values` go where its `?` stand."""

    def __init__(self) -> None:
        self._parts = ["1"]
        self.values: list[Any] = []

    def __str__(self) -> str:
        return " AND ".join(self._parts)

    def add(self, part: str, *values: Any) -> None:
        """One more, with a value for each `?` in it."""
        self._parts.append(f"({part})")
        self.values.extend(values)

    def equal(self, column: str, value: Any) -> None:
        """A column has this value; None leaves it open."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def contains(self, text: str, *columns: str) -> None:
        """One of the columns has this text in it, in any case of ASCII letters; an empty text leaves it open."""
        if text:
            self.add(" OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns), *[part(text)] * len(columns))


def part(text: str) -> str:
    """The pattern of LIKE, with a backslash as ESCAPE, that has a text anywhere in it."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def among(column: str, macs: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """The condition that a column is one of these MACs, with its values; None for no condition."""
    if macs is None:
        return "", ()
    return f"WHERE {column} IN (SELECT value FROM json_each(?))", (json.dumps(list(macs)),)
