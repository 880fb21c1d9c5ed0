"""Tests of the tracker without HTTP: keys, the server's own peer, listeners, expiry."""

from __future__ import annotations

from random import Random
from typing import cast

import bencodepy
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, KEY, MAC, OTHER_HASH, FakeKeys, FakeOwnPeer, peer_id, query
from voi.tracker.announce import AnnounceEvent, Counts
from voi.tracker.announced import PeerAnnounced
from voi.tracker.policy import Policy
from voi.tracker.tracker import Tracker

OTHER_KEY = "f" * 32
OTHER_MAC = "52:54:00:00:00:02"
OWN_AT_10_9 = b"\x0a\x09\x00\x01" + (7000).to_bytes(2, "big")


class TrackerCase(SynchronousTestCase):
    """A tracker with one torrent and two terminals."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.own = FakeOwnPeer()
        self.announced: list[PeerAnnounced] = []
        self.keys = FakeKeys({KEY: MAC, OTHER_KEY: OTHER_MAC})
        self.tracker = Tracker(
            keys=self.keys,
            own_peer=self.own,
            clock=self.clock,
            random=Random(1),
            policy=Policy(jitter=0.0),
            on_announce=lambda announced: self.announced.append(announced),
        )
        self.tracker.admit(HASH)

    def announce(
        self, key: str = KEY, host: str = "10.0.0.1", local: str = "10.9.0.1", **changes: object
    ) -> dict[bytes, object]:
        body = self.tracker.announce(key, query(**changes), host, local)
        return cast("dict[bytes, object]", bencodepy.decode(body))

    def failure(self, body: dict[bytes, object]) -> str:
        return cast("bytes", body[b"failure reason"]).decode()


class AnnounceTests(TrackerCase):
    """Announces, bytes to bytes."""

    def test_two_terminals(self) -> None:
        """The second terminal is told of the first; the body byte for byte."""
        self.tracker.announce(KEY, query(left=0), "10.0.0.1", "10.9.0.1")
        body = self.tracker.announce(OTHER_KEY, query(peer_id=peer_id(2)), "10.0.0.2", "10.9.0.1")
        self.assertEqual(
            body,
            b"d8:completei1e10:downloadedi0e10:incompletei1e8:intervali5e12:min intervali5e"
            b"5:peers6:\x0a\x00\x00\x01\x1a\xe1e",
        )

    def test_ipv6(self) -> None:
        """BEP 7: IPv6 peers are in `peers6`; a mapped IPv4 address is an IPv4 peer."""
        self.announce(host="fd00::1")
        self.announce(host="::ffff:10.0.0.1")
        for _ in range(2):  # the first of its room is told of one more of another each time
            body = self.announce(OTHER_KEY, host="10.0.1.2", peer_id=peer_id(2))
        self.assertEqual(body[b"peers"], b"\x0a\x00\x00\x01\x1a\xe1")
        self.assertEqual(body[b"peers6"], bytes.fromhex("fd000000000000000000000000000001") + b"\x1a\xe1")

    def test_claimed_address(self) -> None:
        """`ip` is ignored: a peer is where its connection comes from."""
        self.announce(ip="10.66.66.66")
        self.assertEqual(self.tracker.peers(HASH)[0].host, "10.0.0.1")

    def test_unknown_key(self) -> None:
        """A key that no terminal has, or that is no key, is refused and says what to do."""
        for key in ("0" * 32, KEY.upper(), KEY[:-1], "", KEY + "\n"):
            body = self.announce(key)
            self.assertIn("log in", self.failure(body))
            self.assertNotIn(b"retry in", body)
        self.assertEqual(self.tracker.counts(HASH), Counts())

    def test_unknown_torrent(self) -> None:
        """BEP 31: a torrent that is not admitted may be soon."""
        body = self.announce(info_hash=OTHER_HASH)
        self.assertIn("does not share this torrent", self.failure(body))
        self.assertEqual((body[b"retry in"], body[b"interval"], body[b"min interval"]), (1, 60, 5))

    def test_bad_parameter(self) -> None:
        """A bad parameter is named, and the listener is not told."""
        self.assertIn("port", self.failure(self.announce(port=0)))
        self.assertEqual(self.announced, [])

    def test_no_address(self) -> None:
        """A connection without an address cannot be announced."""
        self.assertIn("IP address", self.failure(self.announce(host="")))

    def test_retired(self) -> None:
        """A retired torrent is refused."""
        self.tracker.retire(HASH)
        self.failure(self.announce())
        self.assertFalse(self.tracker.known(HASH))


class EarlyTests(TrackerCase):
    """Announces of a torrent that is admitted a moment later."""

    def setUp(self) -> None:
        super().setUp()
        for key, host in ((KEY, "::ffff:10.0.0.1"), (OTHER_KEY, "10.0.0.2")):
            self.failure(self.announce(key, host=host, info_hash=OTHER_HASH, left=0))
        self.assertEqual(self.announced, [])

    def test_admitted(self) -> None:
        """A refused early peer is in the swarm as soon as there is one, and the listener is told."""
        self.clock.advance(59)
        self.tracker.admit(OTHER_HASH)
        self.assertEqual(self.tracker.counts(OTHER_HASH), Counts(seeds=2))
        self.assertEqual([peer.host for peer in self.tracker.peers(OTHER_HASH)], ["10.0.0.1", "10.0.0.2"])
        self.assertEqual([announced.terminal for announced in self.announced], [MAC, OTHER_MAC])

    def test_too_long_ago(self) -> None:
        """After a minute it is unknown whether the client is there still."""
        self.clock.advance(60)
        self.tracker.admit(OTHER_HASH)
        self.assertEqual(self.tracker.counts(OTHER_HASH), Counts())

    def test_stopped(self) -> None:
        """Who stopped meanwhile is not taken in."""
        self.failure(self.announce(info_hash=OTHER_HASH, event="stopped"))
        self.tracker.admit(OTHER_HASH)
        self.assertEqual([peer.terminal for peer in self.tracker.peers(OTHER_HASH)], [OTHER_MAC])

    def test_a_stranger(self) -> None:
        """Nothing is remembered of who has no key."""
        self.failure(self.announce("0" * 32, info_hash=bytes(20)))
        self.tracker.admit(bytes(20))
        self.assertEqual(self.tracker.counts(bytes(20)), Counts())

    def test_full(self) -> None:
        """A table that is full takes no early one in, and the torrent is admitted all the same."""
        tracker = Tracker(
            keys=self.keys, own_peer=self.own, clock=self.clock, random=Random(1), policy=Policy(most_peers_in_swarm=1)
        )
        for key, host in ((KEY, "10.0.0.1"), (OTHER_KEY, "10.0.0.2")):
            tracker.announce(key, query(), host, "10.9.0.1")
        tracker.admit(HASH)
        self.assertEqual(len(tracker.peers(HASH)), 1)


class OwnPeerTests(TrackerCase):
    """The server's own peer."""

    def test_offered(self) -> None:
        """A downloader is told of the server last, at the address by which it reached the server."""
        self.announce(OTHER_KEY, host="10.0.0.2", peer_id=peer_id(2))
        self.own.offers = self.own.has_all_of = {HASH}
        body = self.announce()
        self.assertEqual(body[b"peers"], b"\x0a\x00\x00\x02\x1a\xe1" + OWN_AT_10_9)
        self.assertEqual((body[b"complete"], body[b"incomplete"]), (1, 2))

    def test_reached_over_ipv6(self) -> None:
        """Who came over IPv6 finds the server in `peers6`."""
        self.own.offers = {HASH}
        body = self.announce(host="fd00::1", local="fd00::9")
        self.assertEqual(body[b"peers6"], bytes.fromhex("fd000000000000000000000000000009") + b"\x1b\x58")

    def test_dictionary(self) -> None:
        """Without compact the server is listed too, without a peer id, for it told none."""
        self.own.offers = {HASH}
        self.assertEqual(self.announce(compact=0)[b"peers"], [{b"ip": b"10.9.0.1", b"port": 7000}])

    def test_not_offered(self) -> None:
        """A server that has nothing yet, or does not listen, is not listed."""
        self.assertEqual(self.announce()[b"peers"], b"")
        self.own.offers, self.own.port = {HASH}, 0
        self.assertEqual(self.announce()[b"peers"], b"")

    def test_not_to_seeds(self) -> None:
        """A complete server is of no use to who downloads nothing; one that still downloads is."""
        self.own.offers = self.own.has_all_of = {HASH}
        self.assertEqual(self.announce(left=0)[b"peers"], b"")
        self.assertEqual(self.announce(event="paused")[b"peers"], b"")
        self.own.has_all_of = set()
        body = self.announce(left=0)
        self.assertEqual(body[b"peers"], OWN_AT_10_9)
        self.assertEqual((body[b"complete"], body[b"incomplete"]), (1, 1))

    def test_numwant(self) -> None:
        """The server counts among those wanted: one is the server, none is nobody."""
        self.announce(OTHER_KEY, host="10.0.0.2", peer_id=peer_id(2))
        self.own.offers = {HASH}
        self.assertEqual(self.announce(numwant=1)[b"peers"], OWN_AT_10_9)
        self.assertEqual(self.announce(numwant=0)[b"peers"], b"")

    def test_stopped(self) -> None:
        """A peer that leaves is told of none."""
        self.own.offers = {HASH}
        self.assertEqual(self.announce(event="stopped")[b"peers"], b"")


