"""A server's database through its own repositories, for programs that have no reactor.

A bench fills the database of a server that does not run yet, and looks at that of one that runs where asking the
server again and again would be work of its own.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, gatherResults

from voi.domain.room_directory import RoomDirectory
from voi.files.directory import DataDirectory
from voi.store.commands import SqlCommands
from voi.store.database import Store
from voi.store.rollouts import SqlRollouts
from voi.store.terminals import SqlTerminals

T = TypeVar("T")

_PATIENCE: Final = 60.0  # seconds without any news from the threads of the store


class Database:
    """The repositories that benches need. Results arrive in the thread that waits for them, in `get`."""

    def __init__(self, path: Path) -> None:
        self._arrived: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._store = Store(path, self)
        self.terminals = SqlTerminals(self._store, RoomDirectory())
        self.commands = SqlCommands(self._store)
        self.rollouts = SqlRollouts(self._store)

    def callFromThread(self, callable: Callable[..., Any], *args: Any) -> None:  # noqa: A002 - Twisted's names
        """What the store asks of a reactor."""
        self._arrived.put(lambda: callable(*args))

    def get(self, deferred: Deferred[T]) -> T:
        """Wait for a result.

        :raises queue.Empty: the store has been silent for a minute.
        """
        results: list[T] = []
        failures: list[BaseException] = []
        deferred.addCallbacks(results.append, lambda failure: failures.append(failure.value))
        while not results and not failures:
            self._arrived.get(timeout=_PATIENCE)()
        if failures:
            raise failures[0]
        return results[0]

    def close(self) -> None:
        """Finish what was begun and let go of the file."""
        self._store.close()


@contextmanager
def opened(data: Path) -> Iterator[Database]:
    """The database of a data directory, which a server may have open at the same time."""
    database = Database(DataDirectory(data).database)
    try:
        yield database
    finally:
        database.close()


def tracker_keys(data: Path) -> list[str]:
    """The tracker key of every terminal, in the order of their MAC addresses."""
    with opened(data) as database:
        return [terminal.tracker_key for terminal in database.get(database.terminals.all())]


def add_terminals(data: Path, macs: list[str], address: str) -> None:
    """Let terminals have logged in once, from one address."""
    with opened(data) as database:
        touched = [database.terminals.touch(mac, address, 0, 0.0) for mac in macs]
        database.get(gatherResults(touched, consumeErrors=True))
