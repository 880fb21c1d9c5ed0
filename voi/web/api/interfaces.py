"""What the API is put together from, and what it asks of the machine: small interfaces."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from voi.web.http.routing import Route

DiskUsage = Callable[[], Awaitable[tuple[int, int]]]
"""Free and all bytes of the server's disk."""


class RouteTable(Protocol):
    """Routes that belong together."""

    def routes(self) -> Sequence[Route]:
        """All of them."""
