"""Tests of voi.web.api.traffic."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.fakes import FakeSession, torrent_status
from voi.web.api.traffic import WINDOW, TrafficMeter


class TrafficTests(SynchronousTestCase):
    """Rates."""

    def setUp(self) -> None:
        """A meter."""
        self.now, self.fetched, self.seeding = 0.0, 0, FakeSession()
        self.meter = TrafficMeter(self.seeding, lambda: self.fetched, lambda: self.now)

    def pass_time(self, seconds: float, count: int) -> None:
        """So many bytes come in a while."""
        self.now += seconds
        self.fetched += count
        self.successResultOf(Deferred.fromCoroutine(self.meter.sample()))

    def test_swarm(self) -> None:
        """The rate is that of the last seconds; before there are two looks there is none."""
        self.assertEqual(self.meter.swarm, 0)
        self.pass_time(0, 0)
        self.assertEqual(self.meter.swarm, 0)
        self.pass_time(2, 1000)
        self.assertEqual(self.meter.swarm, 500)
        for _ in range(WINDOW):
            self.pass_time(2, 0)
        self.assertEqual(self.meter.swarm, 0)

    def test_server(self) -> None:
        """The server's rates are those of all its torrents."""
        self.seeding.states = {
            b"a": torrent_status(upload_rate=5, download_rate=1),
            b"b": torrent_status(upload_rate=6),
        }
        self.assertEqual((self.meter.server_out, self.meter.server_in), (11, 1))
