"""Tests of voi.app.listeners: how the log shows what listens where."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from unittest import mock

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from voi.app import listeners
from voi.app.listeners import Listeners, own_address
from voi.config import Config

Address = IPv4Address | IPv6Address | UNIXAddress


@dataclass
class Open:
    """A port that is open at an address."""

    address: Address

    def getHost(self) -> Address:
        """Where."""
        return self.address


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
