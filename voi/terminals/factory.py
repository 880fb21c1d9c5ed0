"""Makes a protocol for each terminal that connects, and counts them."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from voi.errors import VoiError
from voi.terminals.deadlines import Deadlines
from voi.terminals.frame_counters import FrameCounters
from voi.terminals.protocol import FRAME_SECONDS, LOGIN_SECONDS, RequestHandler, TerminalProtocol
from voi.terminals.registry import ConnectionRegistry

log = Logger()

MAX_CONNECTIONS: Final = 20_000
"""Four times the largest site; each costs memory and a file descriptor."""

MAX_UNFINISHED: Final = 256 << 20
"""Bytes of unfinished frames on all connections together: anyone may log in, and a frame may have 16 MiB."""

LOG_SECONDS: Final = 10.0
"""Refusals of one terminal are logged at most this often, so that a broken one cannot fill the disk."""


class TerminalFactory(Factory):
    """The terminals' port."""

    noisy = False

    def __init__(self, registry: ConnectionRegistry, handler: RequestHandler, clock: IReactorTime) -> None:
        self.registry = registry
        self.handler = handler
        self._clock = clock
        self.logins: Deadlines[TerminalProtocol] = Deadlines(
            clock, LOGIN_SECONDS, lambda protocol: protocol.lose("no login")
        )
        self.frames: Deadlines[TerminalProtocol] = Deadlines(
            clock, FRAME_SECONDS, lambda protocol: protocol.lose(f"a frame took more than {FRAME_SECONDS:g} seconds")
        )
        self.tally = FrameCounters()
        self._connections: set[TerminalProtocol] = set()
        self._unfinished = 0
        self._logged: dict[str, float] = {}

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """How Twisted calls this port in the log."""
        return "terminals"

    def buildProtocol(self, addr: IAddress | None) -> TerminalProtocol | None:  # noqa: ARG002, N802 - Twisted's
        """A protocol, or None, which closes the connection, when there are too many."""
        if len(self._connections) >= MAX_CONNECTIONS:
            self._log_seldom("", "{limit} connections, no more are taken", limit=MAX_CONNECTIONS)
            return None
        protocol = TerminalProtocol(self, self._clock)
        self._connections.add(protocol)
        return protocol

    @property
    def connections(self) -> int:
        """How many are open, logged in or not."""
        return len(self._connections)

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of unfinished frames on all of them."""
        return self._unfinished

    def gone(self, protocol: TerminalProtocol) -> None:
        """A connection ended."""
        self._connections.discard(protocol)

    def close_all(self, reason: str) -> None:
        """End every connection."""
        for protocol in list(self._connections):
            protocol.lose(reason)

    def refused(self, name: str, code: int, error: VoiError) -> None:
        """A request was answered with an error: logged, but not each of thousands."""
        self._log_seldom(name, "{name}: {code} refused: {error}", code=code, error=error.message)

    def count_unfinished(self, protocol: TerminalProtocol, change: int) -> None:
        """Count the bytes of unfinished frames on all connections; above the bound the frame begun first gives way.

        Ordinary frames are whole within seconds, so the oldest is the most suspicious.
        """
        self._unfinished += change
        while change > 0 and self._unfinished > MAX_UNFINISHED:
            victim = self.frames.oldest or protocol
            victim.lose("too many unfinished frames on all connections together")
            if victim is protocol:
                break

    def _log_seldom(self, name: str, text: str, **fields: object) -> None:
        now = self._clock.seconds()
        if now < self._logged.get(name, -LOG_SECONDS) + LOG_SECONDS:
            return
        if len(self._logged) > MAX_CONNECTIONS:
            self._logged.clear()
        self._logged[name] = now
        log.info(text, name=name, **fields)
