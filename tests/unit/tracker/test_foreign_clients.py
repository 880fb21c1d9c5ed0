"""Tests with clients that others wrote: each downloads from a seed that only this tracker tells them of."""

from __future__ import annotations

import contextlib  # as a module: trial takes a name `suppress` in a test module for a list of warnings
import json
import os
import shutil
import signal
import socket
from pathlib import Path
from random import Random
from typing import Any

import libtorrent
from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase
from twisted.web.server import Site

from tests.unit.tracker.fakes import FakeKeys, FakeOwnPeer
from voi.tracker.announce import AnnounceEvent
from voi.tracker.announced import PeerAnnounced
from voi.tracker.http import tracker_resource
from voi.tracker.tracker import Tracker

SEED_KEY, SEED_MAC = "a" * 32, "52:54:00:00:00:0A"
CLIENT_KEY, CLIENT_MAC = "c" * 32, "52:54:00:00:00:0C"
NAME = "voi_0_00000000-0000-0000-0000-000000000001"
SIZE = 1_500_000
"""Bytes: some pieces, and the last one is shorter."""

SEED_SETTINGS: libtorrent.settings_pack = {
    "listen_interfaces": "127.0.0.2:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "ssrf_mitigation": False,  # the mitigation allows trackers on loopback only the path /announce
    "min_announce_interval": 1,
    "allow_multiple_connections_per_ip": True,
    "stop_tracker_timeout": 0,  # the tracker shares this process: it does not answer while the session stops
    "alert_mask": 0,
}


class _Client(ProcessProtocol):
    """A program that runs for a while, and what it said."""

    def __init__(self) -> None:
        self.said = bytearray()
        self.ended: Deferred[None] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.said += data

    def errReceived(self, data: bytes) -> None:
        self.said += data

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(None)


