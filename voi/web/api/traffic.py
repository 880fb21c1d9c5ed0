"""How much goes over the network now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from voi.seeding.interfaces import BitTorrentSession

SAMPLE_SECONDS: Final = 2.0
"""How often `sample` is to be called."""

WINDOW: Final = 8
"""Samples that a rate is made of: terminals say how far they are every few seconds, so less would jump."""


class TrafficMeter:
    """Rates in bytes a second; `fetched` counts what terminals got since the server's start, and never falls."""

    def __init__(
        self, seeding: BitTorrentSession, fetched: Callable[[], int], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._seeding = seeding
        self._fetched = fetched
        self._now = now
        self._samples: deque[tuple[float, int]] = deque(maxlen=WINDOW)

    async def sample(self) -> None:
        """Look at the count."""
        self._samples.append((self._now(), self._fetched()))

    @property
    def server_out(self) -> int:
        """What the server's BitTorrent session sends."""
        return sum(status.upload_rate for status in self._seeding.statuses().values())

    @property
    def server_in(self) -> int:
        """What it receives."""
        return sum(status.download_rate for status in self._seeding.statuses().values())

    @property
    def swarm(self) -> int:
        """What terminals fetch altogether, from the server and from one another."""
        if len(self._samples) < 2:
            return 0
        (since, before), (until, after) = self._samples[0], self._samples[-1]
        return round((after - before) / (until - since)) if until > since else 0
