"""Figures as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.bench.figures import TARGETS, Outcome, Record


def show_outcome(bench: str, outcome: Outcome, console: Console) -> None:
    """All that a bench measured."""
    columns = list(dict.fromkeys(column for row in outcome.rows for column in row.figures))
    table = Table(title=bench, title_justify="left")
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for row in outcome.rows:
        table.add_row(row.what, *(_cell(row.figures.get(column, "")) for column in columns))
    console.print(table)
    show_skipped(outcome, console)


def show_skipped(outcome: Outcome, console: Console) -> None:
    """What a bench could not measure or compare, and why."""
    for name, why in outcome.unmeasured.items():
        console.print(f"not measured: {TARGETS[name].text}: {why}", style="yellow", markup=False)
    for skipped in outcome.skipped:
        console.print(f"not compared: {skipped}", style="yellow", markup=False)


def show_targets(records: Sequence[Record], console: Console) -> None:
    """Every target: line, aim, ours, the others'."""
    figures = {figure.name: figure for record in records for figure in record.outcome.figures}
    table = Table()
    for heading in ("figure", "line", "aim", "ours", "", "others"):
        table.add_column(heading, justify="left" if heading in ("figure", "", "others") else "right")
    for name, target in TARGETS.items():
        figure = figures.get(name)
        if figure is None:
            continue
        unit = f" {target.unit}" if target.unit else ""
        verdict = "[green]kept[/]" if target.met(figure.ours) else "[red]missed[/]"
        others = ", ".join(f"{who} {_cell(value)}" for who, value in figure.others.items())
        text = f"{target.text} ({figure.note})" if figure.note else target.text
        table.add_row(
            text, f"{target.line:g}{unit}", f"{target.aim:g}{unit}", f"{_cell(figure.ours)}{unit}", verdict, others
        )
    console.print(table)


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
