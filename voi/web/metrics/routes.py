"""``/metrics``: what the server tells a Prometheus of itself, gathered when it is asked for.

What is in memory is read on the reactor, in a millisecond or two; what is counted in the database, asked of the disk or
written out as text is done in threads.
"""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable, Container, Mapping
from importlib.metadata import version
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi import __version__
from voi.domain.metric_counts import MetricCounts
from voi.store.interfaces.snapshots import Statistics
from voi.web.http.checks import HealthCheck, run_checks
from voi.web.http.routing import Route
from voi.web.metrics.exposition import MEDIA, Exposition, Readings
from voi.web.metrics.readings import LiveReadings, StorageReadings

log = Logger()

MOST_TORRENTS: Final = 500
"""Published levels that have series of their own, the newest: seven series each. Sites have some dozens."""


CENSUS_SECONDS: Final = 4.0
"""The database may take so long: with the health checks before it that is less than Prometheus waits."""


class MetricSource(Protocol):
    """Reads what the server has in memory and on its disk."""

    def live(self) -> LiveReadings:
        """What is in memory."""

    def storage(self) -> StorageReadings:
        """What is on the disk; blocks."""


class MetricRoutes:
    """Gathers and writes. `in_thread` runs a function in a thread; one scrape is answered after the other."""

    def __init__(
        self,
        *,
        statistics: Statistics,
        registry: Container[str],
        meter: MetricSource,
        checks: Mapping[str, HealthCheck],
        in_thread: Callable[..., Awaitable[Any]],
        clock: IReactorTime,
    ) -> None:
        self._statistics = statistics
        self._registry = registry
        self._meter = meter
        self._checks = checks
        self._in_thread = in_thread
        self._clock = clock
        self._exposition = Exposition()
        self._one_at_a_time = DeferredLock()
        self._build = {"version": __version__, "python": platform.python_version()} | {
            name: version(name) for name in ("libtorrent", "twisted")
        }

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
        health = {name: not wrong for name, wrong in (await run_checks(self._checks)).items()}
        census = await self._counts() if health.get("database", True) else None
        terminals = {} if census is None else census.terminals(self._registry.__contains__)
        live = self._meter.live()
        page: bytes = await self._in_thread(
            lambda: self._exposition.write(Readings(self._build, terminals, census, live, self._storage(), health))
        )
        return page

    async def _counts(self) -> MetricCounts | None:
        """What the database says; where it does not, the rest is worth telling all the more."""
        try:
            return await self._statistics.count(MOST_TORRENTS).addTimeout(CENSUS_SECONDS, self._clock)
        except Late:
            log.warn("the database did not count for metrics within {seconds:g} seconds", seconds=CENSUS_SECONDS)
            return None

    def _storage(self) -> StorageReadings | None:
        try:
            return self._meter.storage()
        except OSError as error:  # the rest is worth telling all the more
            log.warn("the disk cannot be asked for its room: {error}", error=error)
            return None
