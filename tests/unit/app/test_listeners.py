"""Tests of voi.app.listeners: ports are opened, and the log shows what listens where."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Any
from unittest import mock

from twisted.internet import reactor
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from voi.app import listeners
from voi.app.listeners import Listeners, own_address
from voi.config import Config
from voi.errors import StartupError

Address = IPv4Address | IPv6Address | UNIXAddress


@dataclass
class Open:
    """A port that is open at an address."""

    address: Address

    def getHost(self) -> Address:
        """Where."""
        return self.address


class FakePort:
    """An open port: remembers what its queue was set to."""

    def __init__(self) -> None:
        self.socket = self
        self.queues: list[int] = []

    def listen(self, *args: Any) -> Any:
        """Both the endpoint's, which gives the port, and the socket's, which sets the queue."""
        if isinstance(args[0], int):
            self.queues.append(args[0])
            return None
        result: Deferred[FakePort] = succeed(self)
        return result


class ListenTests(SynchronousTestCase):
    """Opening a port."""

    def queues(self, endpoint: str) -> list[int]:
        """What the queue of this endpoint's port was set to."""
        port = FakePort()
        with mock.patch.object(listeners, "serverFromString", lambda _reactor, _endpoint: port):
            listeners.listen(None, "terminals", endpoint, Factory())
        return port.queues

    def test_a_whole_site_may_knock(self) -> None:
        """Connections that come all at once wait to be taken, and are not sent away."""
        self.assertEqual(self.queues("tcp:50007"), [listeners.BACKLOG])

    def test_an_administrators_own_queue(self) -> None:
        """What the endpoint says itself is left alone."""
        self.assertEqual(self.queues("tcp:50007:backlog=7"), [])

    def test_ports(self) -> None:
        """A taken port, and what is no endpoint, is one line that names the option."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for endpoint, word in (
                (f"tcp:{port}:interface=127.0.0.1", "in use"),
                ("nonsense:1", "nonsense"),
                ("tcp:x", "x"),
            ):
                error = self.assertRaises(StartupError, listeners.listen, reactor, "http", endpoint, Factory())
                self.assertIn(f"--http {endpoint}", error.message)
                self.assertIn(word, error.message)


class DescribedTests(SynchronousTestCase):
    """A line for each port."""

    def described(
        self, terminals: Address, http: Address, config: Config | None = None, udp: int | None = None
    ) -> list[str]:
        """The lines where these are open."""
        found = Listeners(None, config or Config())
        found._ports = [Open(terminals), Open(http)]  # type: ignore[list-item]  # only the address is used
        if udp is not None:
            found._udp = mock.Mock(port=udp)
        return found.described()

    def test_everywhere(self) -> None:
        """A port on all addresses is alone; the console's URL has an address of this machine."""
        with mock.patch.object(listeners, "own_address", lambda _listened: "10.0.0.5"):
            found = self.described(
                IPv4Address("TCP", "0.0.0.0", 50007), IPv4Address("TCP", "0.0.0.0", 50021), udp=50021
            )
        self.assertEqual(found, ["terminals: tcp 50007", "console: http://10.0.0.5:50021/", "tracker: udp 50021"])

    def test_one_address(self) -> None:
        """One address is shown, IPv6 in brackets, and whether it is behind TLS."""
        found = self.described(
            IPv4Address("TCP", "10.0.0.1", 50007),
            IPv6Address("TCP", "fd00::1", 443),
            Config(terminals="ssl:50007:privateKey=x", http="ssl:443:privateKey=x"),
        )
        self.assertEqual(found, ["terminals: tls 10.0.0.1:50007", "console: https://[fd00::1]:443/"])

    def test_socket_that_is_a_file(self) -> None:
        """Behind another web server the port may be a file."""
        found = self.described(
            IPv4Address("TCP", "0.0.0.0", 1), UNIXAddress("/run/voi.sock"), Config(http="unix:/run/voi.sock")
        )
        self.assertEqual(found[1], "console: unix /run/voi.sock")

    def test_own_address(self) -> None:
        """An address that was asked for stays; of a wildcard there is one of this machine, or its name."""
        self.assertEqual(own_address("10.0.0.1"), "10.0.0.1")
        with mock.patch.object(socket.socket, "connect", side_effect=OSError("no way out")):
            self.assertEqual(own_address("0.0.0.0"), socket.gethostname())
        with (
            mock.patch.object(socket.socket, "connect"),
            mock.patch.object(socket.socket, "getsockname", lambda _self: ("10.0.0.5", 1)),
        ):
            self.assertEqual(own_address("::"), "10.0.0.5")