class ForeignClientTests(TestCase):
    """A tracker on 127.0.0.1, a libtorrent seed on 127.0.0.2, a client elsewhere on loopback."""

    timeout = 90  # a client that waits for ever must not hold up the others

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        (self.directory / "client").mkdir(parents=True)
        (self.directory / "seed").mkdir()
        self.content = Random(1).randbytes(SIZE)
        (self.directory / "seed" / NAME).write_bytes(self.content)
        self.seeding: Deferred[None] = Deferred()
        self.complete: Deferred[None] = Deferred()
        self.tracker = Tracker(
            keys=FakeKeys({SEED_KEY: SEED_MAC, CLIENT_KEY: CLIENT_MAC}),
            own_peer=FakeOwnPeer(port=0),
            clock=reactor,
            random=Random(1),
            on_announce=self.announced,
        )
        site: Any = Site(tracker_resource(self.tracker))  # half of its annotations are missing
        listening = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        address = listening.getHost()
        assert isinstance(address, IPv4Address)
        self.url = f"http://127.0.0.1:{address.port}"
        self.start_seed()

    def torrent(self, key: str) -> bytes:
        """A private torrent of the file, with the announce URL of this key."""
        made = libtorrent.create_torrent(
            [libtorrent.create_file_entry(NAME, SIZE)], 65536, libtorrent.create_torrent.v1_only
        )
        libtorrent.set_piece_hashes(made, str(self.directory / "seed"))
        made.set_priv(True)
        made.add_tracker(f"{self.url}/{key}/announce")
        encoded: bytes = libtorrent.bencode(made.generate())
        return encoded

    def start_seed(self) -> None:
        """A session that has the file, stopped with the test."""
        info = libtorrent.torrent_info(self.torrent(SEED_KEY))
        self.info_hash: bytes = info.info_hashes().v1.to_bytes()
        self.tracker.admit(self.info_hash)
        start = libtorrent.session_params()
        start.settings = SEED_SETTINGS
        sessions = [libtorrent.session(start)]
        parameters = libtorrent.add_torrent_params()
        parameters.ti = info
        parameters.save_path = str(self.directory / "seed")
        parameters.flags = libtorrent.torrent_flags.seed_mode
        self.seed: Any = sessions[0].add_torrent(parameters)
        # Dropping the last reference waits for the session's threads: not on the reactor.
        self.addCleanup(deferToThread, sessions.clear)

    def announced(self, announced: PeerAnnounced) -> None:
        """The seed learns of a newcomer at once, the test goes on when the newcomer has everything."""
        if announced.terminal == CLIENT_MAC and announced.event is AnnounceEvent.STARTED:
            self.seed.force_reannounce(0, -1, libtorrent.reannounce_flags_t.ignore_min_interval)
        if announced.terminal == SEED_MAC and not self.seeding.called:
            self.seeding.callback(None)
        if announced.terminal == CLIENT_MAC and announced.event is AnnounceEvent.COMPLETED:
            self.complete.callback(None)

    def program(self, name: str) -> str:
        """Where a program is, or the reason not to test it."""
        found = shutil.which(name)
        if found is None:
            raise SkipTest(f"{name} is not on PATH")
        return found

    def start(self, program: str, *arguments: str) -> _Client:
        """Run a client; it is gone after the test, whatever happens."""
        client = _Client()
        home = {"HOME": str(self.directory), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        process = reactor.spawnProcess(client, program, [program, *arguments], env=home)

        def stop() -> Deferred[None]:
            with contextlib.suppress(ProcessExitedAlready):
                process.signalProcess(signal.SIGKILL)
            return client.ended

        self.addCleanup(stop)
        return client

    async def download(self, program: str, *arguments: str) -> None:
        """A client runs until the tracker was told that it has everything; then its file is what was seeded."""
        await self.seeding
        client = self.start(program, *arguments)
        await DeferredList([self.complete, client.ended], fireOnOneCallback=True)
        self.assertTrue(self.complete.called, client.said.decode(errors="replace"))
        self.assertEqual((self.directory / "client" / NAME).read_bytes(), self.content)
        self.assertEqual(self.tracker.counts(self.info_hash).completed, 1)

    def torrent_file(self) -> str:
        """The client's torrent, as a file."""
        path = self.directory / "client.torrent"
        path.write_bytes(self.torrent(CLIENT_KEY))
        return str(path)

    async def test_aria2(self) -> None:
        """aria2c downloads."""
        await self.download(
            self.program("aria2c"),
            f"--dir={self.directory / 'client'}",
            "--no-conf",
            "--interface=127.0.0.3",
            f"--listen-port={free_port('127.0.0.3')}",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--bt-enable-lpd=false",
            "--enable-peer-exchange=false",
            "--disable-ipv6=true",
            "--seed-time=10",  # minutes; one that leaves at once says only `stopped`
            "--summary-interval=0",
            self.torrent_file(),
        )

    async def test_transmission(self) -> None:
        """transmission-cli downloads. It takes loopback addresses for impossible, so the seed connects to it."""
        program = self.program("transmission-cli")
        settings = {
            "bind-address-ipv4": "127.0.0.4",
            "dht-enabled": False,
            "lpd-enabled": False,
            "pex-enabled": False,
            "utp-enabled": False,
            "port-forwarding-enabled": False,
            "rename-partial-files": False,
        }
        configuration = self.directory / "transmission"
        configuration.mkdir()
        (configuration / "settings.json").write_text(json.dumps(settings))
        await self.download(
            program,
            f"--config-dir={configuration}",
            f"--download-dir={self.directory / 'client'}",
            f"--port={free_port('127.0.0.4')}",
            "--no-portmap",
            self.torrent_file(),
        )

    async def test_qbittorrent(self) -> None:
        """qbittorrent-nox downloads."""
        program = self.program("qbittorrent-nox")
        configuration = self.directory / "profile" / "qBittorrent" / "config"
        configuration.mkdir(parents=True)
        (configuration / "qBittorrent.conf").write_text(
            "[LegalNotice]\n"
            "Accepted=true\n"
            "[BitTorrent]\n"
            "Session\\InterfaceAddress=127.0.0.5\n"
            f"Session\\Port={free_port('127.0.0.5')}\n"
            "Session\\DHTEnabled=false\n"
            "Session\\LSDEnabled=false\n"
            "Session\\PeXEnabled=false\n"
            "Session\\SSRFMitigation=false\n"
            "[Network]\n"
            "PortForwardingEnabled=false\n"
            "[Preferences]\n"
            "WebUI\\Address=127.0.0.1\n"
            f"WebUI\\Port={free_port('127.0.0.1')}\n"
            "WebUI\\UseUPnP=false\n"
        )
        await self.download(
            program,
            f"--profile={self.directory / 'profile'}",
            f"--save-path={self.directory / 'client'}",
            "--skip-dialog=true",
            self.torrent_file(),
        )

    async def test_libtorrent_waits(self) -> None:
        """The interval of a temporary refusal is read by libtorrent: it asks again in a minute, not in half an hour."""
        self.tracker.retire(self.info_hash)
        start = libtorrent.session_params()
        tracker = libtorrent.alert.category_t.tracker_notification
        start.settings = SEED_SETTINGS | {"listen_interfaces": "127.0.0.6:0", "alert_mask": tracker}
        sessions = [libtorrent.session(start)]
        self.addCleanup(deferToThread, sessions.clear)
        parameters = libtorrent.add_torrent_params()
        parameters.ti = libtorrent.torrent_info(self.torrent(CLIENT_KEY))
        parameters.save_path = str(self.directory / "client")
        handle = sessions[0].add_torrent(parameters)
        refused: list[Any] = []
        while not refused:
            await deferToThread(sessions[0].wait_for_alert, 1000)
            found = sessions[0].pop_alerts()
            refused = [x.error_message() for x in found if isinstance(x, libtorrent.tracker_error_alert)]
        self.assertIn("does not share this torrent", refused[0])
        announced: Any = handle.trackers()[0]["endpoints"][0]["info_hashes"][0]  # the stubs know other types of times
        # Somebody may ask at once after a failure; by itself it asks when the interval is over.
        self.assertEqual(announced["next_announce"] - announced["min_announce"], 60)


def free_port(host: str) -> int:
    """A port that is free: these programs cannot say which one the system gave them."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
