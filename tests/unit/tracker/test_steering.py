"""Tests of the decision which peers are told of which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.tracker.policy import Policy
from voi.tracker.steering import Mix, RoomRole, ServerState, Situation, bridges_wanted, leaders_wanted, steer

_SOME = st.integers(0, 200)
SERVED = (RoomRole.LEADER, RoomRole.STUCK)
"""Who is told of a server that has everything."""


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
            st.sampled_from(ServerState),
            st.sampled_from(RoomRole),
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
        self.assertLessEqual(far, policy.far_most if at.role is RoomRole.STUCK else policy.bridges)
        if at.role is RoomRole.MEMBER:
            self.assertEqual(far, 0)
        if not at.downloads:
            self.assertEqual((mix.near_giving, far), (0, 0))

    def test_the_servers_own(self) -> None:
        """The server's own peer is for leaders and peers without progress; as long as it downloads itself, for
        everybody.
        """

        def own(downloads: bool, role: RoomRole) -> list[bool]:
            return [steer(Situation(downloads, None, 1, 1, 1, 1, server, role), Policy()).own for server in ServerState]

        for role in RoomRole:
            self.assertEqual(own(True, role), [False, True, role in SERVED])
            self.assertEqual(own(False, role), [False, True, False])

    def test_other_rooms(self) -> None:
        """A bridge is told of one of another room, and one without progress of some, at least one of which gives."""
        for role, far in (
            (RoomRole.MEMBER, (0, 0)),
            (RoomRole.LEADER, (0, 0)),
            (RoomRole.BRIDGE, (1, 0)),
            (RoomRole.STUCK, (1, 7)),
        ):
            mix = steer(Situation(True, 50, 0, 100, 1, 99, ServerState.WHOLE, role), Policy(far_most=8))
            self.assertEqual((mix.far_giving, mix.far_downloading), far)
            self.assertEqual(mix.near_downloading, 50 - sum(far) - mix.own)

    def test_small_rooms(self) -> None:
        """Of a room too small for its bridges each is told of more, and where all lead, the leaders do."""
        policy = Policy(leaders=2, bridges=6)

        def far(terminals: int, role: RoomRole) -> int:
            at = Situation(True, 50, 0, terminals - 1, 0, 99, ServerState.WHOLE, role)
            return steer(at, policy).far_downloading

        self.assertEqual([far(terminals, RoomRole.BRIDGE) for terminals in (3, 4, 5, 6, 8, 9)], [6, 3, 2, 1, 1, 1])
        self.assertEqual([far(terminals, RoomRole.LEADER) for terminals in (1, 2, 3)], [6, 3, 0])

    def test_few_wanted(self) -> None:
        """A peer that wants few is told of other rooms with half of them at most, but for the last one."""
        found = []
        for numwant in (1, 2, 3, 9):
            mix = steer(Situation(True, numwant, 0, 99, 0, 99, ServerState.ABSENT, RoomRole.STUCK), Policy())
            found.append((mix.near_downloading, mix.far_downloading))
        self.assertEqual(found, [(0, 1), (1, 1), (1, 2), (4, 5)])

    def test_leaders(self) -> None:
        """A room that is all there is has its own number of leaders."""
        policy = Policy(leaders_alone=7, leaders=3)
        self.assertEqual([leaders_wanted(policy, alone=alone) for alone in (True, False)], [7, 3])

    def test_bridges(self) -> None:
        """A room has some bridges, and a big one a part of its terminals."""
        policy = Policy(bridges=3, bridging=0.13)
        self.assertEqual([bridges_wanted(policy, downloading) for downloading in (1, 8, 60, 250)], [3, 3, 8, 32])

    def test_none_wanted(self) -> None:
        """A peer that wants none gets none, not even the server's own peer."""
        for role in RoomRole:
            self.assertEqual(steer(Situation(True, 0, 9, 9, 9, 9, ServerState.WHOLE, role), Policy()), Mix())
