"""How values look on a terminal: names from outside made harmless, times, sizes, tables; and JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import floor
from typing import Any, Final

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

PIPE_WIDTH: Final = 1000
"""Columns where no terminal says how many: a program that reads a table wants each row in one line."""


STYLES: Final = {
    "failed": "red",
    "outdated": "yellow",
    "downloading": "cyan",
    "current": "green",
    "superseded": "dim",
    "offline": "dim",
}


def printable(text: str, *, lines: bool = True) -> str:
    """Text without the control characters that a terminal would act on: names come from outside.

    :param lines: whether line feeds may stay.
    """
    return "".join(
        char if char.isprintable() or (lines and char == "\n") else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def cell(value: Any, style: str = "") -> Text:
    """A value as it is, in one line: names are no markup."""
    return Text("-" if value is None else printable(str(value), lines=False), style)


def console(*, err: bool = False) -> Console:
    """Where tables go; without a terminal it is wide enough for every row."""
    stream = sys.stderr if err else sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> Table:
    """A table of values; a cell that is a rich `Text` already is taken as it is."""
    made = Table(title=title, title_justify="left")
    for column in columns:
        # A uuid is copied from here: the others give way to it on a narrow terminal.
        made.add_column(column, min_width=36 if column == "uuid" else None)
    for row in rows:
        made.add_row(*(value if isinstance(value, Text) else cell(value) for value in row))
    return made


def show(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, none: str) -> None:
    """Print a table, or the sentence `none` where it has no row."""
    made = table(columns, rows, title=title)
    if made.row_count:
        console().print(made)
    else:
        click.echo(none)


def say_json(value: Any) -> None:
    """One JSON document in one line; in ASCII, so that no name in it does anything to a terminal."""
    click.echo(json.dumps(value))


def size(count: float) -> str:
    """Bytes for people."""
    return decimal(int(count))


def rate(count: float) -> str:
    """Bytes a second for people."""
    return f"{size(count)}/s"


def moment(text: str | None) -> str:
    """A time of the API in this machine's zone."""
    return "-" if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """Seconds as H:MM:SS; a dash where they are not known."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 terminal", "3 terminals"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def percent(share: float | None) -> str:
    """0 to 1 as per cent, as the console shows it: 100 only when it is all."""
    if share is None:
        return "unknown"
    return f"{100 if share >= 1 else min(99, floor(share * 100 + 1e-9))}%"


def state_cell(one: dict[str, Any]) -> Text:
    """A state in its colour, with how far it is while it goes on."""
    going = one["state"] in ("downloading", "running", "importing", "uploading")
    text = f"{one['state']} {percent(one['progress'])}" if going else one["state"]
    return cell(text, STYLES.get(one["state"], ""))


def show_result(as_json: bool, seen: dict[str, Any], uuid: str) -> None:
    """What is left on stdout: all of it, or the uuid that the next command takes."""
    if as_json:
        say_json(seen)
    else:
        click.echo(uuid)
