"""Tables for spreadsheets, in which no text from outside becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

FORMULAS: Final = tuple("=+-@\t\r\n＝＋－＠")
"""What spreadsheets take for the beginning of a formula, the wide forms of East Asian keyboards among them."""

MARK: Final = "\ufeff"
"""The byte order mark: without it Excel reads UTF-8 as something else."""


def csv_rows(rows: Iterable[Sequence[Any]], *, first: bool = False) -> bytes:
    """Rows in CSV (RFC 4180), in UTF-8; None is an empty cell. The `first` part of a file has its mark."""
    text = io.StringIO(MARK if first else "", newline="")
    text.seek(0, io.SEEK_END)
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8", "replace")


def cell(value: Any) -> Any:
    """A value as a cell: a text that would be a formula gets an apostrophe in front, which spreadsheets take for text.

    A blank at its beginning is no protection, for some programs throw it away.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULAS):
        return f"'{value}"
    return value
