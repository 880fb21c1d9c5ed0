"""Tests that all ways to an answer give one: over the web server, in front of it, recognised, listed, over UDP.

Trackers with one history and one seed of chance are compared, each asked in its own way.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import bencodepy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.unit.tracker import plain
from tests.unit.tracker.fakes import HASH, OTHER_HASH, FakeKeys, FakeOwnPeer, peer_id, query
from voi.tracker.address import COMPACT_IPV4, AnnounceError, pack
from voi.tracker.announce import encode_packed, parse_announce
from voi.tracker.announced import PeerAnnounced
from voi.tracker.fast_announce import FastAnnounces
from voi.tracker.http import tracker_resource
from voi.tracker.packets import announced
from voi.tracker.policy import Policy
from voi.tracker.steering import ServerState
from voi.tracker.tracker import Tracker

KEYS = {f"{number:032x}": f"52:54:00:00:00:{number:02X}" for number in range(24)}
FEW = list(KEYS)[:6]
LOCAL = {4: "10.9.0.1", 6: "fd09::1"}
"""By which addresses of the server terminals reach it."""

Way = Callable[["Side", str, bytes, str, str], bytes]


class MovingRooms:
    """Rooms into which terminals are put by hand, and put again."""

    def __init__(self) -> None:
        self.by_hand: dict[str, int] = {}

    def room_of(self, mac: str, _address: str) -> int | None:
        """Where it was put."""
        return self.by_hand.get(mac)


class Side:
    """A tracker, what it needs, and the way in which it is asked."""

    def __init__(self, way: Way, server: ServerState) -> None:
        self.way = way
        self.clock, self.rooms = Clock(), MovingRooms()
        self.announced: list[PeerAnnounced] = []
        have = set() if server is ServerState.ABSENT else {HASH, OTHER_HASH}
        self.tracker = Tracker(
            keys=FakeKeys(dict(KEYS)),
            own_peer=FakeOwnPeer(offers=have, has_all_of=have if server is ServerState.WHOLE else set()),
            clock=self.clock,
            random=Random(5),
            policy=Policy(most_peers_of_terminal=2, leaders_alone=1, leaders=1, bridges=2, stuck=4.0, lost=30.0),
            on_announce=self.announced.append,
            rooms=self.rooms,
        )
        self.tracker.admit(HASH)
        self.fast = FastAnnounces(self.tracker)
        self.site: Any = Site(tracker_resource(self.tracker))

    def ask(self, key: str, raw: bytes, host: str) -> bytes:
        """The body of the answer."""
        return self.way(self, key, raw, host, LOCAL[6 if ":" in host and "." not in host else 4])


def over_route(side: Side, key: str, raw: bytes, host: str, local: str) -> bytes:
    """Klein's route, behind the web server."""
    kind = IPv6Address if ":" in local else IPv4Address
    transport = StringTransport(kind("TCP", local, 80), kind("TCP", host, 1000))
    channel = side.site.buildProtocol(None)
    channel.callLater = Clock().callLater
    channel.makeConnection(transport)
    channel.dataReceived(b"GET /%b/announce?%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (key.encode(), raw))
    body: bytes = transport.value().partition(b"\r\n\r\n")[2]
    return body


def in_front(side: Side, key: str, raw: bytes, host: str, local: str) -> bytes:
    """Before the web server: a peer that is recognised is answered without being parsed."""
    request = b"GET /%b/announce?%b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (key.encode(), raw)
    reply = side.fast.reply(request, host, local)
    assert reply is not None
    return reply.data.partition(b"\r\n\r\n")[2]


def read_before(side: Side, key: str, raw: bytes, host: str, local: str) -> bytes:
    """As the UDP tracker asks: with a request that was read already."""
    answer = side.tracker.announce_packed(key, parse_announce(raw), host, local)
    for ipv4 in (True, False):  # BEP 15 has one family, and the counts in front of it
        packet = announced(b"tttt", answer, ipv4=ipv4)
        assert packet == b"\0\0\0\1tttt" + answer.interval.to_bytes(4, "big") + answer.head.counted + (
            answer.four if ipv4 else answer.six
        )
    return encode_packed(answer)


def as_plain(side: Side, key: str, raw: bytes, host: str, local: str) -> bytes:
    """Peer by peer, without any shortcut."""
    body = plain.body(side.tracker, side.clock.seconds(), KEYS[key], raw, host, local)
    request = parse_announce(raw)
    text = host.removeprefix("::ffff:")
    side.announced.append(
        PeerAnnounced(
            request.info_hash,
            KEYS[key],
            text,
            request.port,
            request.event,
            request.left,
            request.uploaded,
            request.downloaded,
        )
    )
    return body


def listed(side: Side, key: str, raw: bytes, host: str, local: str) -> bytes:
    """With a dictionary for each peer; put into the compact form here."""
    found = bencodepy.decode(side.tracker.announce(key, raw.replace(b"&compact=1", b"&compact=0"), host, local))
    addresses = [pack(peer[b"ip"].decode(), peer[b"port"]) for peer in found[b"peers"]]
    found[b"peers"] = b"".join(one for one in addresses if len(one) == COMPACT_IPV4)
    six = b"".join(one for one in addresses if len(one) != COMPACT_IPV4)
    encoded: bytes = bencodepy.encode(found | ({b"peers6": six} if six else {}))
    return encoded


_ANNOUNCE = st.tuples(
    st.sampled_from(FEW),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.1", "::ffff:10.0.0.1", "fd00::1", "fd00:0:0:1::1"]),
    st.fixed_dictionaries(
        {
            "peer_id": st.sampled_from([peer_id(1), peer_id(2), peer_id(3)]),
            "port": st.sampled_from([6881, 6881, 6882]),
            "uploaded": st.just(0),
            "left": st.sampled_from([0, 1, 5]),
            "compact": st.just(1),
            "numwant": st.sampled_from([None, 0, 1, 2, 50]),
        }
    ),
    st.sampled_from(["", "", "", "started", "stopped", "completed", "paused"]),
    st.sampled_from([0.0, 1.0, 5.0, 20.0, 400.0, -3.0]),
)
_ROOM = st.tuples(st.sampled_from([KEYS[key] for key in FEW]), st.integers(0, 2))


class WaysTests(SynchronousTestCase):
    """One history, asked in five ways."""

    @settings(max_examples=150)
    @given(st.lists(st.one_of(_ANNOUNCE, _ANNOUNCE, _ROOM), max_size=30), st.sampled_from(ServerState))
    def test_one_answer(self, steps: list[Any], server: ServerState) -> None:
        """Whatever is announced, and wherever terminals are put meanwhile: one answer, one table, and the same told to
        the listener.
        """
        sides = [Side(way, server) for way in (as_plain, over_route, in_front, read_before, listed)]
        for step in steps:
            if len(step) == 2:
                for side in sides:
                    side.rooms.by_hand[step[0]] = step[1]
                    side.tracker.rooms_changed([step[0]])
                    side.clock.advance(0)
                continue
            key, host, asked, event, passed = step
            raw = query(**asked) + (f"&event={event}".encode() if event else b"")
            for _ in range(2):  # the second time it may be recognised
                self.compare(sides, key, raw, host, passed)
                passed = 0.0

    def compare(self, sides: list[Side], key: str, raw: bytes, host: str, passed: float) -> None:
        """Ask all of them, after some seconds."""
        for side in sides:
            side.clock.advance(passed)
            side.tracker._sweep()
        first, *others = [side.ask(key, raw, host) for side in sides]
        for side, body in zip(sides[1:], others, strict=True):
            self.assertEqual(body, first, side.way.__name__)
            self.assertEqual(side.tracker.peers(HASH), sides[0].tracker.peers(HASH), side.way.__name__)
            self.assertEqual(side.announced, sides[0].announced, side.way.__name__)

    def test_a_long_day(self) -> None:
        """Four rooms of six that download, make no progress or finish: peers become all that there is."""
        random = Random(2)
        sides = [Side(way, ServerState.WHOLE) for way in (as_plain, over_route, in_front, read_before, listed)]
        left = dict.fromkeys(range(24), 60)
        for _ in range(800):
            number = random.choice(list(left))
            left[number] -= random.choice([0, 0, 1, 2, 5]) if left[number] > 5 or number == 3 else 0
            asked = query(peer_id=peer_id(number), downloaded=0, left=max(0, left[number]), compact=1, numwant=50)
            self.compare(
                sides, f"{number:032x}", asked, f"10.0.{number % 4}.{number + 1}", random.choice([0.0, 0.5, 2.0])
            )

    def test_one_refusal(self) -> None:
        """A torrent that is not admitted is refused in one way, and who was refused is taken in when it is."""
        key, raw = next(iter(KEYS)), query(info_hash=OTHER_HASH, compact=1)
        sides = [Side(way, ServerState.WHOLE) for way in (over_route, in_front, read_before)]
        bodies = [side.ask(key, raw, "10.0.0.1") for side in sides[:2]]
        self.assertEqual(bodies[0], bodies[1])
        self.assertRaises(AnnounceError, sides[2].ask, key, raw, "10.0.0.1")
        for side in sides:
            side.tracker.admit(OTHER_HASH)
            self.assertEqual([peer.host for peer in side.tracker.peers(OTHER_HASH)], ["10.0.0.1"])
