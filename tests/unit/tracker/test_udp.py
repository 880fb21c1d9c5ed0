"""Tests of the UDP tracker: datagrams, connection ids, a real socket, and libtorrent as its client."""

from __future__ import annotations

import socket
import struct
from random import Random
from typing import Any

import libtorrent
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.server import Site

from tests.unit.tracker.fakes import HASH, KEY, MAC, OTHER_HASH, FakeKeys, FakeOwnPeer, peer_id
from voi.seeding.settings import server_settings
from voi.tracker import connection_ids, packets
from voi.tracker import mmsg as batches
from voi.tracker.announce import MOST_SCRAPED, AnnounceEvent, Counts
from voi.tracker.announced import PeerAnnounced
from voi.tracker.connection_ids import WINDOW_SECONDS, ConnectionIds
from voi.tracker.http import tracker_resource
from voi.tracker.packets import LONGEST_PACKET, PROTOCOL
from voi.tracker.tracker import Tracker
from voi.tracker.udp import BURST, UdpTracker

CLIENT = ("10.0.0.1", 4000)
PATH = f"/{KEY}/announce".encode()


def options(url: bytes = PATH) -> bytes:
    """The URL in parts of at most 255 bytes, padding between them (BEP 41)."""
    parts = [url[start : start + 255] for start in range(0, len(url), 255)]
    return b"\1".join(b"\2" + bytes([len(part)]) + part for part in parts)


def announce(
    connection: bytes,
    *,
    number: int = 1,
    info_hash: bytes = HASH,
    left: int = 3,
    event: int = 0,
    numwant: int = -1,
    port: int = 6881,
    downloaded: int = 2,
    url: bytes | None = None,
) -> bytes:
    """An announce of client `number`."""
    return (
        connection
        + struct.pack(
            ">I4s20s20sqqqiIIiH",
            1,
            b"tran",
            info_hash,
            peer_id(number),
            downloaded,
            left,
            1,
            event,
            0x0A424242,  # an address that it claims
            9,
            numwant,
            port,
        )
        + (options() if url is None else url)
    )


class _Deaf(Clock):
    """A reactor on which nothing is ever readable."""

    def addReader(self, reader: object) -> None:
        """Nothing comes."""

    def removeReader(self, reader: object) -> None:
        """Nothing came."""


class AnswerCase(SynchronousTestCase):
    """A tracker that is given datagrams by hand."""

    def setUp(self) -> None:
        self.clock = _Deaf()
        self.announced: list[PeerAnnounced] = []
        self.own = FakeOwnPeer()
        self.tracker = Tracker(
            keys=FakeKeys(), own_peer=self.own, clock=self.clock, random=Random(1), on_announce=self.announced.append
        )
        self.tracker.admit(HASH)
        self.udp = UdpTracker(self.tracker, self.clock, "127.0.0.1", 0)
        self.addCleanup(self.udp.stop)

    def say(self, packet: bytes, client: tuple[Any, ...] = CLIENT) -> bytes | None:
        return self.udp.answer(self.clock.seconds(), packet, client)

    def connection(self, client: tuple[Any, ...] = CLIENT) -> bytes:
        """A connection id."""
        answer = self.say(PROTOCOL + b"\0\0\0\0conn", client)
        assert answer is not None
        self.assertEqual((answer[:8], len(answer)), (b"\0\0\0\0conn", 16))
        return answer[8:]

    def ask(self, client: tuple[Any, ...] = CLIENT, **changes: Any) -> bytes:
        """The answer to an announce."""
        answer = self.say(announce(self.connection(client), **changes), client)
        assert answer is not None
        return answer

    def error(self, answer: bytes | None) -> str:
        assert answer is not None
        self.assertEqual(answer[:4], b"\0\0\0\3")
        return answer[8:].decode()


