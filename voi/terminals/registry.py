"""Which terminals are online, and how a command gets to one and its answer back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from voi.errors import TerminalOffline
from voi.messages.reason import Reason
from voi.signals import Signal
from voi.terminals.interfaces import ANSWER_SECONDS, Connections
from voi.wire.messages import Reply

log = Logger()


class TerminalConnection(Protocol):
    """A logged-in terminal's connection.

    `host` is the terminal's address, `server_host` the one of ours by which it reached us; `asks` means that its login
    was a 9001. `abilities` are those that it named. `disk_free` is as of :class:`Connections`.
    """

    host: str
    server_host: str
    asks: bool
    abilities: frozenset[str]
    disk_free: int | None

    def request(self, code: int, body: Mapping[str, Any] | bytes, match: int | str, timeout: float) -> Deferred[Reply]:
        """Send a command and wait for its answer; `match` is the batch_no that the answer repeats."""

    def lose(self, reason: str) -> None:
        """End the connection."""


class ConnectionRegistry(Connections):
    """The terminals that are connected to this process now, by MAC.

    `online` and `offline` are called with the MAC after a terminal came or went; a terminal that logs in on a
    second connection comes again without having gone.
    """

    def __init__(self) -> None:
        self.online: Signal[[str]] = Signal("a terminal came online")
        self.offline: Signal[[str]] = Signal("a terminal went offline")
        self._connections: dict[str, TerminalConnection] = {}
        self._since: dict[str, float] = {}
        self._sessions: dict[str, int] = {}
        self._last_session = 0
        # Starts at the clock, so that numbers from before a restart do not come back.
        self._last_batch = int(time.time()) & 0x3FFFFFFF

    def __len__(self) -> int:
        return len(self._connections)

    def __contains__(self, mac: object) -> bool:
        return mac in self._connections

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._connections))

    def connection(self, mac: str) -> TerminalConnection | None:
        """The connection of a terminal, or None while it is offline."""
        return self._connections.get(mac)

    def address(self, mac: str) -> str:
        """Where a terminal is connected from; empty while it is offline."""
        connection = self._connections.get(mac)
        return connection.host if connection is not None else ""

    def server_address(self, mac: str) -> str:
        """The address of ours by which a terminal reached us; empty while it is offline."""
        connection = self._connections.get(mac)
        return connection.server_host if connection is not None else ""

    def since(self, mac: str) -> float | None:
        """When a terminal logged in, by the clock; None while it is offline."""
        return self._since.get(mac)

    def session(self, mac: str) -> int | None:
        """The number of a terminal's session; None while it is offline."""
        return self._sessions.get(mac)

    def asks(self, mac: str) -> bool:
        """Whether a terminal asks itself for what it lacks."""
        connection = self._connections.get(mac)
        return connection is not None and connection.asks

    def can(self, mac: str, ability: str) -> bool:
        """Whether a terminal is online and its login named this ability."""
        connection = self._connections.get(mac)
        return connection is not None and ability in connection.abilities

    def disk_free(self, mac: str) -> int | None:
        """The bytes that are free on a terminal's disk; None where that is not known."""
        connection = self._connections.get(mac)
        return connection.disk_free if connection is not None else None

    def put(self, mac: str, connection: TerminalConnection) -> None:
        """A terminal logged in; its older connection, if any, is closed. One more login on the same one goes on."""
        old = self._connections.get(mac)
        if old is connection:
            return
        self._connections[mac] = connection
        self._since[mac] = time.time()
        self._last_session += 1
        self._sessions[mac] = self._last_session
        if old is not None:
            old.lose(f"{mac} logged in again from {connection.host}")

    def came(self, mac: str) -> None:
        """Tell everybody that a terminal is there; after its login was answered."""
        self.online(mac)

    def drop(self, mac: str, connection: TerminalConnection) -> None:
        """A connection ended; a terminal that has a newer one is still there."""
        if self._connections.get(mac) is connection:
            del self._connections[mac]
            del self._since[mac], self._sessions[mac]
            self.offline(mac)

    def next_batch(self) -> int:
        """A number that ties a command to its answers."""
        self._last_batch = (self._last_batch + 1) & 0x7FFFFFFF
        return self._last_batch

    def request(
        self,
        mac: str,
        code: int,
        fields: Mapping[str, Any],
        *,
        batch_no: int | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Deferred[Reply]:
        """Send a JSON command; fails with TerminalOffline or NoAnswer."""
        number = self.next_batch() if batch_no is None else batch_no
        return self._send(mac, code, {**fields, "batch_no": number}, number, timeout)

    def send_torrent(
        self, mac: str, code: int, body: bytes, task_uuid: str, *, timeout: float = ANSWER_SECONDS
    ) -> Deferred[Reply]:
        """Send a binary command, answered with the task's uuid as batch_no."""
        return self._send(mac, code, body, task_uuid, timeout)

    def _send(
        self, mac: str, code: int, body: Mapping[str, Any] | bytes, match: int | str, timeout: float
    ) -> Deferred[Reply]:
        connection = self._connections.get(mac)
        if connection is None:
            return fail(TerminalOffline(Reason("offline", mac=mac)))
        return connection.request(code, body, match, timeout)