class ScrapeTests(TrackerCase):
    """Scrapes (BEP 48)."""

    def scrape(self, raw: bytes, key: str = KEY) -> dict[bytes, object]:
        return cast("dict[bytes, object]", bencodepy.decode(self.tracker.scrape(key, raw)))

    def test_several(self) -> None:
        """Admitted torrents among those asked for are in the answer, the server's own peer included."""
        self.tracker.admit(OTHER_HASH)
        self.announce()
        self.own.has_all_of = {HASH}
        body = self.scrape(query() + b"&" + query(info_hash=OTHER_HASH) + b"&" + query(info_hash=bytes(20)))
        none = {b"complete": 0, b"downloaded": 0, b"downloaders": 0, b"incomplete": 0}
        self.assertEqual(
            body,
            {b"files": {HASH: none | {b"complete": 1, b"incomplete": 1, b"downloaders": 1}, OTHER_HASH: none}},
        )

    def test_failures(self) -> None:
        """An unknown key, no torrent, and only unknown torrents are failures."""
        self.assertIn("log in", self.failure(self.scrape(query(), "0" * 32)))
        self.assertIn("info_hash", self.failure(self.scrape(b"")))
        self.assertEqual(self.scrape(query(info_hash=OTHER_HASH))[b"retry in"], 1)


