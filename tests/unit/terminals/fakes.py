"""A terminal's connection without a network, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.unit.wire.builders import MAC, frame, read
from voi.domain.terminals import Terminal
from voi.errors import VoiError
from voi.terminals.factory import TerminalFactory
from voi.terminals.protocol import TerminalProtocol
from voi.terminals.registry import ConnectionRegistry
from voi.wire.codes import Code
from voi.wire.frame import Frame
from voi.wire.messages import Reply, success
from voi.wire.session import LoginRequest, Request


class Transport(StringTransport):
    """A TCP transport in memory; `aborted` says that our side ended it."""

    def __init__(self, host: str = "10.0.0.1") -> None:
        super().__init__(
            hostAddress=IPv4Address("TCP", "10.0.0.254", 50007), peerAddress=IPv4Address("TCP", host, 40000)
        )
        self.aborted = False
        self.on_abort: Callable[[], None] = lambda: None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Of no matter here."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Of no matter here."""

    def abortConnection(self) -> None:
        """End the connection at once."""
        self.aborted = True
        self.on_abort()


def terminal(mac: str = MAC) -> Terminal:
    """A terminal's row."""
    return Terminal(mac, "10.0.0.1", 1, None, 1.0, 1.0, "k" * 32)


class FakeHandler:
    """Lets everybody in; other requests wait for `release` if `hold` is set."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.hold = False
        self.held: list[Deferred[Reply]] = []
        self.error: Exception | None = None
        self.not_read: list[tuple[int, VoiError]] = []

    def unread(self, connection: TerminalProtocol, code: int, error: VoiError) -> None:
        """Note what was not read."""
        self.not_read.append((code, error))

    async def handle(self, connection: TerminalProtocol, request: Request) -> Reply:
        """Answer a request."""
        self.requests.append(request)
        if isinstance(request, LoginRequest):
            return success(token=connection.accept(request, terminal(request.body.mac), "t" * 32))
        if self.error is not None:
            raise self.error
        if self.hold:
            waiting: Deferred[Reply] = Deferred()
            self.held.append(waiting)
            return await waiting
        return success()

    def release(self) -> None:
        """Answer the oldest held request."""
        self.held.pop(0).callback(success())


class Line:
    """One terminal's end of a connection to a factory."""

    def __init__(self, factory: TerminalFactory, host: str = "10.0.0.1") -> None:
        protocol = factory.buildProtocol(None)
        assert protocol is not None
        self.protocol = protocol
        self.transport = Transport(host)
        self.transport.on_abort = self.hang_up
        protocol.makeConnection(self.transport)
        self.number = 0

    def hang_up(self) -> None:
        """The connection ends."""
        self.protocol.connectionLost(Failure(ConnectionDone()))

    def say(self, code: int, body: Any = None, **kwargs: Any) -> None:
        """Send a request."""
        self.number += 1
        self.protocol.dataReceived(frame(code, body, **{"number": self.number, **kwargs}))

    def received(self) -> list[Frame]:
        """What the server has written since the last time."""
        frames = read(self.transport.value())
        self.transport.clear()
        return frames

    def log_in(self, mac: str = MAC) -> Frame:
        """Log in; the server's reply."""
        self.say(Code.LOGIN, {"mac": mac, "ip": "10.0.0.1"})
        return self.received()[0]


class TerminalServer:
    """A factory with its registry, a fake handler and a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.registry = ConnectionRegistry()
        self.handler = FakeHandler()
        self.factory = TerminalFactory(self.registry, self.handler, self.clock)

    def line(self, host: str = "10.0.0.1") -> Line:
        """A new connection."""
        return Line(self.factory, host)
