"""Tests of the decision who meets whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.tracker.policy import Policy
from voi.tracker.steering import Mix, Role, Server, Situation, leaders_wanted, steer

_SOME = st.integers(0, 200)
FAR = (Role.BRIDGE, Role.STUCK)
"""Who is told of other rooms."""


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
            st.sampled_from(Role),
            _SOME,
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
        far = mix.far_giving + mix.far_downloading
        self.assertLessEqual(far, policy.far_most)
        if at.role not in FAR:
            self.assertEqual(far, 0)
        if not at.downloads:
            self.assertEqual((mix.near_giving, far), (0, 0))

    def test_the_servers_own(self) -> None:
        """The server's own peer is for who leads or stands still; as long as it downloads itself, for everybody."""

        def own(downloads: bool, role: Role) -> list[bool]:
            return [steer(Situation(downloads, None, 1, 1, 1, 1, server, role), Policy()).own for server in Server]

        for role in Role:
            self.assertEqual(own(True, role), [False, True, role is not Role.MEMBER])
            self.assertEqual(own(False, role), [False, True, False])

    def test_other_rooms(self) -> None:
        """Only the bridge and who stands still are told of other rooms: some, with one at least who gives there."""
        for role in Role:
            mix = steer(Situation(True, 50, 0, 100, 1, 99, Server.WHOLE, role, 8), Policy(far_most=8))
            far = (1, 7) if role in FAR else (0, 0)
            self.assertEqual((mix.far_giving, mix.far_downloading), far)
            self.assertEqual(mix.near_downloading, 50 - sum(far) - mix.own)

    def test_one_of_each_other_room(self) -> None:
        """A bridge is told of about one of each other room: more would fetch the same over its uplink twice."""
        mix = steer(Situation(True, 50, 0, 7, 0, 24, Server.WHOLE, Role.BRIDGE, 3), Policy())
        self.assertEqual(mix.far_downloading, 3)

    def test_few_wanted(self) -> None:
        """Who wants few is told of other rooms with half of them at most, but for the last one."""
        found = []
        for numwant in (1, 2, 3, 9):
            mix = steer(Situation(True, numwant, 0, 99, 0, 99, Server.ABSENT, Role.BRIDGE, 99), Policy())
            found.append((mix.near_downloading, mix.far_downloading))
        self.assertEqual(found, [(0, 1), (1, 1), (1, 2), (4, 5)])

    def test_leaders(self) -> None:
        """A room that is all there is has its own number of leaders."""
        policy = Policy(leaders_alone=7, leaders=3)
        self.assertEqual([leaders_wanted(policy, alone=alone) for alone in (True, False)], [7, 3])

    def test_nobody_wanted(self) -> None:
        """Who wants nobody gets nobody, the server's own peer neither."""
        for role in Role:
            self.assertEqual(steer(Situation(True, 0, 9, 9, 9, 9, Server.WHOLE, role), Policy()), Mix())
