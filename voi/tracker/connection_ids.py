"""Clients over UDP: their addresses and connection ids (BEP 15), remembered for a while. No clock, no I/O."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from voi.tracker.mmsg import Name, address_of

WINDOW_SECONDS: Final = 60
"""How long one connection id is given; it is taken for as long again, as BEP 15 has it."""
MOST_CLIENTS: Final = 16_384
"""Clients that are remembered within a window, so that their address is read and hashed once for each: 6 MB."""


class UdpClient:
    """One address and port, for a window of time."""

    __slots__ = ("host", "ipv4", "local", "new", "old", "scope")

    def __init__(self, host: str, scope: int, new: bytes, old: bytes) -> None:
        self.host, self.scope = host, scope
        self.ipv4 = ":" not in host or host.startswith("::ffff:")
        self.new, self.old = new, old
        """The 8 bytes that it is given now, and those of the window before."""
        self.local: str | None = None
        """By which address of this machine it is reached, once it was found out."""


class ConnectionIds:
    """Connection ids without a state: a keyed hash of the client's address and of the time, so that a datagram
    with a forged source comes to nothing. What is remembered only saves time.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._window = -1
        self._begin = self._end = 0.0  # of the window, in seconds
        self._known: dict[Name, UdpClient] = {}

    def find(self, now: float, name: Name) -> UdpClient:
        """The client of this name, as it is now."""
        if not self._begin <= now < self._end:
            self._window = window = int(now // WINDOW_SECONDS)
            self._begin, self._end = window * WINDOW_SECONDS, (window + 1) * WINDOW_SECONDS
            self._known.clear()
        found = self._known.get(name)
        if found is None:
            if len(self._known) >= MOST_CLIENTS:
                self._known.clear()
            host, port, scope = address_of(name)
            new, old = self._make(self._window, host, port), self._make(self._window - 1, host, port)
            found = self._known[name] = UdpClient(host, scope, new, old)
        return found

    def _make(self, window: int, host: str, port: int) -> bytes:
        return blake2b(f"{window} {port} {host}".encode(), key=self._secret, digest_size=8).digest()
