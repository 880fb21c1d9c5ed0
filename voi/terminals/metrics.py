"""Metrics of terminals' connections."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import Metric

from voi.metrics import PackageCollector, alone, by_code, counter, gauge
from voi.terminals.factory import TerminalFactory


class TerminalMetrics(PackageCollector):
    """Sessions, connections, and frames and errors on them."""

    def __init__(self, factory: TerminalFactory) -> None:
        self._factory = factory
        self._seen: list[Metric] = []

    def look(self) -> None:
        """A few numbers and a count for each service code."""
        factory, tally = self._factory, self._factory.tally
        errors = [*by_code(tally.errors), (("framing",), tally.broken)]
        self._seen = [
            gauge("voi_terminal_sessions", "Terminals that are logged in.", alone(len(factory.registry))),
            gauge(
                "voi_terminal_connections",
                "Connections at the terminals' port, logged in or not.",
                alone(factory.connections),
            ),
            gauge(
                "voi_terminal_unfinished_frame_bytes",
                "Bytes of frames that are not whole yet.",
                alone(factory.unfinished_bytes),
            ),
            counter(
                "voi_terminal_frames_received",
                "Frames from terminals, by service code.",
                by_code(tally.received),
                ["code"],
            ),
            counter("voi_terminal_frames_sent", "Frames to terminals, by service code.", by_code(tally.sent), ["code"]),
            counter(
                "voi_terminal_errors",
                "Requests of terminals that were refused, by the code of the reason.",
                errors,
                ["code"],
            ),
        ]

    def collect(self) -> Iterable[Metric]:
        """What was seen."""
        return self._seen
