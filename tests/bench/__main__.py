"""Run benches: ``python -m tests.bench [--fast | --tiny] [BENCH...]``; a table of every figure, JSON for each bench.

``--table`` shows the table of the records that are kept, without running anything. A variant of a bench is named after
a colon: ``swarm:voi``. Exit status 1 when a bench failed, or when a figure misses its line: by anything, or with
``--fast`` by more than a third, which is what a short run on a busy machine may be off. ``--tiny`` runs every bench for
some seconds, holds no figure to its line and keeps none: it fails where one that can run here does not end, or does not
give all its figures.
"""

from __future__ import annotations

import importlib
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from tests.bench.figures import Outcome, Plan, Record, Scale, absent, read, write
from tests.bench.machine import describe
from tests.bench.rehearsal import rehearse
from tests.bench.tables import show_outcome, show_skipped, show_targets

BENCHES: Final = (
    "tracker", "sessions", "seed", "start", "walk", "lag", "console", "overnight", "delta", "swarm", "rooms", "churn",
    "simulate",
)  # fmt: skip
FAST: Final = ("console", "delta", "swarm")
"""What is steady in a short run on a busy machine, which processor times are not."""
FAST_TOLERANCE: Final = 1 / 3
ROOM: Final = 12 << 30
"""Bytes that the largest bench writes."""
TINY_SECONDS: Final = 300
"""After which a bench of a tiny size is taken to hang."""


@click.command(help=__doc__)
@click.option("--fast", "given", flag_value=Scale.FAST.value, help="Short runs of those that say something in one.")
@click.option("--tiny", "given", flag_value=Scale.TINY.value, help="See that every bench runs.")
@click.option("--table", "only_table", is_flag=True, help="Show the records that are kept.")
@click.option("--json", "kept", type=click.Path(path_type=Path), default=Path("build/bench"), show_default=True)
@click.argument("names", nargs=-1, metavar="[BENCH[:VARIANT]]...")
def main(given: str | None, only_table: bool, kept: Path, names: tuple[str, ...]) -> None:
    """Run benches."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    # A bench that is told to end takes its namespaces and child processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    if only_table:
        show_targets(read(kept), console)
        return
    scale = Scale(given or Scale.FULL)
    chosen = _chosen(names or (FAST if scale is Scale.FAST else BENCHES))
    if scale is not Scale.TINY:
        sys.exit(0 if _measure(chosen, scale, kept, console) else 1)
    if len(names) == 1:
        sys.exit(0 if _rehearse(*chosen.popitem(), console) else 1)
    sys.exit(0 if rehearse(names or BENCHES, console) else 1)


def _measure(chosen: Mapping[str, list[str]], scale: Scale, kept: Path, console: Console) -> bool:
    """Run benches for their figures; whether all ran and kept their lines."""
    records: list[Record] = []
    for bench, only in chosen.items():
        record = _run(bench, only, scale, console)
        if record is not None:
            show_outcome(bench, record.outcome, console)
            console.print(f"kept in {write(record, kept)}", style="dim")
            records.append(record)
    show_targets(records, console)
    tolerance = FAST_TOLERANCE if scale is Scale.FAST else 0.0
    missed = [f for record in records for f in record.outcome.figures if not f.target.met(f.ours, tolerance)]
    for figure in missed:
        console.print(f"missed: {figure.target.text}: {figure.ours:g}, line {figure.target.line:g}", style="red")
    return len(records) == len(chosen) and not missed


def _rehearse(bench: str, only: list[str], console: Console) -> bool:
    """Run a bench at a tiny size; whether it gave all its figures, as far as they can be had here."""
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(TINY_SECONDS)
    record = _run(bench, only, Scale.TINY, console)
    signal.alarm(0)
    if record is None:
        return False
    show_skipped(record.outcome, console)
    wanted = [] if only else absent(bench, record.outcome)
    if wanted:
        console.print(f"{bench} did not give {', '.join(wanted)}", style="red")
    console.print(f"{bench}: {record.seconds:.1f} s")
    return not wanted


def _hangs(*_: object) -> None:
    # Not a TimeoutError: that is an OSError, which benches take for a server that does not answer yet.
    raise RuntimeError(f"the bench did not end within {TINY_SECONDS} seconds")


def _chosen(names: tuple[str, ...]) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for name in names:
        bench, _, variant = name.partition(":")
        if bench not in BENCHES:
            raise click.BadParameter(f"{bench!r} is no bench; there are {', '.join(BENCHES)}")
        chosen.setdefault(bench, []).extend([variant] if variant else [])
    return chosen


def _run(bench: str, only: list[str], scale: Scale, console: Console) -> Record | None:
    console.rule(bench, align="left")
    # In memory where there is room: what is measured is not the disk.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    directory = Path(tempfile.mkdtemp(prefix=f"voi-bench-{bench}-", dir=memory if roomy else None))
    at, begun = datetime.now(UTC), time.monotonic()
    try:
        module = importlib.import_module(f"tests.bench.{bench}")
        outcome: Outcome = module.run(Plan(directory, console, scale, only))
    except Exception:  # the other benches are worth running all the same
        console.print(f"{traceback.format_exc()}\nfiles are kept in {directory}", style="red", markup=False)
        return None
    shutil.rmtree(directory, ignore_errors=True)
    return Record(bench, at.isoformat(timespec="seconds"), describe(), time.monotonic() - begun, outcome, scale)


if __name__ == "__main__":
    main()
