"""One terminal's TCP connection: bytes to the session machine, its events to the handlers, answers back."""

from __future__ import annotations

import socket
from collections.abc import Coroutine, Mapping
from typing import Any, Final
from typing import Protocol as Interface

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Server
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voi.domain.actors import Actor
from voi.domain.terminals import ReportedTemplate, Terminal
from voi.errors import RemoteProtocolError, VoiError
from voi.terminals.deadlines import Deadlines
from voi.terminals.frame_counters import FrameCounters
from voi.terminals.pending_replies import PendingReplies
from voi.terminals.registry import ConnectionRegistry
from voi.wire.codes import Code
from voi.wire.messages import Reply
from voi.wire.session import LoginRequest, Rejected, ReplyReceived, Request, ServerSession, SessionState, error_reply

log = Logger()

LOGIN_SECONDS: Final = 60.0
"""A connection without a login is closed, so that nobody can hold sockets for ever."""

FRAME_SECONDS: Final = 30.0
"""A frame that has begun must be whole by then: the largest, 16 MiB, takes half of it on a link of 10 Mbit/s."""

READ_AHEAD: Final = 64 << 10
"""Bytes taken while a request is being handled; with more, reading waits."""

GRANT_SECONDS: Final = 600.0
"""How long an administrator's login at a terminal holds without use."""

_KEEPALIVE: Final = (
    ("TCP_KEEPIDLE", 15),
    ("TCP_KEEPINTVL", 3),
    ("TCP_KEEPCNT", 5),
    ("TCP_USER_TIMEOUT", 60_000),
)
"""A dead PC is noticed within half a minute, with unsent data within one (protocol section 1, "session")."""


class RequestHandler(Interface):
    """Answers a terminal's requests."""

    def handle(self, connection: TerminalProtocol, request: Request) -> Coroutine[Any, Any, Reply]:
        """The answer to a request; a VoiError is answered with its code."""

    def unread(self, connection: TerminalProtocol, code: int, error: VoiError) -> None:
        """A terminal that is logged in sent a request of this code that got no further than its frame."""


class ConnectionOwner(Interface):
    """What all terminals' connections share."""

    registry: ConnectionRegistry
    handler: RequestHandler
    logins: Deadlines[TerminalProtocol]
    frames: Deadlines[TerminalProtocol]
    tally: FrameCounters

    def gone(self, protocol: TerminalProtocol) -> None:
        """A connection ended."""

    def refused(self, name: str, code: int, error: VoiError) -> None:
        """A request was answered with an error."""

    def count_unfinished(self, protocol: TerminalProtocol, change: int) -> None:
        """A connection has so many bytes more, or fewer, of unfinished frames; one may have to be closed."""


