"""Tests of the decision who meets whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.tracker.policy import Policy
from voi.tracker.steering import Mix, Server, Situation, steer

_SOME = st.integers(0, 200)


class SteeringTests(SynchronousTestCase):
    """Situations and mixes."""

    @given(
        st.builds(
            Situation,
            st.booleans(),
            st.none() | st.integers(0, 300),
            _SOME,
            _SOME,
            _SOME,
            _SOME,
            st.sampled_from(Server),
        )
    )
    def test_within_what_there_is(self, at: Situation) -> None:
        """Nobody is promised who is not there, and never more than was asked for or is allowed."""
        policy = Policy()
        mix = steer(at, policy)
        for given_, there in zip(mix[:4], at[2:6], strict=True):
            self.assertTrue(0 <= given_ <= there)
        wanted = policy.numwant_default if at.numwant is None else at.numwant
        self.assertLessEqual(sum(mix), min(wanted, policy.numwant_most))
        if not at.downloads:
            self.assertEqual((mix.near_giving, mix.far_giving), (0, 0))

    def test_the_servers_own(self) -> None:
        """The server's own peer is for who downloads; as long as it downloads itself, for everybody."""

        def own(downloads: bool, server: Server) -> bool:
            return steer(Situation(downloads, None, 1, 1, 1, 1, server), Policy()).own

        found = [own(downloads, server) for downloads in (True, False) for server in Server]
        self.assertEqual(found, [False, True, True, False, True, False])

    def test_nobody_wanted(self) -> None:
        """Who wants nobody gets nobody, the server's own peer neither."""
        self.assertEqual(steer(Situation(True, 0, 9, 9, 9, 9, Server.WHOLE), Policy()), Mix())
