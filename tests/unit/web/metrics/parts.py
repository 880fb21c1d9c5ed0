"""Parts of a server that has known numbers, for tests of its metrics: small fakes below the real collectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from voi.app.lag import LagProbe
from voi.app.metrics import DiskMetrics, ProcessMetrics
from voi.catalogue.metrics import ContentMetrics
from voi.domain.contents import ContentState
from voi.domain.metric_counts import CountedLevel, MetricCounts
from voi.metrics import PackageCollector
from voi.names import DiskName
from voi.seeding.metrics import SeedingMetrics
from voi.store.interfaces.database import WorkerState
from voi.store.metrics import DatabaseMetrics
from voi.terminals.metrics import TerminalMetrics
from voi.tracker.metrics import TrackerMetrics
from voi.web.http.checks import HealthCheck
from voi.web.metrics.counted import CountedMetrics
from voi.web.metrics.routes import MetricRoutes

NAME = DiskName("11111111-2222-4333-8444-555555555555", 0)
TEMPLATE = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"
HASH = bytes(range(20))

COUNTS = MetricCounts(
    rollouts={"running": 1, "done": 2},
    targets={"waiting": 3},
    upload_disks={"receiving": 1},
    level_count=1,
    levels=[CountedLevel(NAME, HASH, 777, TEMPLATE, 'Ro"om\n7\\')],
    alike=[],
)


def at_once(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """No thread is needed here."""
    return maybeDeferred(function, *args)


class Statistics:
    """The database, which counts `COUNTS`."""

    def count(self, most_levels: int) -> Deferred[MetricCounts]:
        """At once."""
        return succeed(COUNTS)


def status(state: str, uploaded: int, downloaded: int) -> Any:
    """Where a torrent stands, as far as metrics ask."""
    return SimpleNamespace(state=state, uploaded=uploaded, downloaded=downloaded)


def lag() -> LagProbe:
    """A reactor that came late 100 times, most of them hardly."""
    probe = LagProbe(Clock())
    probe.counts[0] = 90
    probe.counts[-1] = 10
    probe.total, probe.longest = 0.75, 0.5
    return probe


class Parts:
    """Everything that is looked at; change it before :meth:`routes` or between two pages."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        (directory / "voi.sqlite").write_bytes(b"x" * 4096)
        (directory / "voi.sqlite-wal").write_bytes(b"x" * 32)
        self.statistics: Any = Statistics()
        self.checks: dict[str, HealthCheck] = {"database": lambda: "", "reactor": lambda: "late"}
        self.clock = Clock()
        tally = SimpleNamespace(received={9010: 6, 0: 2}, sent={1001: 3, 0: 0}, errors={60000: 4, 0: 1}, broken=9)
        self.factory: Any = SimpleNamespace(registry=range(5), connections=7, unfinished_bytes=123, tally=tally)
        self.tracker: Any = SimpleNamespace(
            over_http=_outcomes({"answered": 100, "full": 1}),
            over_udp=_outcomes({"answered": 50}),
            scrapes_over_http=_outcomes({"answered": 2}),
            scrapes_over_udp=_outcomes({}),
            swarm_count=2,
            peer_count=33,
            counts=lambda info_hash: SimpleNamespace(seeds=3, leeches=4) if info_hash == HASH else None,
        )
        self.statuses = {HASH: status("seeding", 4000, 500), b"x" * 20: status("checking_resume_data", 1000, 100)}
        self.session: Any = SimpleNamespace(sent=5000, received=600, failed_pieces=7, statuses=lambda: self.statuses)
        states = Counter({ContentState.READY: 4, ContentState.MISSING: 1})
        self.contents: Any = SimpleNamespace(counts=lambda: states, offered=4)
        self.store: Any = SimpleNamespace(
            writer=WorkerState(True, 12, 0.25, ""), reader=WorkerState(False, 0, 0.0, "gone")
        )

    def collectors(self) -> list[PackageCollector]:
        """As a server puts them together."""
        return [
            ProcessMetrics(lag(), 1_700_000_000.0),
            TerminalMetrics(self.factory),
            TrackerMetrics(self.tracker, lambda: 11),
            SeedingMetrics(self.session),
            ContentMetrics(self.contents),
            DatabaseMetrics(self.store, self.directory / "voi.sqlite"),
            DiskMetrics(self.directory),
        ]

    def routes(self) -> MetricRoutes:
        """What answers ``/metrics``."""
        return MetricRoutes(
            statistics=self.statistics,
            counted=CountedMetrics((), self.session.statuses, self.tracker.counts),
            collectors=self.collectors(),
            checks=self.checks,
            in_thread=at_once,
            clock=self.clock,
        )


def _outcomes(counts: Mapping[str, int]) -> Any:
    return SimpleNamespace(outcomes=lambda: counts)
