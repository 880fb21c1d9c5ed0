"""Tests of announces without a web server: the same answers and the same table as by the ordinary way."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, KEY, MAC, OTHER_HASH, FakeKeys, FakeOwnPeer, FakeRooms, peer_id, query
from voi.tracker import fast_announce as fast
from voi.tracker.announced import PeerAnnounced
from voi.tracker.fast_announce import LONGEST_REQUEST, FastAnnounces
from voi.tracker.peers import SwarmPeer
from voi.tracker.policy import Policy
from voi.tracker.steering import RoomRole, ServerState
from voi.tracker.swarm import SwarmTable
from voi.tracker.tracker import Tracker

KEYS = {f"{number:032x}": f"52:54:00:00:00:{number:02X}" for number in range(4)}
HEADERS = b"Host: x\r\nUser-Agent: y/1\r\n"


def get(path: bytes, headers: bytes = HEADERS + b"Connection: close\r\n") -> bytes:
    """A request."""
    return b"GET " + path + b" HTTP/1.1\r\n" + headers + b"\r\n"


class Side:
    """A tracker with everything it needs."""

    def __init__(self, *, has_all: bool = True) -> None:
        self.clock = Clock()
        self.announced: list[PeerAnnounced] = []
        self.own = FakeOwnPeer(offers={HASH}, has_all_of={HASH} if has_all else set())
        self.tracker = Tracker(
            keys=FakeKeys({**KEYS, KEY: MAC}),
            own_peer=self.own,
            clock=self.clock,
            random=Random(5),
            policy=Policy(most_peers_of_terminal=2, most_peers=9, leaders_alone=1, leaders=2, stuck=4.0, lost=30.0),
            on_announce=self.announced.append,
            rooms=FakeRooms("13"),
        )
        self.tracker.admit(HASH)
        self.fast = FastAnnounces(self.tracker)


_ASKED = st.fixed_dictionaries(
    {
        "info_hash": st.sampled_from([HASH, HASH, HASH, OTHER_HASH]),
        "peer_id": st.sampled_from([peer_id(1), peer_id(2), b"%" * 20]),
        "port": st.sampled_from([6881, 6881, 6882, 0]),
        "uploaded": st.sampled_from([0, 7]),
        "downloaded": st.sampled_from([0, 8, 2**63]),
        "left": st.sampled_from([0, 1, 5]),
    }
)
_REST = st.sampled_from(
    [
        b"",
        b"&compact=1&numwant=50",
        b"&numwant=1",
        b"&numwant=0&key=AB",
        b"&event=started",
        b"&event=stopped",
        b"&event=completed",
        b"&event=paused",
        b"&event=",
        b"&compact=0",
        b"&compact=0&no_peer_id=1",
        b"&left=1",
        b"&numwant=x",
        b"&numwant=" + b"0" * 300,
    ]
)
_WHO = st.sampled_from([*KEYS, "e" * 32])
_WHERE = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "::ffff:10.0.0.1", "fd00::1"])
_PASSED = st.sampled_from([0.0, 0.0, 1.0, 5.0, 20.0, 400.0, -3.0])  # clocks are set back, too
_STEP = st.tuples(_WHO, _WHERE, _ASKED, _REST, _PASSED)


class EqualTests(SynchronousTestCase):
    """The fast path beside :meth:`Tracker.announce`."""

    @settings(max_examples=300)
    @given(st.lists(_STEP, max_size=30), st.booleans())
    def test_answers_and_states(
        self, steps: list[tuple[str, str, dict[str, object], bytes, float]], whole: bool
    ) -> None:
        """Whatever is announced, both answer the same bytes, tell the same and remember the same."""
        short, long = Side(has_all=whole), Side(has_all=whole)
        for key, host, asked, rest, passed in steps:
            for side in (short, long):
                side.clock.advance(passed)
                side.tracker._sweep()
            raw = query(**asked) + rest
            for _ in range(2):  # the second time it may be recognised
                reply = short.fast.reply(get(b"/%b/announce?%b" % (key.encode(), raw)), host, "10.9.0.1")
                assert reply is not None
                body = long.tracker.announce(key, raw, host, "10.9.0.1")
                self.assertEqual(reply.data.partition(b"\r\n\r\n")[2], body)
                self.assertEqual(short.tracker.peers(HASH), long.tracker.peers(HASH))
                self.assertEqual(short.announced, long.announced)
        table = short.tracker._table
        recognised = {
            fingerprint
            for peers in table._swarms[HASH].by_terminal.values()
            for peer in peers
            for fingerprint in peer.fingerprints
        }
        self.assertEqual(set(table._recognised), recognised)

    def test_every_role(self) -> None:
        """A long day of ordinary announces, in which peers become all that there is to become: both ways the same."""
        random, short, long = Random(8), Side(), Side()
        roles: list[set[RoomRole]] = []
        for side in (short, long):
            table, seen = side.tracker._table, set[RoomRole]()
            roles.append(seen)
            for way in ("select_peers", "select_packed"):
                self.patch(table, way, _noting_roles(table, way, seen))
        places = [(key, f"10.0.{number % 3}.{number // 3 + 1}") for number, key in enumerate(KEYS)]
        for _ in range(400):
            (key, host), passed = random.choice(places), random.choice([0.0, 1.0, 5.0])
            raw = query(peer_id=key[-20:].encode(), left=random.choice([0, 5, 5, 5, 6]), numwant=50, compact=1)
            for side in (short, long):
                side.clock.advance(passed)
            reply = short.fast.reply(get(b"/%b/announce?%b" % (key.encode(), raw)), host, "10.9.0.1")
            assert reply is not None
            body = long.tracker.announce(key, raw, host, "10.9.0.1")
            self.assertEqual(reply.data.partition(b"\r\n\r\n")[2], body)
        self.assertEqual(roles, [set(RoomRole)] * 2)


def _noting_roles(
    table: SwarmTable, way: str, seen: set[RoomRole]
) -> Callable[[SwarmPeer, int | None, ServerState], object]:
    """One of the table's ways to select peers, watched."""
    select_peers = getattr(table, way)

    def noted(peer: SwarmPeer, numwant: int | None, server: ServerState) -> object:
        if peer.downloads:
            seen.add(peer.swarm.role(peer, table._policy))
        return select_peers(peer, numwant, server)

    return noted


