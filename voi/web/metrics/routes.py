"""``/metrics``: what the server tells a Prometheus of itself, gathered when it is asked for.

What is in memory is read on the reactor, in a millisecond or two; what is counted in the database, asked of the disk or
written out as text is done in threads.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.metric_counts import MetricCounts
from voi.metrics import PackageCollector, by_name, gauge
from voi.store.interfaces.snapshots import Statistics
from voi.web.http.checks import HealthCheck, run_checks
from voi.web.http.routing import Route
from voi.web.metrics.counted import MOST_TORRENTS, CountedMetrics

log = Logger()

MEDIA: Final = "text/plain; version=0.0.4; charset=utf-8"

COUNT_SECONDS: Final = 4.0
"""The database may take so long: with the health checks before it that is less than Prometheus waits."""


class MetricRoutes:
    """Gathers what all `collectors` tell. `in_thread` runs a function in a thread; one scrape comes after the other."""

    def __init__(
        self,
        *,
        statistics: Statistics,
        counted: CountedMetrics,
        collectors: Sequence[PackageCollector],
        checks: Mapping[str, HealthCheck],
        in_thread: Callable[..., Awaitable[Any]],
        clock: IReactorTime,
    ) -> None:
        self._statistics = statistics
        self._counted = counted
        self._collectors = (*collectors, counted)
        self._checks = checks
        self._in_thread = in_thread
        self._clock = clock
        self._health: dict[str, bool] = {}
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)  # CPU, memory and descriptors by the names that everybody has
        self._registry.register(_All(self._families))
        self._one_at_a_time = DeferredLock()

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/metrics",
                handler=self.metrics,
                summary="The server's metrics in Prometheus' text format",
                answer=str,
                media=MEDIA,
            ),
        )

    async def metrics(self) -> bytes:
        """GET metrics."""
        page: bytes = await self._one_at_a_time.run(lambda: Deferred.fromCoroutine(self._gather()))
        return page

    async def _gather(self) -> bytes:
        self._health = {name: not wrong for name, wrong in (await run_checks(self._checks)).items()}
        self._counted.counts = await self._count() if self._health.get("database", True) else None
        for collector in self._collectors:
            collector.look()
        page: bytes = await self._in_thread(generate_latest, self._registry)
        return page

    async def _count(self) -> MetricCounts | None:
        """What the database says; where it does not, the rest is worth telling all the more."""
        try:
            return await self._statistics.count(MOST_TORRENTS).addTimeout(COUNT_SECONDS, self._clock)
        except Late:
            log.warn("the database did not count for metrics within {seconds:g} seconds", seconds=COUNT_SECONDS)
            return None

    def _families(self) -> Iterable[Metric]:
        yield gauge(
            "voi_health_check", "Whether a check of /healthz is content: 1 or 0.", by_name(self._health), ["check"]
        )
        for collector in self._collectors:
            try:
                yield from collector.collect()
            except OSError as error:  # the rest is worth telling all the more
                log.warn("the disk does not say what metrics ask of it: {error}", error=error)


class _All(Collector):
    """All of them as one, so that a package that cannot be asked keeps no other from being told."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        """Nothing: nobody else registers any."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Every family."""
        return self._families()
