"""Tests of announces that come before their torrent."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.tracker.fakes import HASH, MAC, OTHER_HASH, request
from voi.tracker import early
from voi.tracker.early import EarlyAnnounce, EarlyAnnounces


def said(number: int = 1, host: str = "10.0.0.1", at: float = 0.0, info_hash: bytes = HASH) -> EarlyAnnounce:
    """What client `number` said; its port tells its number."""
    return EarlyAnnounce(MAC, host, request(number, port=number, info_hash=info_hash), at)


class EarlyTests(SynchronousTestCase):
    """What is remembered, and for how long."""

    def setUp(self) -> None:
        self.early = EarlyAnnounces()

    def test_once(self) -> None:
        """What is taken is forgotten, and other torrents stay."""
        for info_hash in (HASH, OTHER_HASH):
            self.early.note(said(info_hash=info_hash))
        self.assertEqual(self.early.take(HASH, 1.0), [said()])
        self.assertEqual(self.early.take(HASH, 1.0), [])
        self.assertEqual(len(self.early), 1)

    def test_the_latest(self) -> None:
        """A client that announces again is remembered as it was then."""
        for at in (0.0, 50.0):
            self.early.note(said(at=at))
        self.assertEqual(self.early.take(HASH, 100.0), [said(at=50.0)])

    def test_bound_of_an_address(self) -> None:
        """One address takes no more than its share, of which the latest stay; others keep theirs."""
        self.patch(early, "MOST_OF_HOST", 3)
        self.early.note(said(99, host="10.0.0.2"))
        for number in range(1, 10):
            self.early.note(said(number))
        self.assertEqual([x.request.port for x in self.early.take(HASH, 1.0)], [99, 7, 8, 9])
        self.assertEqual((len(self.early), self.early._of_host), (0, {}))

    def test_bound_of_all(self) -> None:
        """All together are no more than some, of which the latest stay."""
        self.patch(early, "MOST", 3)
        for number in range(1, 10):
            self.early.note(said(number, host=f"10.0.0.{number}"))
        self.assertEqual(len(self.early._of_host), 3)
        self.assertEqual([x.request.port for x in self.early.take(HASH, 1.0)], [7, 8, 9])

    def test_clock_set_back(self) -> None:
        """What was said in the future is not believed."""
        self.early.note(said(at=50.0))
        self.assertEqual(self.early.take(HASH, 10.0), [])