class RecognitionTests(SynchronousTestCase):
    """Who is answered without being parsed, and when no more."""

    def setUp(self) -> None:
        self.side = Side()
        self.parsed: list[bytes] = []
        announce = self.side.tracker.announce

        def noted(key: str, raw: bytes, *rest: object) -> bytes:
            self.parsed.append(raw)
            return announce(key, raw, *rest)  # type: ignore[arg-type]  # passed on as they came

        self.patch(self.side.tracker, "announce", noted)

    def ask(self, host: str = "10.0.0.1", **changes: object) -> bool:
        """Whether an announce had to be parsed."""
        self.parsed.clear()
        self.assertIsNotNone(
            self.side.fast.reply(get(b"/%b/announce?%b" % (KEY.encode(), query(**changes))), host, "10.9.0.1")
        )
        return bool(self.parsed)

    def test_known(self) -> None:
        """The second announce is recognised, with other counters too; another host, port or torrent is not."""
        self.assertTrue(self.ask())
        self.assertFalse(self.ask())
        self.assertFalse(self.ask(left=2, uploaded=99))
        self.assertTrue(self.ask(left=0))
        self.assertFalse(self.ask(left=0))
        self.assertTrue(self.ask("10.0.0.2", left=0))
        self.assertTrue(self.ask(left=0))
        self.assertTrue(self.ask(port=1))
        self.assertTrue(self.ask(event="stopped"))
        self.assertTrue(self.ask())

    def test_paused(self) -> None:
        """A known peer that pauses, or goes on, changes its kind: that is no matter of counters."""
        self.ask()
        self.assertTrue(self.ask(event="paused"))
        self.assertEqual(self.side.tracker.counts(HASH).paused, 1)
        self.assertTrue(self.ask())
        self.assertEqual(self.side.tracker.counts(HASH).paused, 0)

    def test_forgotten(self) -> None:
        """With a retired torrent, or when its lease ends, a peer is no longer recognised."""
        self.ask()
        self.side.tracker.retire(HASH)
        self.assertTrue(self.ask())
        self.side.tracker.admit(HASH)
        self.ask()
        self.side.clock.advance(1000)
        self.side.tracker._sweep()
        self.assertTrue(self.ask())
        self.assertEqual(len(self.side.tracker._table._recognised), 1)

    def test_bounds_of_what_is_remembered(self) -> None:
        """Header blocks and ends of queries are remembered up to a number, and only short ones."""
        self.patch(fast, "MOST_HEADS", 3)
        self.patch(fast, "MOST_TAILS", 3)
        for number in range(20):
            raw = query() + b"&key=%d" % number
            headers = b"X: %d\r\n" % number
            self.side.fast.reply(get(b"/%b/announce?%b" % (KEY.encode(), raw), headers), "10.0.0.1", "10.9.0.1")
        self.side.fast.reply(
            get(b"/%b/announce?%b&key=%b" % (KEY.encode(), query(), b"k" * 500), b"X: %b\r\n" % (b"y" * 2000)),
            "10.0.0.1",
            "10.9.0.1",
        )
        self.assertLessEqual(len(self.side.fast._heads), 3)
        self.assertLessEqual(len(self.side.fast._tails), 3)

    def test_a_fault_on_the_way(self) -> None:
        """A mistake of ours at a known peer is logged, and the client is answered as by the ordinary way."""
        self.ask()

        def fail(_info_hash: bytes) -> bool:
            raise RuntimeError("own peer")

        self.patch(self.side.own, "complete", fail)
        reply = self.side.fast.reply(get(b"/%b/announce?%b" % (KEY.encode(), query())), "10.0.0.1", "10.9.0.1")
        assert reply is not None
        self.assertIn(b"the server made a mistake", reply.data)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)