class ConnectionTests(AnswerCase):
    """Connection ids."""

    def test_for_this_client_alone(self) -> None:
        """An id serves only the address that asked for it; others are told so, in no more bytes than they sent."""
        connection = self.connection()
        for other in (("10.0.0.2", 4000), ("10.0.0.1", 4001)):
            packet = announce(connection)
            answer = self.say(packet, other)
            self.assertIn("connect again", self.error(answer))
            assert answer is not None
            self.assertLessEqual(len(answer), len(packet))
        self.assertEqual(self.announced, [])

    def test_for_a_while(self) -> None:
        """An id is good for a window and the one after it, and no longer."""
        connection = self.connection()
        self.clock.advance(WINDOW_SECONDS)
        self.assertEqual(self.say(announce(connection))[:4], b"\0\0\0\1")  # type: ignore[index]  # it is answered
        self.clock.advance(WINDOW_SECONDS)
        self.error(self.say(announce(connection)))

    def test_another_secret(self) -> None:
        """Nobody makes an id without the server's secret."""
        one, same, other = (ConnectionIds(secret * 32).find(0, CLIENT).new for secret in (b"1", b"1", b"2"))
        self.assertNotEqual(one, other)
        self.assertEqual(one, same)

    def test_bound(self) -> None:
        """Clients are remembered up to a number."""
        self.patch(connection_ids, "MOST_CLIENTS", 3)
        known = ConnectionIds(b"1" * 32)
        for port in range(10):
            known.find(0, ("10.0.0.1", port))
        self.assertLessEqual(len(known._known), 3)

    def test_none_of_ours(self) -> None:
        """What is no datagram of the protocol is not answered at all."""
        for packet in (b"", b"x" * 15, b"x" * 8 + b"\0\0\0\0conn", b"x" * (LONGEST_PACKET + 1)):
            self.assertIsNone(self.say(packet))

    def test_no_war_of_two(self) -> None:
        """What looks like a tracker's answer is not refused: two trackers would refuse one another for ever."""
        other = UdpTracker(self.tracker, self.clock, "127.0.0.1", 0)
        self.addCleanup(other.stop)
        refusal = other.answer(self.clock.seconds(), announce(b"x" * 8), CLIENT)
        self.error(refusal)
        assert refusal is not None
        self.assertIsNone(self.say(refusal))
        for action in (packets.CONNECT, packets.ANNOUNCE, packets.SCRAPE):
            self.assertIsNone(self.say(action.to_bytes(4, "big") + bytes(94)))


