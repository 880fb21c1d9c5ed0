"""The terminal's end of the connection: requests with their answers, commands with ours, a heartbeat."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime, ITCPTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from voi.errors import ConnectionEnded, NoAnswer, RemoteProtocolError, VoiError
from voi.messages.reason import Reason
from voi.wire.codes import Code
from voi.wire.messages import Reply
from voi.wire.session import Rejected, ReplyReceived, ServerCommand, TerminalSession

log = Logger()

ANSWER_SECONDS: Final = 30.0
"""How long the server may take; a torrent that it checks takes longest."""

HEARTBEAT_SECONDS: Final = 20.0
"""Protocol section 1, "session"."""

_MOST_PENDING: Final = 512
"""Requests without an answer, and commands without ours: a reference terminal has a handful."""

_KEEPALIVE: Final = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 5), ("TCP_USER_TIMEOUT", 60_000))

_UNKNOWN: Final = -1


class ServerRefused(VoiError):
    """The server answered with an error; `code` is its code (protocol section 6)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(Reason("server_answered", code=code, text=message))
        self.code = code


class Client(Protocol):
    """One connection to the server.

    `handle` answers a command and raises nothing; commands are handled one after the other, in the order they
    came. `connected` and `lost` are called with the client when the connection is made and when it has ended.
    """

    def __init__(
        self,
        clock: IReactorTime,
        handle: Callable[[ServerCommand], Coroutine[Any, Any, Reply]],
        connected: Callable[[Client], None],
        lost: Callable[[Client], None],
    ) -> None:
        self.session = TerminalSession()
        self.host = ""
        self.server_host = ""
        self.connected_now = False
        self._clock = clock
        self._handle = handle
        self._connected = connected
        self._lost = lost
        self._pending: dict[int, tuple[int, Deferred[Reply], IDelayedCall]] = {}
        self._commands: deque[ServerCommand] = deque()
        self._busy = False
        self._heartbeat = LoopingCall(self._beat)
        self._heartbeat.clock = clock

    # What Twisted calls.

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        """The connection is made."""
        assert self.transport is not None
        self.connected_now = True
        if ITCPTransport.providedBy(self.transport):
            self.host = str(self.transport.getHost().host)
            self.server_host = str(self.transport.getPeer().host)
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
            handle = getattr(self.transport, "socket", None)
            for name, value in _KEEPALIVE:
                if handle is not None and hasattr(socket, name):
                    handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._connected(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        """Bytes from the server."""
        self.session.receive_data(data)
        try:
            while self.connected_now and (event := self.session.next_event()) is not None:
                self._take(event)
        except RemoteProtocolError as error:
            self.lose(error.message)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's
        """The end."""
        self.connected_now = False
        if self._heartbeat.running:
            self._heartbeat.stop()
        self._commands.clear()
        pending, self._pending = self._pending, {}
        for _code, answered, timer in pending.values():
            timer.cancel()
            answered.errback(ConnectionEnded(Reason("server_lost", text=reason.getErrorMessage())))
        self._lost(self)

    # Requests.

    def request(self, code: int, body: Mapping[str, Any] | bytes, timeout: float = ANSWER_SECONDS) -> Deferred[Reply]:
        """Ask the server; fails with ConnectionEnded or NoAnswer. Its answer is the caller's to check."""
        if not self.connected_now or self.transport is None:
            return fail(ConnectionEnded(Reason("server_not_connected")))
        if len(self._pending) >= _MOST_PENDING:
            return fail(NoAnswer(Reason("server_queue_full", most=_MOST_PENDING)))
        number, frame = self.session.encode_request(code, body)
        answered: Deferred[Reply] = Deferred()
        self._pending[number] = (code, answered, self._clock.callLater(timeout, self._expire, number, timeout))
        self.transport.write(frame)
        return answered

    async def ask(self, code: int, body: Mapping[str, Any] | bytes) -> dict[str, Any]:
        """Ask the server; the data of its answer.

        :raises ServerRefused: its answer is an error.
        :raises NoAnswer: there was none, or no connection.
        """
        reply = await self.request(code, body)
        if reply.code != 0:
            raise ServerRefused(reply.code, reply.msg)
        return reply.data or {}

    def _expire(self, number: int, seconds: float) -> None:
        code, answered, _timer = self._pending.pop(number)
        answered.errback(NoAnswer(Reason("server_silent", code=code, seconds=seconds)))

    def start_heartbeat(self, body: Mapping[str, Any]) -> None:
        """Send heartbeats from now on; a server that does not answer, or refuses one, is disconnected from."""
        self._beat_body = dict(body)
        self._heartbeat.start(HEARTBEAT_SECONDS, now=False).addErrback(
            lambda failure: log.failure("the heartbeat died", failure)
        )

    def _beat(self) -> None:
        def answered(reply: Reply) -> None:
            if reply.code not in (0, _UNKNOWN):
                self.lose(f"the server answered the heartbeat with {reply.code}: {reply.msg}")

        def failed(failure: Failure) -> None:
            self.lose(failure.getErrorMessage())

        # Shorter than the pause, so that at most one is under way.
        self.request(Code.HEARTBEAT, self._beat_body, HEARTBEAT_SECONDS * 0.75).addCallbacks(answered, failed)

    # Events.

    def _take(self, event: ReplyReceived | ServerCommand | Rejected) -> None:
        if isinstance(event, ReplyReceived):
            self._answered(event)
        elif isinstance(event, Rejected):
            log.warn("a frame {code} of the server is unusable: {error}", code=event.code, error=event.error.message)
        elif len(self._commands) >= _MOST_PENDING:
            self.lose(f"{_MOST_PENDING} commands wait already")
        else:
            self._commands.append(event)
            self._next_command()

    def _answered(self, event: ReplyReceived) -> None:
        code, answered, timer = self._pending.get(event.request_code, (None, None, None))
        if answered is None or timer is None or code != event.code:
            log.debug("an answer to {code} that is not waited for", code=event.code)
            return
        del self._pending[event.request_code]
        timer.cancel()
        answered.callback(event.reply)

    def _next_command(self) -> None:
        if self._busy or not self._commands:
            return
        self._busy = True
        command = self._commands.popleft()
        handled = Deferred.fromCoroutine(self._handle(command))
        handled.addCallback(self._answer, command)
        handled.addErrback(self._broken)

    def _answer(self, reply: Reply, command: ServerCommand) -> None:
        self._busy = False
        if self.connected_now and self.transport is not None:
            self.transport.write(self.session.encode_answer(command, reply))
            self._clock.callLater(0, self._next_command)

    def _broken(self, failure: Failure) -> None:
        log.failure("a command could not be answered", failure)
        self.lose("a command could not be answered")

    def lose(self, reason: str) -> None:
        """End the connection; the log says why."""
        if self.connected_now and self.transport is not None:
            log.info("connection to the server given up: {reason}", reason=reason)
            self.transport.abortConnection()  # type: ignore[attr-defined]  # TCP and TLS have it
