"""Tests of gathering metrics where a part of the server does not answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from tests.unit.store.base import StoreCase
from tests.unit.web.metrics.test_exposition import LIVE
from voi.store.metric_counts import SqlStatistics
from voi.terminals.registry import ConnectionRegistry
from voi.web.http.checks import HealthCheck
from voi.web.metrics.readings import LiveReadings, StorageReadings
from voi.web.metrics.routes import CENSUS_SECONDS, MetricRoutes


class Meter:
    """Reads a server whose disk is gone."""

    def live(self) -> LiveReadings:
        """What is in memory."""
        return LIVE

    def storage(self) -> StorageReadings:
        """Cannot be told."""
        raise OSError(5, "Input/output error")


def at_once(function: Callable[[], Any]) -> Deferred[Any]:
    """No thread is needed here."""
    return maybeDeferred(function)


class TroubleTests(StoreCase):
    """Metrics are wanted most when something is wrong."""

    def setUp(self) -> None:
        """All but the database is well."""
        super().setUp()
        self.clock = Clock()
        self.checks: dict[str, HealthCheck] = {"database": lambda: ""}
        self.routes = MetricRoutes(
            statistics=SqlStatistics(self.store),
            registry=ConnectionRegistry(),
            meter=Meter(),
            checks=self.checks,
            in_thread=at_once,
            clock=self.clock,
        )

    async def test_database_hangs(self) -> None:
        """After a while the page comes without what the database counts, and so does the next one."""
        held = threading.Event()
        busy = self.store.read(lambda _db: held.wait())
        for _ in range(2):
            page = Deferred.fromCoroutine(self.routes.metrics())
            self.clock.advance(CENSUS_SECONDS)
            text = await page
            self.assertIn(b"voi_terminal_sessions 5.0", text)
            self.assertNotIn(b"voi_terminals", text)
        held.set()
        await busy

    async def test_database_is_known_to_be_gone(self) -> None:
        """What the health check has found to be silent is not asked again."""
        self.checks["database"] = lambda: "the thread that reads the database has ended"
        self.store._reader._jobs.put(None)
        text = await self.routes.metrics()
        self.assertIn(b'voi_health_check{check="database"} 0.0', text)
        self.assertNotIn(b"voi_rollouts", text)

    async def test_disk_is_gone(self) -> None:
        """The page comes without its room."""
        text = await self.routes.metrics()
        self.assertIn(b'voi_rollouts{state="running"} 0.0', text)
        self.assertNotIn(b"voi_disk_free_bytes", text)