class AnnounceTests(AnswerCase):
    """Announces."""

    def test_two_terminals(self) -> None:
        """The second is told of the first, byte for byte; the address that it claims is ignored."""
        self.ask(left=0, event=2)
        answer = self.ask(("10.0.0.2", 5), number=2)
        interval = int.from_bytes(answer[8:12], "big")
        self.assertEqual(interval, 5)
        self.assertEqual(
            answer,
            struct.pack(">I4sIII", 1, b"tran", interval, 1, 1) + bytes([10, 0, 0, 1]) + (6881).to_bytes(2, "big"),
        )
        self.assertEqual(self.announced[0], PeerAnnounced(HASH, MAC, "10.0.0.1", 6881, AnnounceEvent.STARTED, 0, 1, 2))

    def test_ipv6(self) -> None:
        """Who asks over IPv6 gets IPv6 peers, 18 bytes each; a mapped address is IPv4."""
        six = ("fd00::1", 5)
        self.ask(six)
        self.ask(("::ffff:10.0.0.9", 5), number=9)
        self.assertEqual(
            self.ask(("fd00::2", 5), number=2)[20:], socket.inet_pton(socket.AF_INET6, "fd00::1") + b"\x1a\xe1"
        )
        self.assertEqual(self.ask(("::ffff:10.0.0.2", 5), number=3)[20:], b"\x0a\x00\x00\x09\x1a\xe1")

    def test_own_peer(self) -> None:
        """The server's own peer is where the client reached it."""
        self.own.offers = {HASH}
        self.assertEqual(self.ask()[20:], b"\x7f\x00\x00\x01\x1b\x58")

    def test_events(self) -> None:
        """One that completed counts, one that stopped leaves."""
        self.ask(left=0, event=1)
        self.assertEqual(self.tracker.counts(HASH), Counts(1, 0, 1))
        self.ask(left=0, event=3)
        self.assertEqual(self.tracker.counts(HASH), Counts(0, 0, 1))

    def test_recognised(self) -> None:
        """A peer that announces again is told of as if it were parsed; another key at its place is refused."""
        for left in (3, 2, 0):
            self.ask(left=left)
        self.assertEqual([announced.left for announced in self.announced], [3, 2, 0])
        self.assertEqual([peer.left for peer in self.tracker.peers(HASH)], [0])
        self.assertIn("log in", self.error(self.ask(url=options(b"/" + b"0" * 32 + b"/announce"))))

    def test_url_in_parts(self) -> None:
        """The path may come in several parts, with padding, other options and a query, up to the end of options."""
        url = b"\1" + options(PATH[:9]) + b"\x07\x02xx" + options(PATH[9:] + b"?a=b") + b"\0" + b"\2\3xyz"
        self.assertEqual(self.ask(url=url)[:4], b"\0\0\0\1")

    def test_refusals(self) -> None:
        """What is missing or wrong is named, and no peer is recorded."""
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"url": b""}, "path"),
            ({"url": options(b"/announce")}, "path"),
            ({"url": options(PATH[:-1])}, "path"),
            ({"url": b"\2"}, "path"),
            ({"url": b"\2\xff" + PATH}, ""),
            ({"port": 0}, "port"),
            ({"left": -1}, "left"),
            ({"downloaded": -1}, "downloaded"),
            ({"event": 4}, "event"),
            ({"info_hash": OTHER_HASH}, "does not share"),
        ]
        for changes, word in wrong:
            answer = self.ask(**changes)
            if word:
                self.assertIn(word, self.error(answer))
        self.assertIn("98", self.error(self.say(announce(self.connection())[:97])))
        self.assertIn("action", self.error(self.say(self.connection() + b"\0\0\0\x09tran")))

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Any datagram with a good connection id is answered or dropped."""
        connection = self.connection()
        for packet in (data, connection + data, connection + b"\0\0\0\1tran" + data, announce(connection, url=data)):
            answer = self.say(packet)
            self.assertTrue(answer is None or answer[:3] == b"\0\0\0")


class _Moving(UdpTracker):
    """A tracker on all addresses of a machine that gets another one now and then."""

    now_at = "10.1.0.1"

    def _find_route(self, host: str, scope: int, _period: float) -> str:
        return self.now_at


class RouteTests(AnswerCase):
    """By which address of this machine a client is reached, where the tracker listens on all."""

    def listen(self, interface: str, kind: type[UdpTracker] = UdpTracker) -> None:
        self.own.offers = {HASH}
        self.udp = kind(self.tracker, self.clock, interface, 0)
        self.addCleanup(self.udp.stop)

    def test_link_local(self) -> None:
        """An address that is known behind its interface alone is no fault: the client is answered."""
        self.listen("::")
        index = socket.if_nameindex()[0][0]
        self.assertEqual(self.ask(("fe80::1", 5, 0, index), numwant=0)[:4], b"\0\0\0\1")

    def test_no_way(self) -> None:
        """A client that cannot be reached is refused with a reason, where the address is needed; that is no fault."""
        self.listen("0.0.0.0")
        self.assertIn("no IP address", self.error(self.ask(("255.255.255.255", 5))))
        self.own.offers = set()
        self.assertEqual(self.ask(("255.255.255.255", 5))[:4], b"\0\0\0\1")

    def test_another_address(self) -> None:
        """When the machine got another address, peers are told of the server's own peer there."""
        self.listen("0.0.0.0", _Moving)
        self.assertEqual(self.ask()[20:24], bytes([10, 1, 0, 1]))
        self.patch(_Moving, "now_at", "10.1.0.2")
        self.clock.advance(WINDOW_SECONDS)
        self.assertEqual(self.ask()[20:24], bytes([10, 1, 0, 2]))


