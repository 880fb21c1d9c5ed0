"""What is measured, what is to be reached, and whether it was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from rich.console import Console

T = TypeVar("T")


class Scale(StrEnum):
    """How much a bench does.

    FULL says what a release costs. FAST says something in a minute or two, for what is steady on a busy machine. TINY
    takes seconds, and says only that the bench runs to its end: its figures mean nothing.
    """

    FULL = "full"
    FAST = "fast"
    TINY = "tiny"


class Target(msgspec.Struct, frozen=True):
    """A figure's name for people, the line it must keep and the aim beyond; all in `unit`."""

    text: str
    line: float
    aim: float
    unit: str = ""
    more_is_better: bool = False

    def met(self, value: float, tolerance: float = 0.0) -> bool:
        """Whether the line is kept; `tolerance` is the part by which it may be missed."""
        if self.more_is_better:
            return value >= self.line / (1 + tolerance)
        return value <= self.line * (1 + tolerance)


TARGETS: Final[Mapping[str, Target]] = {
    "swarm.last": Target("swarm: last terminal / bound", 1.15, 1.05),
    "swarm.server": Target("swarm: bytes the server sent / image", 1.2, 1.05),
    "rooms.uplink": Target("rooms: copies over each uplink", 1.25, 1.05),
    "rooms.last": Target("rooms: last terminal / bound", 1.3, 1.1),
    "churn.slow": Target("churn: a tenth-speed terminal slows the others by", 10, 3, "%"),
    "churn.again": Target("churn: a killed terminal fetches again, of what it had", 5, 1, "%"),
    "delta.one": Target("delta: bytes fetched / changed, one version behind", 2.0, 1.2),
    "delta.five": Target("delta: bytes fetched / changed, five versions behind", 2.0, 1.2),
    "tracker.http": Target("tracker: CPU per announce / opentracker's (Connection: close)", 1.3, 1.0),
    "tracker.udp": Target("tracker: UDP announces per CPU second / opentracker's", 0.5, 0.8, more_is_better=True),
    "sessions.memory": Target("sessions: memory for each idle terminal", 16, 8, "KiB"),
    "sessions.command": Target("sessions: command to 10,000, last reply in", 3, 1, "s"),
    "seed.rate": Target("seed: MB/s / best libtorrent preset alone", 0.9, 1.0, more_is_better=True),
    "start.clean": Target("start: 200 torrents seeded after a clean stop", 10, 2, "s"),
    "walk.cost": Target("walk: checking the tables of an image, for each GB of its disk", 20, 5, "ms"),
    "lag.p999": Target("reactor lag p99.9 while seeding, 500 announces/s", 20, 5, "ms"),
    "console.cpu": Target("console: share of a core for ten open pages", 5, 1, "%"),
    "console.key": Target("console: answer to a key press, p95", 100, 50, "ms"),
    "overnight.heap": Target("overnight: heap of a page in the morning / in the evening", 1.5, 1.1),
    "overnight.key": Target("overnight: a key press in the morning is shown in", 100, 50, "ms"),
}


class Figure(msgspec.Struct, frozen=True):
    """One target's figure: ours, and those of the alternatives by name, on the same work in the same run."""

    name: str
    ours: float
    others: Mapping[str, float] = {}
    note: str = ""

    @property
    def target(self) -> Target:
        """What it is held to."""
        return TARGETS[self.name]


class Row(msgspec.Struct, frozen=True):
    """One line of a bench's own table: what ran, and its figures by column."""

    what: str
    figures: Mapping[str, float | str]


class Outcome(msgspec.Struct, frozen=True):
    """What a bench found. `rows` is all it measured, `figures` what targets are held to, `skipped` what could not be
    compared and why, `unmeasured` the names of figures that could not be had on this machine, each with the reason.
    """

    figures: Sequence[Figure]
    rows: Sequence[Row]
    skipped: Sequence[str] = ()
    unmeasured: Mapping[str, str] = {}


class Record(msgspec.Struct, frozen=True):
    """An outcome as it is kept: when, where and how it was measured."""

    bench: str
    at: str
    machine: Mapping[str, str]
    seconds: float
    outcome: Outcome
    scale: Scale = Scale.FULL


@dataclass(frozen=True)
class Plan:
    """How to run a bench; `directory` is its own."""

    directory: Path
    console: Console
    scale: Scale = Scale.FULL
    only: Sequence[str] = field(default=())
    """Names of the bench's own variants to run, all if empty."""

    def of(self, full: T, fast: T, tiny: T) -> T:
        """That which is meant for the scale of this run."""
        return {Scale.FULL: full, Scale.FAST: fast, Scale.TINY: tiny}[self.scale]

    @property
    def fast(self) -> bool:
        """Whether to leave out what says nothing in a short run. A tiny one leaves nothing out."""
        return self.scale is Scale.FAST

    def say(self, text: str) -> None:
        """Tell what is going on."""
        self.console.print(f"  {text}", style="dim", markup=False, highlight=False)


def names(bench: str) -> list[str]:
    """The names of the figures that a bench gives."""
    return [name for name in TARGETS if name.partition(".")[0] == bench]


def unmeasured(bench: str, why: str) -> Outcome:
    """What a bench found that cannot run on this machine."""
    return Outcome([], [], [f"{bench}: {why}"], dict.fromkeys(names(bench), why))


def absent(bench: str, outcome: Outcome) -> list[str]:
    """What a bench neither gave as a number nor said why not: names of figures, and ``rows`` if there are none."""
    given = {figure.name for figure in outcome.figures if math.isfinite(figure.ours)}
    wanted = [name for name in names(bench) if name not in given | outcome.unmeasured.keys()]
    return wanted if outcome.rows or outcome.skipped else [*wanted, "rows"]


def write(record: Record, directory: Path) -> Path:
    """Keep a record as JSON; the file's path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{record.bench}{'' if record.scale is Scale.FULL else f'-{record.scale}'}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    return path


def read(directory: Path) -> list[Record]:
    """The full records that are kept in a directory, the fast ones only where there is no full one."""
    found: dict[str, Record] = {}
    for path in sorted(directory.glob("*.json")):
        record = msgspec.json.decode(path.read_bytes(), type=Record)
        if record.scale is Scale.FULL or record.bench not in found:
            found[record.bench] = record
    return list(found.values())
