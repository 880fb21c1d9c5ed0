"""Metrics of the process: what it is made of, since when it runs, how late its reactor comes, room on its disk."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Final

from prometheus_client.core import HistogramMetricFamily, Metric

from voi import __version__
from voi.app.lag import STEPS, UPPER_BOUNDS, LagProbe
from voi.metrics import PackageCollector, alone, gauge

BUILD: Final = {"version": __version__, "python": platform.python_version()} | {
    name: version(name) for name in ("libtorrent", "twisted")
}


class ProcessMetrics(PackageCollector):
    """`started` is seconds since the epoch."""

    def __init__(self, lag: LagProbe, started: float) -> None:
        self._lag = lag
        self._started = started
        self._seen: list[Metric] = []

    def look(self) -> None:
        """Every doubling of the reactor's lag is enough; the last bucket holds whatever is longer, without a bound."""
        sums = list(accumulate(self._lag.counts))
        buckets = [*zip(map(repr, UPPER_BOUNDS[::STEPS]), map(float, sums[::STEPS]), strict=True)][:-1]
        lag = HistogramMetricFamily("voi_reactor_lag_seconds", "How late the reactor came, a hundred looks a second.")
        lag.add_metric([], [*buckets, ("+Inf", float(sums[-1]))], self._lag.total)
        names = sorted(BUILD)
        self._seen = [
            gauge(
                "voi_build_info",
                "Versions of the server and of what it stands on.",
                [([BUILD[name] for name in names], 1)],
                names,
            ),
            gauge("voi_start_time_seconds", "When the server was started, since the epoch.", alone(self._started)),
            lag,
            gauge(
                "voi_reactor_longest_lag_seconds", "The longest standstill since the start.", alone(self._lag.longest)
            ),
        ]

    def collect(self) -> Iterable[Metric]:
        """What was seen."""
        return self._seen


class DiskMetrics(PackageCollector):
    """Room on the disk that `directory` is on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterable[Metric]:
        """Asked in a thread.

        :raises OSError: the disk does not say.
        """
        usage = shutil.disk_usage(self._directory)
        return [
            gauge("voi_disk_free_bytes", "Room on the disk of the data directory.", alone(usage.free)),
            gauge("voi_disk_size_bytes", "Size of the disk of the data directory.", alone(usage.total)),
        ]
