"""An open database, whatever it is: its repositories, whether it works, and what a start reads of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from voi.domain.rooms import Room
from voi.domain.terminals import Terminal
from voi.metrics import PackageCollector
from voi.names import DiskName
from voi.store.interfaces.repositories import Repositories


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How what reads does, or what writes. `busy_seconds` is how long it has been at what it does now, 0 if at
    nothing; `failure` is why the last transaction came to nothing, empty if it did not.
    """

    alive: bool
    waiting: int
    busy_seconds: float
    failure: str


@dataclass(frozen=True, slots=True)
class Known:
    """Every terminal, with its tracker key and where it stands; every room; the info-hashes of all that is published
    and of all uploads under way.
    """

    terminals: Sequence[Terminal]
    rooms: Sequence[Room]
    torrents: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class FoundDatabase:
    """What a start finds of a database before it is brought to this version's schema.

    `there`: it has tables. `identity` is empty where it has none yet, which is so before version 0.2. `levels` are all
    that are published; `knows_disks` says whether it ever knew of a disk, published or not.
    """

    there: bool = False
    identity: str = ""
    knows_disks: bool = False
    levels: frozenset[DiskName] = frozenset()


class DatabaseHealth(Protocol):
    """Whether it works."""

    @property
    def reader(self) -> WorkerState:
        """How what reads does."""

    @property
    def writer(self) -> WorkerState:
        """How what writes does."""

    @property
    def damage(self) -> str:
        """What is damaged and what to do, empty where nothing is known to be: then it is only read."""

    def try_reading(self) -> Deferred[None]:
        """Ask the simplest question; fires when it was answered."""

    def try_writing(self) -> Deferred[str]:
        """Write and change nothing; fires with why that is refused, empty if it is not.

        Fails with `NotSaved` where the transaction came to nothing, for which `writer` has the reason then.
        """


class Database(DatabaseHealth, Protocol):
    """The database that a server has open."""

    @property
    def repositories(self) -> Repositories:
        """All of them."""

    def known(self) -> Known:
        """What must be known before the first port is open. Read at once, which blocks.

        :raises StartupError: it cannot be read.
        """

    def look_for_damage(self) -> None:
        """Read all of it, so that damage is found where nobody looks. Blocks; for any thread."""

    def metrics(self) -> PackageCollector:
        """What it tells Prometheus."""

    def close(self) -> None:
        """Finish all that was asked for, and let go of it. Blocks for that long."""
