"""Run benches: ``python -m tests.bench [--fast] [BENCH...]``; a table of every figure at the end, JSON for each bench.

``--table`` shows the table of the records that are kept, without running anything. A variant of a bench is named after
a colon: ``swarm:voi``. Exit status 1 when a bench failed, or when a figure misses its line: by anything, or with
``--fast`` by more than a third, which is what a short run on a busy machine may be off.
"""

from __future__ import annotations

import importlib
import shutil
import signal
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from tests.bench.figures import Outcome, Plan, Record, read, write
from tests.bench.machine import describe
from tests.bench.tables import show_outcome, show_targets

BENCHES: Final = (
    "tracker", "sessions", "seed", "start", "lag", "console", "overnight", "delta", "swarm", "rooms", "churn",
    "simulate",
)  # fmt: skip
FAST: Final = ("console", "delta", "swarm")
"""What continuous integration runs: what is steady in a short run on a busy machine, processor times are not."""
FAST_TOLERANCE: Final = 1 / 3
ROOM: Final = 12 << 30
"""Bytes that the largest bench writes."""


@click.command(help=__doc__)
@click.option("--fast", is_flag=True, help="Short runs, and only the benches that say something in one.")
@click.option("--table", "only_table", is_flag=True, help="Show the records that are kept.")
@click.option("--json", "kept", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True)
@click.argument("names", nargs=-1, metavar="[BENCH[:VARIANT]]...")
def main(fast: bool, only_table: bool, kept: Path, names: tuple[str, ...]) -> None:
    """Run benches."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    # A bench that is told to end takes its namespaces and child processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    if only_table:
        show_targets(read(kept), console)
        return
    records: list[Record] = []
    failed = False
    for bench, only in _chosen(names or (FAST if fast else BENCHES)).items():
        record = _run(bench, only, fast, console)
        if record is None:
            failed = True
            continue
        show_outcome(bench, record.outcome, console)
        console.print(f"kept in {write(record, kept)}", style="dim")
        records.append(record)
    show_targets(records, console)
    tolerance = FAST_TOLERANCE if fast else 0.0
    missed = [f for record in records for f in record.outcome.figures if not f.target.met(f.ours, tolerance)]
    for figure in missed:
        console.print(f"missed: {figure.target.text}: {figure.ours:g}, line {figure.target.line:g}", style="red")
    sys.exit(1 if failed or missed else 0)


def _chosen(names: tuple[str, ...]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for name in names:
        bench, _, variant = name.partition(":")
        if bench not in BENCHES:
            raise click.BadParameter(f"{bench!r} is no bench; there are {', '.join(BENCHES)}")
        chosen.setdefault(bench, []).extend([variant] if variant else [])
    return chosen


def _run(bench: str, only: list[str], fast: bool, console: Console) -> Record | None:
    console.rule(bench, align="left")
    module = importlib.import_module(f"tests.bench.{bench}")
    # In memory where there is room: what is measured is not the disk.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    directory = Path(tempfile.mkdtemp(prefix=f"voi-bench-{bench}-", dir=memory if roomy else None))
    at, begun = datetime.now(UTC), time.monotonic()
    try:
        outcome: Outcome = module.run(Plan(directory, console, fast, only))
    except Exception:  # the other benches are worth running all the same
        console.print(f"{traceback.format_exc()}\nfiles are kept in {directory}", style="red", markup=False)
        return None
    shutil.rmtree(directory, ignore_errors=True)
    return Record(bench, fast, at.isoformat(timespec="seconds"), describe(), time.monotonic() - begun, outcome)


if __name__ == "__main__":
    main()
