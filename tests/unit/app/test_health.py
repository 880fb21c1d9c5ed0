"""Tests of voi.app.health."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from inspect import isawaitable
from unittest import mock

from sqlite_utils import Database
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import StoreCase
from voi.app import health
from voi.app.lag import LagProbe
from voi.files.directory import DataDirectory
from voi.publishing.space import MARGIN
from voi.store import database
from voi.store.interfaces.database import WorkerState

WELL = WorkerState(alive=True, waiting=0, busy_seconds=0.0, failure="")


@dataclass
class Peer:
    """The server's own peer."""

    port: int = 50020


@dataclass
class Torrents:
    """The session's."""

    failing: int = 0


@dataclass
class Contents:
    """The server's copies of what is published."""

    total: int = 4
    unavailable: int = 0


class CheckTests(StoreCase):
    """What the checks of a server with a real database say."""

    def setUp(self) -> None:
        """All is well."""
        super().setUp()
        self.peer, self.torrents, self.contents, self.clock = Peer(), Torrents(), Contents(), Clock()
        self.lag = LagProbe(self.clock, self.clock.seconds)
        self.checks: Mapping[str, health.Check] = health.checks(
            self.store, DataDirectory(self.path), self.peer, self.torrents, self.contents, self.lag, self.clock
        )

    async def said(self, name: str) -> str:
        """What one check says."""
        result = self.checks[name]()
        return await result if isawaitable(result) else str(result)

    async def test_well(self) -> None:
        """Nothing when all is well."""
        for name in self.checks:
            self.assertEqual(await self.said(name), "", name)

    async def test_bittorrent(self) -> None:
        """A session that is not listening, and one whose files cannot be read."""
        self.torrents.failing = 3
        self.assertIn("cannot be read or written: 3", await self.said("bittorrent"))
        self.peer.port = 0
        self.assertIn("is not listening", await self.said("bittorrent"))

    async def test_published_files(self) -> None:
        """Levels of which the server has no whole file are counted, without names: anybody may read it."""
        self.contents.unavailable = 2
        self.assertIn("no whole file: 2 of 4", await self.said("published files"))

    async def test_disk(self) -> None:
        """Too little room, with how much there is."""
        with mock.patch.object(health, "free_bytes", lambda _path: MARGIN - 1):
            self.assertIn("268.4 MB", await self.said("disk space"))

    async def test_reactor(self) -> None:
        """A reactor that stood still for some seconds of the last minute, and one that has recovered since."""
        self.lag.start()
        self.clock.advance(5.0)
        self.assertIn("more than 100 ms late in 16%", await self.said("reactor"))
        for _ in range(7000):
            self.clock.advance(0.01)
        self.assertEqual(await self.said("reactor"), "")
        self.lag.stop()

    async def test_database_hangs(self) -> None:
        """A database that does not answer is said to, instead of a check that never ends."""
        held = threading.Event()
        busy = self.store.read(lambda _db: held.wait())
        said = Deferred.fromCoroutine(self.said("database"))
        self.clock.advance(health.ANSWER_SECONDS)
        self.assertIn("did not answer within 5 seconds", await said)
        held.set()
        await busy

    async def test_write_fails(self) -> None:
        """The last write's failure is told until one goes well, if only the one by which the check itself tries."""

        def end_transaction(db: Database) -> None:
            db.execute("COMMIT")

        done = self.store.write(end_transaction)
        done.addErrback(lambda _failure: None)
        await done
        with mock.patch.object(database, "_touch", end_transaction):
            self.assertIn("the last write to the database failed (", await self.said("database writer"))
            self.assertIn("the last write to the database failed (", await self.said("database writer"))
        self.assertEqual(await self.said("database writer"), "")

    async def test_not_a_page(self) -> None:
        """An attempt that SQLite refuses before it comes to the disk is told as one that failed."""
        self.store._writer._failure = "disk I/O error"
        await self.store.read(lambda _db: self.store._writer._db.execute("PRAGMA query_only = ON"))
        self.assertIn("(attempt to write a readonly database)", await self.said("database writer"))

    async def test_tries_only_after_a_failure(self) -> None:
        """While all is well nothing is written for a look at it."""
        with mock.patch.object(database, "_touch", lambda _db: self.fail("was written")):
            self.assertEqual(await self.said("database writer"), "")

    async def test_threads_ended(self) -> None:
        """A thread that has ended is told at once; nothing is asked of it."""
        for worker in (self.store._writer, self.store._reader):
            worker._jobs.put(None)
            worker._thread.join()
        self.assertIn("the thread that writes to the database has stopped", await self.said("database writer"))
        self.assertIn("the thread that reads the database has stopped", await self.said("database"))


class WriterTests(SynchronousTestCase):
    """What is said of the writer's state."""

    def test_stuck(self) -> None:
        """A write that takes too long, with who waits; an ordinary one is no news."""
        self.assertEqual(health.writer_problem(replace(WELL, waiting=900, busy_seconds=1.0)), "")
        stuck = health.writer_problem(replace(WELL, waiting=17, busy_seconds=42.0))
        self.assertIn("has taken 42 seconds so far and 17 more are waiting", stuck)

    def test_worst_first(self) -> None:
        """A thread that has ended explains everything else."""
        dead = replace(WELL, alive=False, busy_seconds=99.0, failure="disk I/O error")
        self.assertIn("has stopped", health.writer_problem(dead))
