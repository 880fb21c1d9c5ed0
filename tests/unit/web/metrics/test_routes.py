"""Tests of gathering metrics where a part of the server does not answer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from unittest import mock

from prometheus_client.metrics_core import Metric
from twisted.internet.defer import Deferred

from tests.unit.store.base import StoreCase
from tests.unit.web.metrics.parts import Parts
from voi.metrics import PackageCollector
from voi.store.repositories import sql_repositories
from voi.web.metrics.routes import COUNT_SECONDS


class TroubleTests(StoreCase):
    """Metrics are wanted most when something is wrong."""

    def setUp(self) -> None:
        """A real database, and all else with known numbers."""
        super().setUp()
        self.parts = Parts(Path(self.mktemp()))
        self.parts.statistics = sql_repositories(self.store, self.room_directory).statistics
        self.parts.checks["reactor"] = lambda: ""

    async def test_database_hangs(self) -> None:
        """After a while the page comes without what the database counts, and so does the next one."""
        routes = self.parts.routes()
        held = threading.Event()
        busy = self.store.read(lambda _db: held.wait())
        for _ in range(2):
            page = Deferred.fromCoroutine(routes.metrics())
            self.parts.clock.advance(COUNT_SECONDS)
            text = await page
            self.assertIn(b"voi_terminal_sessions 5.0", text)
            for missing in (b"voi_terminals", b"voi_published_disks", b"voi_rollouts", b"voi_torrent_info"):
                self.assertNotIn(missing, text)
        held.set()
        await busy

    async def test_database_is_known_to_be_gone(self) -> None:
        """What the health check has found to be silent is not asked again."""
        self.parts.checks["database"] = lambda: "the thread that reads the database has ended"
        self.store._reader._jobs.put(None)
        text = await self.parts.routes().metrics()
        self.assertIn(b'voi_health_check{check="database"} 0.0', text)
        self.assertNotIn(b"voi_rollouts", text)

    async def test_disk_is_gone(self) -> None:
        """The page comes without its room, and with all that comes after it."""
        with mock.patch("shutil.disk_usage", side_effect=OSError(5, "Input/output error")):
            text = await self.parts.routes().metrics()
        self.assertIn(b'voi_rollouts{state="running"} 0.0', text)
        self.assertNotIn(b"voi_disk_free_bytes", text)

    async def test_another_page_is_another_look(self) -> None:
        """What is told is as it was at that scrape."""
        routes = self.parts.routes()
        self.assertIn(b"voi_tracker_peers 33.0", await routes.metrics())
        self.parts.tracker.peer_count = 34
        self.assertIn(b"voi_tracker_peers 34.0", await routes.metrics())

    async def test_a_further_package(self) -> None:
        """A new package's metrics are on the page when its collector is in the list, and nothing else is touched."""

        class Coffee(PackageCollector):
            def collect(self) -> Iterable[Metric]:
                yield Metric("voi_cups", "Cups that are left.", "gauge")

        collectors = [*self.parts.collectors(), Coffee()]
        with mock.patch.object(self.parts, "collectors", lambda: collectors):
            self.assertIn(b"# HELP voi_cups Cups that are left.", await self.parts.routes().metrics())
