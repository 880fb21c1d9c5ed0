"""The database file: opened, migrated, read in one thread and written in another.

Writes are collected: whatever waits when the writer is free shares one transaction, each in a savepoint of
its own, and no change succeeds before the commit is on disk.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import sqlite_utils
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from voi.domain.audit import Audit, AuditEntry
from voi.errors import NotSaved, StartupError
from voi.files.atomic import sync_directory, sync_file
from voi.files.permissions import SECRET_MODE, restrict
from voi.messages.reason import Reason
from voi.signals import Signal
from voi.store.audit_rows import insert_entry
from voi.store.damage import Damage, find_damage
from voi.store.interfaces.database import WorkerState
from voi.store.migrations import migrations

log = Logger()
T = TypeVar("T")
Job = Callable[[sqlite_utils.Database], T]

_BATCH: Final = 256
"""Writes in one transaction at most: enough to share the cost of a commit, few enough to be fast."""

_AT_A_TURN: Final = 25
"""Results handed over in one turn of the reactor: each may be a login to be answered, and others want their turn."""

_BUSY_SECONDS: Final = 10.0
"""How long to wait for another process that holds the file, such as a backup."""


class FromThread(Protocol):
    """The part of a reactor that carries results back from a thread."""

    def callFromThread(self, callable: Callable[..., Any], *args: Any) -> None:  # noqa: A002, N802 - Twisted's names
        """Call soon, in the reactor's thread."""


@dataclass(slots=True)
class _Pending:
    job: Job[Any]
    done: Deferred[Any]
    audit: Audit[Any] | None = None
    result: Any = None
    entries: list[AuditEntry] = field(default_factory=list)