class TurnTests(AnswerCase):
    """What is done in one turn of the reactor, with a call for many datagrams where there is one."""

    def setUp(self) -> None:
        super().setUp()
        self.clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for client in self.clients:
            self.addCleanup(client.close)
            client.connect(("127.0.0.1", self.udp.port))
            client.setblocking(False)

    def heard_by(self, client: socket.socket) -> list[bytes]:
        """The answers that came; loopback has delivered when the sender returns."""
        found = []
        while True:
            try:
                found.append(client.recv(LONGEST_PACKET))
            except BlockingIOError:
                return found

    def test_fault(self) -> None:
        """A datagram that breaks something is logged; it gets no answer, least of all that of its neighbour."""
        answer = self.udp.answer

        def faulty(now: float, packet: bytes, client: Any) -> bytes | None:
            return answer(now, packet, client) if packet.endswith(b"fine") else b"%d" % (1 // 0)

        self.patch(self.udp, "answer", faulty)
        self.clients[0].send(b"breaks something")
        self.clients[1].send(PROTOCOL + b"\0\0\0\0fine")
        self.udp.doRead()
        self.assertEqual([len(self.heard_by(client)) for client in self.clients], [0, 1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_bounded(self) -> None:
        """No more than a burst is answered, so that others have their turn; the rest is answered in the next one."""
        for _ in range(BURST + 5):
            self.clients[0].send(PROTOCOL + b"\0\0\0\0conn")
        self.udp.doRead()
        self.assertEqual(len(self.heard_by(self.clients[0])), BURST)
        self.udp.doRead()
        self.assertEqual(len(self.heard_by(self.clients[0])), 5)


class TurnOneByOneTests(TurnTests):
    """The same where datagrams go one by one."""

    def setUp(self) -> None:
        self.patch(batches, "system_calls", lambda _: None)
        super().setUp()


class ScrapeTests(AnswerCase):
    """Scrapes."""

    def test_several(self) -> None:
        """Seeds, downloads and leeches of each torrent, the server's own peer among them; zeros for an unknown one."""
        self.own.has_all_of = {HASH}
        self.ask()
        answer = self.say(self.connection() + b"\0\0\0\2tran" + HASH + OTHER_HASH)
        self.assertEqual(answer, struct.pack(">I4s6I", 2, b"tran", 1, 0, 1, 0, 0, 0))

    def test_refusals(self) -> None:
        """None, a part of one, or too many."""
        for hashes in (b"", HASH[:19], HASH * (MOST_SCRAPED + 1)):
            self.assertIn("1 to 64", self.error(self.say(self.connection() + b"\0\0\0\2tran" + hashes)))


class _Client(DatagramProtocol):
    """Sends datagrams and collects the answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: list[bytes] = []
        self.wanted = 0
        self.done: Deferred[list[bytes]] = Deferred()

    def startProtocol(self) -> None:
        assert self.transport is not None
        self.transport.connect("127.0.0.1", self.port)

    def send(self, *packets: bytes, answers: int = 0) -> Deferred[list[bytes]]:
        """So many answers; if not told, as many as datagrams."""
        assert self.transport is not None
        self.answers, self.wanted, self.done = [], answers or len(packets), Deferred()
        for packet in packets:
            self.transport.write(packet, None)
        return self.done

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        self.answers.append(datagram)
        if len(self.answers) == self.wanted:
            self.done.callback(self.answers)


class SocketTests(TestCase):
    """A socket on loopback."""

    timeout = 30

    def setUp(self) -> None:
        self.announced: Deferred[PeerAnnounced] = Deferred()
        self.tracker = Tracker(
            keys=FakeKeys(),
            own_peer=FakeOwnPeer(),
            clock=reactor,
            random=Random(1),
            on_announce=lambda said: None if self.announced.called else self.announced.callback(said),
        )
        self.tracker.admit(HASH)

    def open(self, interface: str = "127.0.0.1") -> UdpTracker:
        udp = UdpTracker(self.tracker, reactor, interface, 0)
        self.addCleanup(udp.stop)
        return udp

    async def test_a_burst(self) -> None:
        """More datagrams than one turn takes are all answered, and one that breaks something disturbs none."""
        client = _Client(self.open("0.0.0.0").port)
        udp: Any = reactor  # its type does not say that it does UDP
        self.addCleanup(udp.listenUDP(0, client, interface="127.0.0.1").stopListening)
        connection = (await client.send(PROTOCOL + b"\0\0\0\0conn"))[0][8:]
        await client.send(*[announce(connection, number=number) for number in range(150)])
        self.patch(self.tracker, "announce_packed", lambda *_: 1 / 0)
        answers = await client.send(
            PROTOCOL + b"\0\0\0\0one!",
            announce(connection, number=999),
            PROTOCOL + b"\0\0\0\0two!",
            answers=2,
        )
        self.assertEqual([answer[4:8] for answer in answers], [b"one!", b"two!"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_taken(self) -> None:
        """A port that is taken is an error, and nothing stays open."""
        self.assertRaises(OSError, UdpTracker, self.tracker, reactor, "127.0.0.1", self.open().port)

    async def test_port_when_closed(self) -> None:
        """The number outlives the socket: whoever logs in while the server stops is still told addresses."""
        udp = self.open()
        port = udp.port
        udp.stop()
        self.assertEqual((udp.port, udp.fileno()), (port, -1))

    def announce_with_libtorrent(self, trackers: list[str]) -> None:
        """A session with a terminal's settings has the torrent, until the test is over."""
        start = libtorrent.session_params()
        start.settings = {**server_settings(("127.0.0.2", 0)), "stop_tracker_timeout": 0, "alert_mask": 0}
        sessions = [libtorrent.session(start)]
        self.addCleanup(deferToThread, sessions.clear)
        parameters = libtorrent.add_torrent_params()
        parameters.info_hashes = libtorrent.info_hash_t(libtorrent.sha1_hash(HASH))
        parameters.save_path = self.mktemp()
        parameters.trackers = trackers
        parameters.tracker_tiers = list(range(len(trackers)))
        sessions[0].add_torrent(parameters)

    async def test_libtorrent(self) -> None:
        """A libtorrent session announces to udp://host:port/<key>/announce."""
        self.announce_with_libtorrent([f"udp://127.0.0.1:{self.open().port}/{KEY}/announce"])
        said = await self.announced
        self.assertEqual((said.info_hash, said.terminal, said.event), (HASH, MAC, AnnounceEvent.STARTED))
        self.assertEqual(said.host, "127.0.0.2")

    async def test_http_first(self) -> None:
        """A session of ours that knows both addresses announces over HTTP, in the order that the server gives."""
        ways: list[str] = []
        over_http, over_udp = self.tracker.announce, self.tracker.announce_packed

        def http(*said: Any) -> bytes:
            ways.append("http")
            return over_http(*said)

        def udp(*said: Any) -> Any:
            ways.append("udp")
            return over_udp(*said)

        self.patch(self.tracker, "announce", http)
        self.patch(self.tracker, "announce_packed", udp)
        site: Any = Site(tracker_resource(self.tracker))
        listening: Any = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        port = listening.getHost().port
        opened = UdpTracker(self.tracker, reactor, "127.0.0.1", port)
        self.addCleanup(opened.stop)
        self.announce_with_libtorrent([f"{scheme}://127.0.0.1:{port}/{KEY}/announce" for scheme in ("http", "udp")])
        await self.announced
        self.assertEqual(ways, ["http"])
