"""Peers whose pieces do not match: blocked where it is certain, never the server, forgiven, and told of."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, FakeSeeder
from voi.agent.bad_peers import BLOCK_SECONDS, LONGEST_PAUSE, MOST_BLOCKED, WRONG_ENOUGH, BadPeers
from voi.agent.reports import Active
from voi.messages.reason import Reason
from voi.seeding.alerts import PeerBanned, PieceFailed

KEY, SERVER, BAD, OTHER = b"k" * 20, "10.0.0.1", "10.0.0.7", "10.0.0.8"


class BadPeersTests(SynchronousTestCase):
    """One download, and what libtorrent says of its pieces."""

    def setUp(self) -> None:
        self.seeder, self.clock = FakeSeeder(), Clock()
        self.active = {KEY: Active(BASE, KEY, 1 << 20)}
        self.peers = BadPeers(self.seeder, self.clock, self.active, lambda: {SERVER})
        self.addCleanup(self.peers.stop)

    def failed(self, *senders: str) -> None:
        self.peers.piece_failed(PieceFailed(KEY, 0, senders))

    def banned(self, host: str) -> None:
        self.peers.banned(PeerBanned(KEY, host, 6881))

    def test_proven(self) -> None:
        """Who sent whole pieces that do not match is named with their count, and with many blocked for ten minutes."""
        for _ in range(WRONG_ENOUGH):
            self.assertEqual(self.seeder.blocked, frozenset())
            self.failed(BAD)
        self.assertEqual(self.seeder.blocked, {BAD})
        self.assertEqual(self.peers.why(KEY), Reason("pieces_wrong", peers=f"{BAD} (8)", count=8))
        self.clock.advance(BLOCK_SECONDS)
        self.assertEqual(self.seeder.blocked, frozenset())

    def test_shared_pieces(self) -> None:
        """Of a piece that several sent nobody is blocked or named: it may be any of them."""
        self.failed(BAD, OTHER)
        self.assertEqual((self.seeder.blocked, self.peers.why(KEY)), (frozenset(), ""))

    def test_first_ban(self) -> None:
        """A ban before enough has failed for one by points is for a piece of its sender's alone, and proves it."""
        self.banned(BAD)
        self.failed()
        self.assertEqual(self.peers.why(KEY), Reason("pieces_wrong", peers=f"{BAD} (1)", count=1))
        self.clock.advance(2)
        self.assertEqual(self.seeder.forgiven, [(KEY, BAD, 6881)])

    def test_blocked_is_not_asked(self) -> None:
        """Who is blocked is not asked again meanwhile, though a ban of it waited for that."""
        self.banned(BAD)
        for _ in range(WRONG_ENOUGH):
            self.failed(BAD)
        self.banned(BAD)
        self.clock.advance(60)
        self.assertEqual((self.seeder.blocked, self.seeder.forgiven), ({BAD}, []))

    def test_ban_by_points(self) -> None:
        """A later ban without proof is forgiven after a pause, which doubles each time up to a minute."""
        for _ in range(4):
            self.failed()
        for pause in (2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE):
            del self.seeder.forgiven[:]
            self.banned(OTHER)
            self.clock.advance(pause - 0.5)
            self.assertEqual(self.seeder.forgiven, [])
            self.clock.advance(0.5)
            self.assertEqual(self.seeder.forgiven, [(KEY, OTHER, 6881)])
        self.assertEqual((self.seeder.blocked, self.peers.why(KEY)), (frozenset(), ""))

    def test_server_by_points(self) -> None:
        """The server, banned for blocks of others, is asked again and not blamed."""
        for _ in range(4):
            self.failed(SERVER, BAD)
        self.banned(SERVER)
        self.clock.advance(2)
        self.assertEqual(self.seeder.forgiven, [(KEY, SERVER, 6881)])
        self.assertEqual(self.peers.why(KEY), "")

    def test_server_itself(self) -> None:
        """Wrong pieces of the server's own are said, with their count; it is asked again, and never blocked."""
        self.failed("::ffff:" + SERVER)
        self.failed(BAD)
        for _ in range(WRONG_ENOUGH):
            self.failed(SERVER)
        self.banned(SERVER)
        self.assertEqual(self.peers.why(KEY), Reason("server_pieces_wrong", count=WRONG_ENOUGH + 1))
        self.assertEqual(self.seeder.blocked, frozenset())
        self.clock.advance(2)
        self.assertEqual(self.seeder.forgiven, [(KEY, SERVER, 6881)])

    def test_believed_blocks(self) -> None:
        """A ban proves nothing where blocks of the file in its place were believed."""
        self.active[KEY].hinted = frozenset({0})
        self.banned(OTHER)
        self.assertEqual((self.seeder.blocked, self.peers.why(KEY)), (frozenset(), ""))
        self.clock.advance(2)
        self.assertEqual(self.seeder.forgiven, [(KEY, OTHER, 6881)])

    def test_most_blocked(self) -> None:
        """So many addresses are blocked at a time, and the oldest go first."""
        hosts = [f"10.1.0.{number}" for number in range(MOST_BLOCKED + 1)]
        for host in hosts:
            self.active[KEY] = Active(BASE, KEY, 1 << 20)  # another download: of one, as many are counted
            for _ in range(WRONG_ENOUGH):
                self.failed(host)
        self.assertEqual(self.seeder.blocked, set(hosts[1:]))

    def test_ended(self) -> None:
        """Of a download that has ended nothing is said or asked, and nothing is kept for the next of the same disk."""
        self.failed(SERVER)
        self.banned(SERVER)
        del self.active[KEY]
        self.assertEqual(self.peers.why(KEY), "")
        self.clock.advance(2)
        self.assertEqual(self.seeder.forgiven, [])
        self.active[KEY] = Active(BASE, KEY, 1 << 20)
        self.assertEqual(self.peers.why(KEY), "")