@implementer(IPushProducer)
class TerminalProtocol(Protocol):
    """A terminal's connection: requests are handled one after the other, in the order they came.

    `terminal` is None until login; `asks` means that this was a 9001, by which terminals begin that ask for what they
    lack by 9023. `listed` remembers, from 9018, which template each disk belongs to.
    """

    transport: Server

    def __init__(self, owner: ConnectionOwner, clock: IReactorTime) -> None:
        self._owner = owner
        self.terminal: Terminal | None = None
        self.listed: dict[str, ReportedTemplate] = {}
        self.host = self.server_host = ""
        self.asks = False
        self._clock = clock
        self._session = ServerSession()
        self._answers = PendingReplies(clock)
        self._granted_until = 0.0
        self._granted_by: Actor | None = None
        self._busy = False
        self.abilities: frozenset[str] = frozenset()
        """What its login says that it can do beside what every terminal can."""
        self.disk_free: int | None = None
        """Bytes that are free on the terminal's disk, by its last report; None where it did not say."""
        self._connected = False
        self._paused = self._peer_slow = False
        self._unfinished = 0

    # What Twisted calls.

    def connectionMade(self) -> None:
        """A connection; TCP itself notices a silent one."""
        self._connected = True
        self.host = str(self.transport.getPeer().host)
        self.server_host = str(self.transport.getHost().host)
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        handle = getattr(self.transport, "socket", None)
        if handle is not None:
            for name, value in _KEEPALIVE:
                if hasattr(socket, name):
                    handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self.transport.registerProducer(self, True)
        self._owner.logins.begin(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the terminal."""
        self._session.receive_data(data)
        self._pump()
        self._count_unfinished()

    def _count_unfinished(self) -> None:
        """Keep count of unfinished frames, and since when one is on its way."""
        waiting = self._session.waiting
        change, self._unfinished = waiting - self._unfinished, waiting
        if waiting and not (self._busy or self._peer_slow):
            self._owner.frames.begin(self)
        elif not waiting:
            self._owner.frames.end(self)
        if change:
            self._owner.count_unfinished(self, change)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002 - Twisted's signature
        """The end; a clean close means offline at once."""
        self._connected = False
        self._session.close()
        self._owner.logins.end(self)
        self._answers.lost()
        self._count_unfinished()
        self._owner.gone(self)
        if self.terminal is not None:
            self._leave()

    def pauseProducing(self) -> None:
        """The terminal does not read its answers: no further request of it is taken, and no frame's time runs."""
        self._peer_slow = True
        self._owner.frames.end(self)

    def resumeProducing(self) -> None:
        """It reads again."""
        self._peer_slow = False
        self._go_on()

    def stopProducing(self) -> None:
        """Nothing more will be read: the connection is ending."""
        self._peer_slow = True

    # Events.

    def _pump(self) -> None:
        while self._connected and not self._busy and not self._peer_slow:
            try:
                event = self._session.next_event()
            except RemoteProtocolError as error:
                self._owner.tally.broken += 1
                if error.service_code is not None:
                    self._unread(error.service_code, error)
                self.lose(error.message)
                return
            if event is None:
                break
            self._owner.frames.end(self)  # what is behind it is another frame, with a time of its own
            self._take(event)
        self._throttle()

    def _throttle(self) -> None:
        full = (self._busy or self._peer_slow) and self._session.waiting > READ_AHEAD
        if full != self._paused and self._connected:
            self._paused = full
            if full:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _take(self, event: Request | ReplyReceived | Rejected) -> None:
        tally = self._owner.tally
        tally.take(event.code)
        if isinstance(event, Request):
            self._busy = True
            handled = Deferred.fromCoroutine(self._owner.handler.handle(self, event))
            handled.addErrback(self._failed, event)
            handled.addCallback(self._handled, event)
            handled.addErrback(self._broken)
        elif isinstance(event, Rejected):
            self._owner.refused(self.name, event.code, event.error)
            tally.refuse(event.error.wire_code)
            self._unread(event.code, event.error)
            if event.answer:
                tally.send(event.code)
                self.transport.write(event.answer)
        else:
            self._answers.arrived(event)  # one that is no longer waited for is dropped

    def _unread(self, code: int, error: VoiError) -> None:
        if self.terminal is not None:
            self._owner.handler.unread(self, code, error)

    def _failed(self, failure: Failure, request: Request) -> Reply:
        error = failure.value
        if isinstance(error, VoiError):
            self._owner.refused(self.name, request.code, error)
            return error_reply(error)
        log.failure("{name}: {code} failed", failure, name=self.name, code=request.code)
        return Reply(code=99999, msg="the server failed to handle this; its log says why")

    def _handled(self, reply: Reply, request: Request) -> None:
        self._busy = False
        tally = self._owner.tally
        if reply.code:
            tally.refuse(reply.code)
        if not self._connected:
            return
        tally.send(request.code)
        self.transport.write(self._session.encode_answer(request, reply))
        if isinstance(request, LoginRequest) and self.terminal is not None:
            self._owner.registry.came(self.terminal.mac)
        elif request.code == Code.LOGOUT and reply.code == 0:
            self._session.log_out()
            self._leave()
            self._owner.logins.begin(self)
        # In a new turn, so that a pipelining terminal neither deepens the stack nor starves the others.
        self._clock.callLater(0, self._go_on)

    def _go_on(self) -> None:
        self._pump()
        self._count_unfinished()

    def _broken(self, failure: Failure) -> None:
        log.failure("{name}: connection given up", failure, name=self.name)
        self.lose("the server failed to answer")

    # What handlers and the registry do with a connection.

    @property
    def name(self) -> str:
        """The terminal, for log lines."""
        return f"{self.terminal.mac} at {self.host}" if self.terminal else self.host

    @property
    def alive(self) -> bool:
        """Whether the terminal can still be reached."""
        return self._connected and self._session.state is not SessionState.CLOSED

    def accept(self, request: LoginRequest, terminal: Terminal, token: str) -> str:
        """Let the terminal in; its token, which stays the same for a repeated login on this connection."""
        if self.terminal is not None and self._session.token is not None:
            token = self._session.token
        if self.terminal is None:
            self.asks = request.code == Code.TERMINAL_LOGIN
        self.terminal = terminal
        self._session.accept(request, token)
        self._owner.logins.end(self)
        self._owner.registry.put(terminal.mac, self)
        return token

    def grant(self, by: Actor) -> None:
        """An administrator logged in here."""
        self._granted_by = by
        self._granted_until = self._clock.seconds() + GRANT_SECONDS

    @property
    def granted(self) -> bool:
        """Whether an administrator's login holds; asking prolongs it."""
        now = self._clock.seconds()
        if now >= self._granted_until:
            return False
        self._granted_until = now + GRANT_SECONDS
        return True

    @property
    def granted_by(self) -> Actor | None:
        """The administrator whose login holds here; None while none does."""
        return self._granted_by if self._clock.seconds() < self._granted_until else None

    def count_refusal(self, code: int, error: VoiError) -> None:
        """A request was refused in an answer that is not an error: logged and counted like those that are."""
        self._owner.refused(self.name, code, error)
        self._owner.tally.refuse(error.wire_code)

    def request(self, code: int, body: Mapping[str, Any] | bytes, match: int | str, timeout: float) -> Deferred[Reply]:
        """Send a command and wait for its answer."""
        number, frame = self._session.encode_command(code, body)
        answered = self._answers.expect(number, code, match, timeout)
        if not answered.called:
            self._owner.tally.send(code)
            self.transport.write(frame)
        return answered

    def lose(self, reason: str) -> None:
        """End the connection; the log says why."""
        if not self._connected:
            return
        log.info("{name}: connection closed: {reason}", name=self.name, reason=reason)
        self._session.close()
        self._count_unfinished()
        self.transport.unregisterProducer()
        self.transport.abortConnection()

    def _leave(self) -> None:
        terminal, self.terminal = self.terminal, None
        self._granted_until = 0.0
        self.listed.clear()
        self._answers.lost()
        if terminal is not None:
            self._owner.registry.drop(terminal.mac, self)
