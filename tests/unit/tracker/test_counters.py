"""Tests of what is counted of announces and scrapes, over both protocols and by every way to an answer."""

from __future__ import annotations

from random import Random
from unittest import mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, KEY, OTHER_HASH, FakeKeys, FakeOwnPeer, query
from tests.unit.tracker.test_udp import AnswerCase, announce
from voi.tracker.counters import OUTCOMES, RequestCounters
from voi.tracker.fast_announce import FastAnnounces
from voi.tracker.policy import Policy
from voi.tracker.tracker import Tracker

NONE = dict.fromkeys(OUTCOMES, 0)


def ordinary(left: int = 3) -> bytes:
    """A request as most are."""
    asked = query(left=left)
    return b"GET /" + KEY.encode() + b"/announce?" + asked + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class HttpTests(SynchronousTestCase):
    """Over HTTP."""

    def setUp(self) -> None:
        """A tracker with room for one peer."""
        self.tracker = Tracker(
            keys=FakeKeys(),
            own_peer=FakeOwnPeer(),
            clock=Clock(),
            random=Random(1),
            policy=Policy(most_peers=1, most_peers_of_terminal=5),
        )
        self.tracker.admit(HASH)

    def announce(self, key: str = KEY, host: str = "10.0.0.1", **changes: object) -> None:
        """Ask by the way of the web server."""
        self.tracker.announce(key, query(**changes), host, "10.0.0.254")

    def counted(self, **outcomes: int) -> None:
        """These and no others."""
        self.assertEqual(self.tracker.over_http.outcomes(), NONE | outcomes)
        self.assertEqual(self.tracker.over_udp.outcomes(), NONE)

    def test_each_outcome(self) -> None:
        """Causes of refusals are counted apart."""
        self.announce()
        self.announce(key="f" * 32)
        self.announce(info_hash=OTHER_HASH)
        self.announce(port=0)
        self.announce(port=7000, peer_id=b"x" * 20)
        self.counted(answered=1, unknown_key=1, unknown_torrent=1, malformed=1, full=1)

    def test_failure(self) -> None:
        """A fault of the server's own."""
        with mock.patch.object(self.tracker._table, "take_in", side_effect=ZeroDivisionError):
            self.announce()
        self.counted(failed=1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_short_way(self) -> None:
        """A peer that is recognised is counted like any other, once."""
        fast = FastAnnounces(self.tracker)
        with mock.patch.object(self.tracker, "announce", wraps=self.tracker.announce) as long_way:
            for _ in range(3):
                self.assertIsNotNone(fast.reply(ordinary(), "10.0.0.1", "10.0.0.254"))
        self.assertEqual(long_way.call_count, 1)
        self.counted(answered=3)

    def test_scrapes(self) -> None:
        """Scrapes are counted by themselves."""
        self.tracker.scrape(KEY, b"info_hash=" + b"%00" * 20)
        self.tracker.scrape("f" * 32, b"")
        self.assertEqual(self.tracker.scrapes_over_http.outcomes(), NONE | {"unknown_torrent": 1, "unknown_key": 1})
        self.counted()


class UdpTests(AnswerCase):
    """Over UDP."""

    def test_each_outcome(self) -> None:
        """First announces, recognised ones and refusals; a connection is none."""
        connection = self.connection()
        for _ in range(3):
            self.say(announce(connection))
        self.say(announce(connection, info_hash=OTHER_HASH))
        self.say(announce(connection, url=b"\2\2/x"))
        self.assertEqual(self.tracker.over_udp.outcomes(), NONE | {"answered": 3, "unknown_torrent": 1, "malformed": 1})
        self.assertEqual(self.tracker.over_http.outcomes(), NONE)

    def test_scrapes(self) -> None:
        """One that is answered, and one that asks for nothing."""
        connection = self.connection()
        self.say(connection + b"\0\0\0\2tran" + HASH)
        self.say(connection + b"\0\0\0\2tran")
        self.assertEqual(self.tracker.scrapes_over_udp.outcomes(), NONE | {"answered": 1, "malformed": 1})


class TotalTests(AnswerCase):
    """What is there now."""

    def test_totals(self) -> None:
        """Torrents and peers."""
        self.ask()
        self.assertEqual((self.tracker.swarm_count, self.tracker.peer_count), (1, 1))


class OutcomeTests(SynchronousTestCase):
    """The names."""

    def test_closed_set(self) -> None:
        """A tally has these counts and no room for another."""
        with self.assertRaises(AttributeError):
            RequestCounters().something = 1  # type: ignore[attr-defined]  # that is the point