def connect(path: Path) -> sqlite_utils.Database:
    """A connection with our settings; transactions are begun and ended by hand."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    return sqlite_utils.Database(connection, execute_plugins=False)


def prepare(path: Path) -> bool:
    """Make the database file, or bring it to this version's schema; True if it was made.

    A new one is made under another name and renamed when whole; one to be upgraded is copied first.

    :raises StartupError: the file is no database, or of a newer version than this program.
    """
    try:
        return _prepare(path)
    except sqlite3.Error as error:
        raise StartupError(f"database {path}: {error}") from error


def _prepare(path: Path) -> bool:
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(SECRET_MODE)
        restrict(draft, SECRET_MODE)  # SQLite's other files take its mode over
        db = connect(draft)
        migrations.apply(db)
        db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.conn.execute("PRAGMA journal_mode = DELETE")  # leaves one file to rename
        db.close()
        draft.rename(path)
        return True
    db = connect(path)
    try:
        pending = {migration.name for migration in migrations.pending(db)}
        applied = {migration.name for migration in migrations.applied(db)}
        unknown = applied - migration_names()
        if unknown:
            raise StartupError(
                f"database {path} was written by a newer version of voi ({', '.join(sorted(unknown))}): "
                "install that version, or start with the copy made before the upgrade"
            )
        if pending and applied:
            backup = path.with_name(f"{path.name}.before-{min(pending)}")
            if not backup.exists():
                # Under another name until it is whole: a kill in the middle leaves an empty file.
                copy = backup.with_name(f".{backup.name}.new")
                copy.unlink(missing_ok=True)
                db.conn.execute("VACUUM INTO ?", [str(copy)])
                restrict(copy, SECRET_MODE)
                sync_file(copy)
                copy.rename(backup)
                sync_directory(backup.parent)
                log.info("database copied to {backup} before its upgrade", backup=str(backup))
        migrations.apply(db)
    finally:
        db.close()
    return False


def migration_names() -> set[str]:
    """The names of all migrations that this program knows."""
    empty = sqlite_utils.Database(sqlite3.connect(":memory:"), execute_plugins=False)
    names = {migration.name for migration in migrations.pending(empty)}
    empty.close()
    return names


class _Worker:
    """A thread that owns one connection and does jobs in order."""

    def __init__(self, name: str, path: Path, reactor: FromThread, damage: Damage, transactional: bool) -> None:
        self._reactor = reactor
        self._damage = damage
        self._transactional = transactional
        self._db = connect(path)
        self._jobs: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._done: deque[_Pending] = deque()
        self.noted: Signal[[AuditEntry]] = Signal("an entry of the audit log is on disk")
        self._delivering = False  # of the reactor's thread alone
        # Of the worker's thread, read by others; each is set whole.
        self._began: float | None = None
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name=f"voi-{name}", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T], audit: Audit[T] | None = None) -> Deferred[T]:
        done: Deferred[T] = Deferred()
        self._jobs.put(_Pending(job, done, audit))
        return done

    def state(self) -> WorkerState:
        """How it does now; for any thread."""
        began = self._began
        return WorkerState(
            alive=self._thread.is_alive(),
            waiting=self._jobs.qsize(),
            busy_seconds=0.0 if began is None else time.monotonic() - began,
            failure=self._failure,
        )

    def stop(self) -> None:
        """Finish what was submitted, then end; blocks for that long."""
        self._jobs.put(None)
        self._thread.join()
        self._db.close()

    def _run(self) -> None:
        ended = False
        while not ended:
            batch: list[_Pending] = []
            pending = self._jobs.get()
            while pending is not None:
                batch.append(pending)
                if len(batch) == _BATCH or self._jobs.empty():
                    break
                pending = self._jobs.get()
            ended = pending is None
            if batch:
                self._began = time.monotonic()
                self._do(batch)
                self._began = None
                self._done.extend(batch)
                self._reactor.callFromThread(self._arrived)

    def _arrived(self) -> None:
        if not self._delivering:
            self._delivering = True
            self._deliver()

    def _deliver(self) -> None:
        """Hand results over in the order of the jobs, some at a turn."""
        for _ in range(min(len(self._done), _AT_A_TURN)):
            pending = self._done.popleft()
            for entry in pending.entries:
                self.noted(entry)
            pending.done.callback(pending.result)
        if self._done:
            self._reactor.callFromThread(self._deliver)
        else:
            self._delivering = False

    def _do(self, batch: list[_Pending]) -> None:
        if not self._transactional:
            for pending in batch:
                pending.result = self._attempt(pending)
            return
        try:
            self._refuse_damaged()
            self._db.conn.execute("BEGIN IMMEDIATE")
            for pending in batch:
                pending.result = self._in_savepoint(pending)
                self._refuse_damaged()  # nothing of the others either: a damaged file is only read
            self._db.conn.execute("COMMIT")
            self._failure = ""
        except (sqlite3.Error, NotSaved) as error:
            self._failure = str(error)
            if self._db.conn.in_transaction:
                self._db.conn.execute("ROLLBACK")
            for pending in batch:
                pending.result = self._not_saved(error)
                pending.entries = []

    def _refuse_damaged(self) -> None:
        if self._damage.text:
            raise self._damage.refusal(writes=True)

    def _not_saved(self, error: Exception) -> Failure:
        if isinstance(error, NotSaved):
            return Failure(error)
        if self._damage.noticed(error):
            return Failure(self._damage.refusal(writes=True))
        return Failure(NotSaved(Reason("database_failed", text=str(error))))

    def _in_savepoint(self, pending: _Pending) -> Any:
        conn = self._db.conn
        conn.execute("SAVEPOINT job")
        result = self._attempt(pending)
        if pending.audit is not None and not isinstance(result, Failure):
            try:
                pending.entries = self._write_entries(pending.audit(result))
            except sqlite3.Error as error:
                result = self._not_saved(error)
            except Exception:  # the change must not be without its entry
                result = Failure()
        if isinstance(result, Failure) and conn.in_transaction:
            conn.execute("ROLLBACK TO job")
        conn.execute("RELEASE job")
        return result

    def _write_entries(self, made: AuditEntry | Iterable[AuditEntry] | None) -> list[AuditEntry]:
        if made is None:
            return []
        return [insert_entry(self._db, entry) for entry in ([made] if isinstance(made, AuditEntry) else made)]

    def _attempt(self, pending: _Pending) -> Any:
        try:
            return pending.job(self._db)
        except Exception as error:  # it belongs to whoever waits for the job, not to this thread
            if self._damage.noticed(error):
                return Failure(self._damage.refusal(writes=self._transactional))
            return Failure()


class Store:
    """The open database; `read` and `write` run a function in a thread and give its result."""

    def __init__(self, path: Path, reactor: FromThread) -> None:
        self.path = path
        self._damage = Damage()
        self._writer = _Worker("writer", path, reactor, self._damage, transactional=True)
        self._reader = _Worker("reader", path, reactor, self._damage, transactional=False)

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