class ListenerTests(TrackerCase):
    """Who is told of announces, and mistakes of others."""

    def test_listener(self) -> None:
        """Each announce is told with the terminal and its plain address."""
        self.announce(host="::ffff:10.0.0.1", event="started")
        self.assertEqual(
            self.announced,
            [PeerAnnounced(HASH, MAC, "10.0.0.1", 6881, AnnounceEvent.STARTED, left=3, uploaded=1, downloaded=2)],
        )

    def test_only_some(self) -> None:
        """A listener to some torrents and terminals is told of these alone, as they are at the announce."""
        torrents: set[bytes] = set()
        terminals: set[str] = set()
        self.tracker.tell_only_of(torrents, terminals)
        self.announce(left=5)
        torrents.add(HASH)
        self.announce(left=4)
        torrents.clear()
        self.announce(left=3)
        terminals.add(MAC)
        self.announce(left=2)
        self.assertEqual([announced.left for announced in self.announced], [4, 2])

    def test_failing_listener(self) -> None:
        """A listener's mistake is logged and the client gets its answer."""

        def fail(_announced: PeerAnnounced) -> None:
            raise RuntimeError("listener")

        tracker = Tracker(keys=self.keys, own_peer=self.own, clock=self.clock, random=Random(1), on_announce=fail)
        tracker.admit(HASH)
        self.assertIn(b"interval", tracker.announce(KEY, query(), "10.0.0.1", "10.9.0.1"))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_failing_keys(self) -> None:
        """A mistake inside the server is logged, and a temporary failure for the client."""

        def fail(_key: str) -> str:
            raise RuntimeError("keys")

        self.patch(self.keys, "terminal_for", fail)
        self.assertEqual(self.announce()[b"retry in"], 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class ExpiryTests(TrackerCase):
    """The sweep."""

    def test_swept(self) -> None:
        """Once started, silent peers are forgotten; once stopped, no timer is left."""
        self.tracker.start()
        self.announce()
        self.clock.pump([10.0] * 35)
        self.assertEqual(self.tracker.counts(HASH).leeches, 1)
        self.clock.pump([10.0] * 2)
        self.assertEqual(self.tracker.counts(HASH), Counts())
        self.tracker.stop()
        self.tracker.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sweep_goes_on(self) -> None:
        """A sweep that fails is logged and the next one comes."""
        self.tracker.start()
        self.announce()
        table = self.tracker._table
        expire = table.expire

        def fail(_now: float) -> int:
            raise RuntimeError("sweep")

        self.patch(table, "expire", fail)
        self.clock.advance(10.0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.patch(table, "expire", expire)
        self.clock.pump([10.0] * 40)
        self.assertEqual(self.tracker.counts(HASH), Counts())
