"""A thread that owns one connection to the database, and does what it is given in order."""

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
from twisted.python.failure import Failure

from voi.domain.audit import Audit, AuditEntry
from voi.errors import NotSaved
from voi.messages.reason import Reason
from voi.signals import Signal
from voi.store.audit_rows import insert_entry
from voi.store.damage import Damage
from voi.store.interfaces.database import WorkerState
from voi.store.preparation import connect

T = TypeVar("T")
Job = Callable[[sqlite_utils.Database], T]

_BATCH: Final = 256
"""Writes in one transaction at most: enough to share the cost of a commit, few enough to be fast."""

RESULTS_AT_A_TURN: Final = 25
"""Results handed over in one turn of the reactor: each may be a login to be answered, and others want their turn."""


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


class Worker:
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
        for _ in range(min(len(self._done), RESULTS_AT_A_TURN)):
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
