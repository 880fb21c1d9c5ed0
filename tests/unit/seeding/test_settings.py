"""The presets, and that libtorrent takes them."""

from __future__ import annotations

import libtorrent as lt
from twisted.trial.unittest import SynchronousTestCase

from voi.seeding.link import GIGABIT
from voi.seeding.settings import (
    limit_every_address,
    request_queue,
    server_settings,
    terminal_settings,
)


class SettingsTests(SynchronousTestCase):
    """What a session is started with."""

    def test_queue_follows_the_link(self) -> None:
        """About 15 ms of the link are on order at a peer, never less than two blocks."""
        self.assertEqual(request_queue(4_000_000), 4)
        self.assertEqual(request_queue(100_000), 2)
        self.assertEqual(request_queue(GIGABIT), 114)
        self.assertEqual(request_queue(100 * GIGABIT), 2000)

    def test_longer_at_the_server(self) -> None:
        """The server takes four times as many orders from each: few fetch from it, with busy links of their own."""
        server = server_settings(("127.0.0.1", 0), link_rate=4_000_000)
        terminal = terminal_settings(("127.0.0.1", 0), link_rate=4_000_000)
        lengths = server["max_allowed_in_request_queue"], terminal["max_allowed_in_request_queue"]
        self.assertEqual(lengths, (16, 4))

    def test_libtorrent_takes_them(self) -> None:
        """Every name is one of libtorrent's, and its value arrives."""
        for settings in (server_settings(("127.0.0.1", 0)), terminal_settings(("127.0.0.1", 0))):
            taken = dict(lt.session(lt.session_params(settings)).get_settings())
            self.assertEqual({name: taken.get(name) for name in settings}, dict(settings))

    def test_nothing_is_told_to_strangers(self) -> None:
        """No DHT, no local discovery, no port mapping, no STUN server."""
        settings = server_settings(("127.0.0.1", 0))
        for name in ("enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"):
            self.assertFalse(settings.get(name, True), name)
        self.assertEqual(settings["webtorrent_stun_server"], "")

    def test_ipv6_host(self) -> None:
        """An IPv6 address is put into brackets."""
        self.assertEqual(server_settings(("::1", 6881))["listen_interfaces"], "[::1]:6881")

    def test_encryption(self) -> None:
        """Encrypted connections are accepted in any case, and opened where that is wanted; none is insisted on."""
        plain = server_settings(("127.0.0.1", 0))
        encrypted = server_settings(("127.0.0.1", 0), encryption=True)
        self.assertEqual({x["in_enc_policy"] for x in (plain, encrypted)}, {lt.enc_policy.pe_enabled})
        self.assertEqual(plain["out_enc_policy"], lt.enc_policy.pe_disabled)
        self.assertEqual(encrypted["out_enc_policy"], lt.enc_policy.pe_enabled)

    def test_limits_reach_the_class_of_everybody(self) -> None:
        """A rate limit is that of the class into which every peer is put."""
        session = lt.session(lt.session_params(server_settings(("127.0.0.1", 0), upload_limit=123_000)))
        limit_every_address(session)
        self.assertEqual(session.get_peer_class(lt.session.global_peer_class_id)["upload_limit"], 123_000)
