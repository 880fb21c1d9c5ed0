"""The open database file: read in one thread and written in another.

Writes are collected: whatever waits when the writer is free shares one transaction, each in a savepoint of
its own, and no change succeeds before the commit is on disk.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TypeVar

import sqlite_utils
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from voi.domain.audit import Audit, AuditEntry
from voi.signals import Signal
from voi.store.damage import Damage, find_damage
from voi.store.interfaces.database import WorkerState
from voi.store.worker import FromThread, Job, Worker

log = Logger()
T = TypeVar("T")


class Store:
    """The open database; `read` and `write` run a function in a thread and give its result."""

    def __init__(self, path: Path, reactor: FromThread) -> None:
        self.path = path
        self._damage = Damage()
        self._writer = Worker("writer", path, reactor, self._damage, transactional=True)
        self._reader = Worker("reader", path, reactor, self._damage, transactional=False)

    def write(self, job: Job[T], audit: Audit[T] | None = None) -> Deferred[T]:
        """Run `job` in a transaction; fires when it is on disk, fails with what the job raised.

        What `audit` makes of the job's result is written in the same transaction: with the change, or neither. Those
        listeners of `noted` get each entry once it is on disk, before the change's own caller goes on.
        A job may run again in no case: on failure nothing of it stays.
        """
        return self._writer.submit(job, audit)

    def read(self, job: Job[T]) -> Deferred[T]:
        """Run `job` on a connection for reading; it sees every write that was acknowledged."""
        return self._reader.submit(job)

    def try_reading(self) -> Deferred[None]:
        """Ask the database the simplest question; fires when it answered."""
        return self.read(_ask)

    def try_writing(self) -> Deferred[str]:
        """Write a page of the database and change nothing; fires with why SQLite refuses, empty if it does not.

        Fails with `NotSaved` where the transaction came to nothing, for which :attr:`writer` has the reason then.
        """

        def job(db: sqlite_utils.Database) -> str:
            try:
                _touch(db)
            except sqlite3.Error as error:
                return str(error)
            return ""

        return self.write(job)

    @property
    def damage(self) -> str:
        """What is wrong with the file and what to do, empty where nothing is known to be. It is only read then."""
        return self._damage.reason if self._damage.text else ""

    def look_for_damage(self) -> None:
        """Read the whole file, once, whatever is in it. Blocks; for any thread."""
        try:
            self._damage.note(find_damage(self.path))
        except sqlite3.Error as error:
            log.warn("the database could not be checked: {error}", error=error)

    @property
    def noted(self) -> Signal[[AuditEntry]]:
        """Called with each entry of the audit log that is on disk."""
        return self._writer.noted

    @property
    def writer(self) -> WorkerState:
        """How the thread that writes does."""
        return self._writer.state()

    @property
    def reader(self) -> WorkerState:
        """How the thread that reads does."""
        return self._reader.state()

    def close(self) -> None:
        """Finish all that was submitted and let go of the file."""
        self._writer.stop()
        self._reader.stop()


def _touch(db: sqlite_utils.Database) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute(f"PRAGMA user_version = {int(version)}")


def _ask(db: sqlite_utils.Database) -> None:
    db.execute("SELECT count(*) FROM accounts").fetchone()


def where_found(audit: Audit[T] | None) -> Audit[T | None] | None:
    """The same for a job that gives None where there was nothing to change, and so nothing to tell."""
    if audit is None:
        return None
    return lambda result: None if result is None else audit(result)