class ShapeTests(SynchronousTestCase):
    """Which requests are answered here."""

    path = b"/%b/announce?%b" % (KEY.encode(), query())

    def setUp(self) -> None:
        self.side = Side()

    def reply(self, data: bytes) -> fast.HttpResponse | None:
        return self.side.fast.reply(data, "10.0.0.1", "10.9.0.1")

    def test_whole_response(self) -> None:
        """The response, byte for byte, with and without the end of the connection."""
        answer = self.reply(get(self.path))
        assert answer is not None
        head, _, body = answer.data.partition(b"\r\n\r\n")
        self.assertEqual(
            head,
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close" % len(body),
        )
        for headers in (b"", HEADERS, HEADERS + b"connection:  Keep-Alive\r\n"):
            kept = self.reply(get(self.path, headers))
            assert kept is not None
            self.assertEqual((kept.closes, b"onnection" in kept.data), (False, False))

    def test_not_here(self) -> None:
        """Whatever is not one complete ordinary announce is left alone, and has no effect."""
        whole = get(self.path)
        strange = [
            b"",
            whole[:-1],
            whole[:-2],
            whole[:60],
            whole + whole,
            whole + b"x",
            whole.replace(b"GET", b"HEAD", 1),
            whole.replace(b"GET", b"POST", 1),
            whole.replace(b"HTTP/1.1", b"HTTP/1.0"),
            whole.replace(b"announce", b"scrape"),
            whole.replace(KEY.encode(), KEY.upper().encode()),
            whole.replace(KEY.encode(), b"%00" + KEY.encode()[3:]),
            get(b"/"),
            get(b"/api/v1/terminals"),
            get(self.path + b"\0"),
            get(self.path + b"\xff"),
            get(self.path + b" "),
            get(self.path, b"Content-Length: 3\r\n"),
            get(self.path, b"A: b\r\ncontent-length : 3\r\n"),
            get(self.path, b"Transfer-Encoding: chunked\r\n"),
            get(self.path, b"Expect: 100-continue\r\n"),
            get(self.path, b"Connection: close, x\r\n"),
            get(self.path, b"Connection: close\r\nConnection: close\r\n"),
            get(self.path, b"Host: \xff\r\n"),
            get(self.path, b"Host: a\r\n b\r\n"),
            get(self.path, b"X: a\0b\r\n"),
            get(self.path, b"no colon\r\n"),
            get(self.path, b"X: " + b"y" * LONGEST_REQUEST + b"\r\n"),
        ]
        for data in strange:
            self.assertIsNone(self.reply(data), data)
        self.assertEqual(self.side.announced, [])

    @given(st.binary(max_size=400))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are left alone, or answered whole."""
        for raw in (data, get(self.path + data), get(self.path, data)):
            reply = self.reply(raw)
            self.assertTrue(reply is None or reply.data.startswith(b"HTTP/1.1 200 OK\r\n"))
