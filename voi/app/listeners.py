"""The ports of the server, and the addresses at which a terminal finds its tracker."""

from __future__ import annotations

import os
import socket
from typing import Any, Final

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger

from voi.app.start import listen
from voi.config import Config
from voi.tracker.announce_protocol import AnnounceFactory
from voi.tracker.tracker import Tracker
from voi.tracker.udp import UdpTracker

log = Logger()

WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to

_ELSEWHERE: Final = ("192.0.2.1", 9)
"""An address that is on no network (RFC 5737)."""


class Listeners:
    """Where the server listens; `reactor` opens ports (IReactorTCP, IReactorUDP and what TLS needs)."""

    def __init__(self, reactor: Any, config: Config) -> None:
        self._reactor = reactor
        self._config = config
        self._scheme = "https" if config.http.startswith("ssl:") else "http"
        self._ports: list[IListeningPort] = []
        self._http: IListeningPort | None = None
        self._udp: UdpTracker | None = None

    def open(self, terminals: IProtocolFactory, http: AnnounceFactory, tracker: Tracker) -> None:
        """Open all ports.

        :raises StartupError: one is taken, or its endpoint is not one.
        """
        self._ports.append(listen(self._reactor, "terminals", self._config.terminals, terminals))
        self._http = listen(self._reactor, "http", self._config.http, http)
        self._ports.append(self._http)
        http.accept_on(self._http)
        self._open_udp(self._http, tracker)

    def described(self) -> list[str]:
        """What listens where, a line for each open port."""
        http = self._ports[1]
        lines = [f"terminals: {_kind(self._config.terminals)} {_where(self._ports[0])}"]
        address = http.getHost()
        if isinstance(address, IPv4Address | IPv6Address):
            lines.append(f"console: {self._scheme}://{_in_url(own_address(address.host))}:{address.port}/")
        else:
            lines.append(f"console: {_kind(self._config.http)} {_where(http)}")
        if self._udp is not None:
            lines.append(f"tracker: udp {_where(http)}")
        return lines

    def _open_udp(self, http: IListeningPort, tracker: Tracker) -> None:
        """The UDP tracker on the same address and port; a server without it works, over HTTP alone."""
        address = http.getHost()
        if not isinstance(address, IPv4Address | IPv6Address):
            return
        try:
            self._udp = UdpTracker(tracker, self._reactor, address.host, address.port)
        except OSError as error:
            log.error(  # noqa: TRY400 - a line, no trace
                "no UDP tracker, terminals get the HTTP address alone: UDP port {port}: {error}",
                port=address.port,
                error=error.strerror,
            )

    @property
    def terminals_port(self) -> int:
        """The TCP port at which terminals log in, once it is open."""
        return _port_of(self._ports[0])

    @property
    def http_port(self) -> int:
        """The TCP port of tracker, API and console, once it is open."""
        assert self._http is not None
        return _port_of(self._http)

    @property
    def udp_port(self) -> int | None:
        """The port of the UDP tracker; None where there is none."""
        return None if self._udp is None else self._udp.port

    def tracker_url(self, host: str, key: str) -> str:
        """The announce URL for a terminal with this key that reaches us at `host`."""
        return f"{self._scheme}://{_in_url(host)}:{self.http_port}/{key}/announce"

    def tracker_urls(self, host: str, key: str) -> list[str]:
        """All of a terminal's announce URLs: HTTP first, then UDP if that is there."""
        urls = [self.tracker_url(host, key)]
        if self._udp is not None:
            urls.append(f"udp://{_in_url(host)}:{self._udp.port}/{key}/announce")
        return urls

    async def close(self) -> None:
        """Accept no more connections; those that are open stay."""
        if self._udp is not None:
            self._udp.stop()
        for port in self._ports:
            closed = port.stopListening()
            if isinstance(closed, Deferred):
                await closed


def _port_of(listening: IListeningPort) -> int:
    """The TCP port of an open port: only then is it known for an endpoint that asked for any."""
    address = listening.getHost()
    assert isinstance(address, IPv4Address | IPv6Address)
    return address.port


def _kind(endpoint: str) -> str:
    """What is spoken at an endpoint, in a word."""
    return {"ssl": "tls", "tcp6": "tcp"}.get(kind := endpoint.partition(":")[0], kind)


def _where(listening: IListeningPort) -> str:
    """Where an open port is: as :func:`where` says, or the path of a socket that is a file."""
    address = listening.getHost()
    if not isinstance(address, IPv4Address | IPv6Address):
        return os.fsdecode(getattr(address, "name", b"") or "")
    return where(address.host, address.port)


def where(host: str, port: int) -> str:
    """Address and port; the port alone where all addresses are listened on."""
    return str(port) if host in WILDCARDS else f"{_in_url(host)}:{port}"


def own_address(listened: str) -> str:
    """An address by which others may reach what listens on `listened`: of a wildcard, that of the way out of here."""
    if listened not in WILDCARDS:
        return listened
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)  # of UDP: nothing is sent
        except OSError:  # a network without a way out
            return socket.gethostname()
        host: str = probe.getsockname()[0]
        return host


def _in_url(host: str) -> str:
    """An address as it is written in a URL: IPv4 bare, IPv6 in brackets and without scope."""
    plain = host.removeprefix("::ffff:").partition("%")[0]
    return f"[{plain}]" if ":" in plain else plain
