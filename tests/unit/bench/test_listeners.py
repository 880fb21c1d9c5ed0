"""Tests of the pages that the `console` bench opens, and of what its terminals do in turn."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.fetchers import Round
from tests.bench.listeners import PAUSES, Page, pages


class PageTests(SynchronousTestCase):
    """What a page makes of its stream."""

    def page(self) -> Page:
        return Page(pages("overview", 1)[0], 80, "token")

    def test_names(self) -> None:
        """Events are known by their names, also where the network cuts them in two; data is no name."""
        page = self.page()
        self.assertEqual(page.data_received(b"retry: 2000\n\nevent: hello\ndata: {}\n\nevent: ter"), {"hello"})
        self.assertTrue(page.live)
        self.assertEqual(page.data_received(b'minals\ndata: ["event: gone"]\n\n'), {"terminals"})

    def test_reads_again(self) -> None:
        """What the page shows is read again when news are of that, and no sooner after the last time than it may."""
        page = self.page()
        page.read_at = 100.0
        page.news({"traffic"}, 101.0)
        self.assertFalse(page.takes_up(200.0))
        page.news({"terminals"}, 101.0)
        page.news({"terminals"}, 102.0)
        self.assertEqual([page.takes_up(now) for now in (109.9, 110.0, 110.1)], [False, True, False])
        page.news({"terminals"}, 150.0)
        self.assertTrue(page.takes_up(150.0))

    def test_lost(self) -> None:
        """Without its stream a page is not live, and waits longer after each failure, until it is live again."""
        page = self.page()
        page.data_received(b"event: hello\n")
        for _ in PAUSES:
            page.lost()
        self.assertEqual((page.live, page.failures), (False, len(PAUSES)))
        page.data_received(b"event: hello\n")
        self.assertEqual((page.live, page.failures), (True, 0))


class RoundTests(SynchronousTestCase):
    """What terminals do in turn."""

    def test_each_once(self) -> None:
        """Each acts once in the time of a round, spread over it, and again in the next."""
        acted: list[str] = []
        one = Round(["a", "b", "c", "d"], 2.0, acted.append, 100.0)  # type: ignore[list-item,arg-type]  # any will do
        for now, expected in ((100.0, ""), (101.0, "ab"), (102.1, "abcd"), (103.0, "abcdab")):
            one.go_on(now)
            self.assertEqual("".join(acted), expected)
