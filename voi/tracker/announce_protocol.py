"""Connections to the HTTP port: ordinary announces are answered here, everything else goes to the web server.

A connection begins as an :class:`AnnounceProtocol`. As long as each of its reads is one complete ordinary announce, it
answers by itself (`voi.tracker.fast_announce`); at the first that is not, the connection is handed to the site, with
the bytes read so far, for good. On a plain TCP port most connections never get that far: the factory accepts them
itself, and where the request is there already and wants its connection closed, the socket is answered and closed on the
spot, with no protocol and no transport made.
"""

from __future__ import annotations

import _socket
import contextlib
import socket
from functools import partial
from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
    IProtocolNegotiationFactory,
    IPushProducer,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Port, Server
from twisted.logger import Logger
from twisted.protocols.policies import TimeoutMixin
from twisted.python.failure import Failure
from zope.interface import implementer

from voi.tracker.fast_announce import LONGEST_REQUEST, FastAnnounces, HttpResponse
from voi.tracker.tracker import Tracker

log = Logger()

REQUEST_SECONDS: Final = 60
"""A connection on which no complete request came for so long is closed: a browser's tab, half a request."""

MOST_CONNECTIONS: Final = 10_000
"""Connections held open at once: two for each terminal of the biggest site. Beyond it only announces that are
answered on the spot are served."""

DEFER_SECONDS: Final = 5
"""How long the kernel keeps a connection to itself until its request is there; then it hands it over anyway."""

BURST: Final = 64
"""Connections accepted in one turn of the reactor: two milliseconds at most, then others have theirs."""

WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to

_TLS_HANDSHAKE: Final = b"\x16\x03"
"""How every TLS connection begins (RFC 8446, 5.1), and no HTTP request. Without an answer its client would wait for a
minute and learn nothing."""
_HINT: Final = (
    b"This port speaks HTTP without TLS: use http:// in the address, or start the server with --http ssl:...\n"
)
_NO_TLS_HERE: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(_HINT), _HINT)
)

_STREAM: Final = int(socket.SOCK_STREAM)
_NOW: Final = socket.MSG_DONTWAIT
_LAST: Final = socket.MSG_DONTWAIT | getattr(socket, "MSG_MORE", 0)
"""Where the kernel can: hold the reply back for an instant, so that it leaves in one segment with the end."""


@implementer(IProtocolNegotiationFactory)
class AnnounceFactory(Factory):
    """Makes the protocol of each connection; `site` serves what is no announce."""

    noisy = False

    def __init__(self, tracker: Tracker, site: IProtocolFactory, reactor: Any, most: int = MOST_CONNECTIONS) -> None:
        self.fast = FastAnnounces(tracker)
        self.site = site
        self.reactor = reactor
        self.most = most
        self.open = 0

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """How Twisted calls this port in the log."""
        return "http"

    def startFactory(self) -> None:  # noqa: N802 - Twisted's name
        """The first port was opened."""
        self.site.doStart()

    def stopFactory(self) -> None:  # noqa: N802 - Twisted's name
        """The last port was closed."""
        self.site.doStop()

    def acceptableProtocols(self) -> list[bytes]:  # noqa: N802 - Twisted's name
        """What is spoken behind TLS. Browsers and curl offer this and HTTP/2 (ALPN, RFC 7301); where nothing of it is
        taken, Twisted 26.10 ends the handshake.
        """
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> AnnounceProtocol:  # noqa: N802 - Twisted's name
        """One connection."""
        return AnnounceProtocol(self, addr)

    def accept_on(self, port: IListeningPort) -> None:
        """Accept the connections of a port before they get a transport; only for a plain TCP port of ours.

        A TLS port needs its transport to read anything: there the protocol does everything.
        """
        address = port.getHost()
        if isinstance(port, Port) and port.factory is self and isinstance(address, IPv4Address | IPv6Address):
            with contextlib.suppress(OSError, AttributeError):  # a kernel without it hands connections over at once
                port.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, DEFER_SECONDS)
            do_read = partial(self._accept, port, None if address.host in WILDCARDS else address.host)
            port.doRead = do_read  # type: ignore[method-assign]  # in place of its own accepting, which waits for nothing

    def _accept(self, port: Port, local: str | None) -> None:
        """Accept what waits at a port: answer and close at once where that is all, else make the transport it needs.

        All are accepted, then all answered, then all sent: each step in a row costs less than in turns.
        """
        waiting = []
        family = int(port.addressFamily)
        listening: Any = port.socket
        accept = listening._accept  # noqa: SLF001 - accept() makes an object that costs half of an answer
        for _ in range(BURST):
            try:
                descriptor, client = accept()
                accepted = _socket.socket(family, _STREAM, 0, descriptor)
            except BlockingIOError:
                break
            except OSError:  # such as no descriptor left: the port's own way knows what to do about each of these
                Port.doRead(port)
                break
            try:
                data = accepted.recv(LONGEST_REQUEST + 1, _NOW)
            except OSError:  # nothing there yet, or the connection is broken: its transport will find out
                data = b""
            waiting.append((accepted, client, data))
        answer = self.fast.reply
        replies = [
            answer(data, client[0], local or _local_host(accepted)) if data else None
            for accepted, client, data in waiting
        ]
        for (accepted, client, data), reply in zip(waiting, replies, strict=True):
            if reply is not None and reply.closes:
                try:  # noqa: SIM105 - contextlib.suppress costs two calls into Python for each connection
                    accepted.send(reply.data, _LAST)  # a new connection has room for a hundred such answers
                except OSError:  # the client is gone already
                    pass
                accepted.close()
                continue
            try:
                self._connect(port, accepted, client, data, reply)
            except Exception:  # or the reactor would close the port for one connection's fault
                log.failure("a connection could not be taken in")
                accepted.close()

    def _connect(
        self, port: Port, accepted: _socket.socket, client: Any, data: bytes, reply: HttpResponse | None
    ) -> None:
        """Make a connection of a socket as its port would, and give it what was read."""
        address = IPv4Address if port.addressFamily == socket.AF_INET else IPv6Address
        protocol = self.buildProtocol(address("TCP", client[0], client[1]))
        protocol.early = data, None if reply is None else reply.data
        port.sessionno += 1
        full = socket.socket(port.addressFamily, socket.SOCK_STREAM, 0, accepted.detach())
        transport = port.transport(full, protocol, client, port, port.sessionno, self.reactor)
        try:
            protocol.makeConnection(transport)
        except Exception:  # the reactor reads from it by now: it would stay open, and nothing would serve it
            transport.abortConnection()
            raise


