"""Which peers are told of which: how many of which kind are in one answer, and whether the server's own is.

The first copy of anything should leave the server once, and cross the uplink of a room once. So a room fetches it
through few: its **leaders** alone are told of the server, and its **bridges** each of a terminal of another room;
everybody else exchanges with its own room. Pieces differ from one to the other, for each sees what its neighbours have
and asks for what is rarest. Leading and bridging are for different terminals: what came in must go out again to the
room, and one upload carries only so much. As soon as somebody in the room has everything, nobody there needs the
server. Whoever still makes no progress is told of everybody: steering saves bytes, it must never cost a lesson.

One pure function from a small value to a small value; the table asks it for every answer, on every way in. All
numbers are of other peers in the swarm; the one that announces is never counted.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from voi.tracker.policy import Policy


class ServerState(IntEnum):
    """What the server's own peer has of a torrent."""

    ABSENT = 0
    """Nothing, or it does not listen."""
    PARTIAL = 1
    """Some of it; it still downloads."""
    WHOLE = 2
    """All of it: it is one of the seeds."""


class RoomRole(IntEnum):
    """What a peer is to its room."""

    __hash__ = int.__hash__  # plans are found by it at every announce, and an enumeration's own is a call into Python

    MEMBER = 0
    """Exchanges with its room."""
    LEADER = 1
    """Fetches from the server too."""
    BRIDGE = 2
    """Exchanges with other rooms too."""
    STUCK = 3
    """Gets nothing where it is."""


class Situation(NamedTuple):
    """What surrounds a peer that announces. Who gives has something and takes nothing: seeds, and the paused (BEP
    21).
    """

    downloads: bool
    """Whether the peer still takes something."""
    numwant: int | None
    """How many peers it asked for, None if it did not say."""
    near_giving: int
    near_downloading: int
    """Others in its room."""
    far_giving: int
    far_downloading: int
    """Others in all other rooms."""
    server: ServerState
    role: RoomRole = RoomRole.MEMBER


class Mix(NamedTuple):
    """What an answer is made of; each number is at most what there is."""

    near_giving: int = 0
    near_downloading: int = 0
    far_giving: int = 0
    far_downloading: int = 0
    own: bool = False
    """Whether the server's own peer is in it."""


_NOBODY = Mix()


def steer(at: Situation, policy: Policy) -> Mix:
    """Choose. Who downloads nothing is told only of those in its room who do: two seeds have nothing for each
    other, and what it has crosses no uplink unasked.
    """
    wanted = min(policy.numwant_default if at.numwant is None else at.numwant, policy.numwant_most)
    if wanted <= 0:
        return _NOBODY
    leads = at.role is RoomRole.LEADER or at.role is RoomRole.STUCK
    own = at.server is ServerState.PARTIAL or (at.server is ServerState.WHOLE and at.downloads and leads)
    wanted -= own
    if not at.downloads:
        return Mix(near_downloading=min(wanted, at.near_downloading), own=own)
    far = min(_far_most(at, policy), at.far_giving + at.far_downloading, -(-wanted // 2))
    near = min(wanted - far, at.near_giving + at.near_downloading)
    return Mix(*_share(near, at.near_giving, at.near_downloading), *_share(far, at.far_giving, at.far_downloading), own)


def _far_most(at: Situation, policy: Policy) -> int:
    """How many peers of other rooms a peer may be told of."""
    if at.role is RoomRole.STUCK:
        return policy.far_most
    if at.role is RoomRole.MEMBER:
        return 0
    # A small room has fewer terminals than bridges wanted: each is told of more, and where all lead, the leaders do.
    followers = at.near_downloading + 1 - policy.leaders
    if at.role is RoomRole.BRIDGE:
        return max(1, policy.bridges // max(1, followers))
    return policy.bridges // (at.near_downloading + 1) if followers <= 0 else 0


def bridges_wanted(policy: Policy, downloading: int) -> int:
    """How many bridges a room has, in which so many download."""
    return max(policy.bridges, round(policy.bridging * downloading))


def leaders_wanted(policy: Policy, *, alone: bool) -> int:
    """How many leaders a room has that has no seed yet; `alone` if nobody of the swarm is in another room."""
    return policy.leaders_alone if alone else policy.leaders


def _share(wanted: int, giving: int, downloading: int) -> tuple[int, int]:
    """Split `wanted` by how many there are of each kind, with at least one of those who give: there the seeds are."""
    if wanted <= 0:
        return 0, 0
    least = min(giving, max(1, wanted * giving // (giving + downloading))) if giving else 0
    others = min(downloading, wanted - least)
    return min(giving, wanted - others), others
