"""What a part of the server tells Prometheus: a collector for each package, and families put together.

A label's values come from a closed set, written in the code that counts; `torrent` alone grows, to a bound of its own
(`voi.web.metrics.counted`). Names and units keep to Prometheus' rules: counters end in ``_total`` (which the library
adds), everything is in base units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Rows = Iterable[tuple[Sequence[str], float]]
"""Values of labels, and the value that they have."""


class PackageCollector(Collector):
    """One package's metrics: looked at on the reactor, put together in a thread.

    At each scrape `look` is called first, then `collect`; one scrape comes after the other.
    """

    def look(self) -> None:
        """Read what is in memory, on the reactor's thread: a millisecond at most, and nothing waits."""

    def collect(self) -> Iterable[Metric]:
        """The families of what was seen, in any thread; files may be asked here.

        :raises OSError: a file or disk cannot be asked; then this package's metrics are missing from the page.
        """
        raise NotImplementedError

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry is ours alone, so no name can meet another's."""
        return ()


def gauge(name: str, text: str, rows: Rows, labels: Sequence[str] = ()) -> Metric:
    """What goes up and down."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def counter(name: str, text: str, rows: Rows, labels: Sequence[str] = ()) -> Metric:
    """What only grows; its samples are called `name` with ``_total``."""
    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def alone(value: float) -> Rows:
    """A value without labels."""
    return [((), value)]


def by_name(counts: Mapping[str, float]) -> Rows:
    """A value for each of one label."""
    return [((name,), value) for name, value in counts.items()]


def by_two(counts: Mapping[str, Mapping[str, float]]) -> Rows:
    """A value for each pair of two labels."""
    return [((outer, inner), value) for outer, rows in counts.items() for inner, value in rows.items()]


def by_code(counts: Mapping[int, int]) -> Rows:
    """A value for each service code or code of an answer; 0 is all that are not in the protocol."""
    return [((str(code) if code else "other",), count) for code, count in counts.items()]