@implementer(IPushProducer)
class AnnounceProtocol(Protocol, TimeoutMixin):
    """A connection whose requests were all ordinary announces so far."""

    early: tuple[bytes, bytes | None] = (b"", None)
    """What was read before there was a transport, and the answer to it if there is one."""

    def __init__(self, factory: AnnounceFactory, address: Any) -> None:
        self._factory = factory
        self._address = address
        self._inner: IProtocol | None = None
        self._counted = False
        self._behind = False  # whether the transport may hold some of an answer
        self._closing = False  # over TLS a client may go on after it was told the end

    def callLater(self, period: float, func: Any) -> Any:  # noqa: N802 - the name that TimeoutMixin calls
        """Time by the factory's reactor."""
        return self._factory.reactor.callLater(period, func)

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Wait for a request, or answer what was read."""
        transport: Any = self.transport
        if self._factory.open >= self._factory.most:
            transport.abortConnection()
            return
        self._factory.open += 1
        self._counted = True
        self.setTimeout(REQUEST_SECONDS)
        transport.registerProducer(self, streaming=True)
        data, reply = self.early
        self.early = b"", None
        if reply is not None:
            self._write(reply)
        elif data:
            self._hand_over(data)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Answer, or let the site do it."""
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        if self._closing or not self._counted:
            return  # on its way out: answered, or one too many
        transport: Any = self.transport
        reply = self._factory.fast.reply(data, _host(transport.getPeer()), _host(transport.getHost()))
        if reply is None:
            self._hand_over(data)
            return
        self.resetTimeout()
        if reply.closes:
            self._closing = True
            transport.write(reply.data)
            transport.unregisterProducer()
            transport.loseConnection()
        else:
            self._write(reply.data)

    def _write(self, data: bytes) -> None:
        """Write without the turn of the reactor that a transport takes for it, as long as all of it goes out."""
        transport: Any = self.transport
        if self._behind or not isinstance(transport, Server):  # TLS has its own
            transport.write(data)
            return
        written = transport.writeSomeData(data)
        if not isinstance(written, int):  # the connection is broken: its transport will find out
            written = 0
        if written < len(data):
            self._behind = True  # from here on the transport keeps the order
            transport.write(data[written:])

    def _hand_over(self, data: bytes) -> None:
        transport: Any = self.transport
        if data.startswith(_TLS_HANDSHAKE):
            self._closing = True
            transport.write(_NO_TLS_HERE)
            transport.unregisterProducer()
            transport.loseConnection()
            return
        self.setTimeout(None)  # the site has its own
        transport.unregisterProducer()
        inner = self._factory.site.buildProtocol(self._address)
        assert inner is not None
        self._inner = inner
        inner.makeConnection(transport)
        inner.dataReceived(data)

    def timeoutConnection(self) -> None:  # noqa: N802 - Twisted's name
        """No request came, or the answer is not read."""
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """The connection has ended."""
        self.setTimeout(None)
        if self._counted:
            self._counted = False
            self._factory.open -= 1
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.connectionLost(reason)

    # A client that asks and does not read its answers: while its transport is full, nothing more is read from it.

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport holds enough unread answers."""
        transport: Any = self.transport
        transport.pauseProducing()

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """There is room again."""
        transport: Any = self.transport
        transport.resumeProducing()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The transport is on its way out."""


def _local_host(accepted: _socket.socket) -> str:
    """By which address of this machine a connection came, empty if it is gone."""
    try:
        host: str = accepted.getsockname()[0]
    except OSError:
        return ""
    return host


def _host(address: IAddress) -> str:
    """The host of a TCP address; empty for any other, as at the route."""
    return address.host if isinstance(address, IPv4Address | IPv6Address) else ""
