"""Who meets whom: how many peers of which kind one answer introduces, and whether the server's own is among them.

One pure function from a small value to a small value; the table asks it for every answer, on every way in. All
numbers are of peers in one swarm as the asker stands in it; the asker itself is never counted.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from voi.tracker.policy import Policy


class Server(IntEnum):
    """What the server's own peer has of a torrent."""

    ABSENT = 0
    """Nothing, or it does not listen."""
    PARTIAL = 1
    """Some of it; it still downloads."""
    WHOLE = 2
    """All of it: it is one of the seeds."""


class Situation(NamedTuple):
    """One asker's surroundings. Who gives has something and takes nothing: seeds, and the paused (BEP 21)."""

    downloads: bool
    """Whether the asker still takes something."""
    numwant: int | None
    """How many peers it asked for, None if it did not say."""
    near_giving: int
    near_downloading: int
    """Others in the asker's room."""
    far_giving: int
    far_downloading: int
    """Others in all other rooms."""
    server: Server


class Mix(NamedTuple):
    """What an answer is made of; each number is at most what there is."""

    near_giving: int = 0
    near_downloading: int = 0
    far_giving: int = 0
    far_downloading: int = 0
    own: bool = False
    """Whether the server's own peer is introduced."""


_NOBODY = Mix()


def steer(at: Situation, policy: Policy) -> Mix:
    """Choose: the asker's room first, then some of others, the server's own peer wherever it is of use.

    Who downloads nothing is told only of those who do: two seeds have nothing to say to each other.
    """
    wanted = min(policy.numwant_default if at.numwant is None else at.numwant, policy.numwant_most)
    if wanted <= 0:
        return _NOBODY
    own = at.server is Server.PARTIAL or (at.server is Server.WHOLE and at.downloads)
    wanted -= own
    near_giving, far_giving = (at.near_giving, at.far_giving) if at.downloads else (0, 0)
    kept = min(policy.far_least, far_giving + at.far_downloading, wanted // policy.far_share)
    near = min(wanted - kept, near_giving + at.near_downloading)
    far = min(max(kept, policy.enough - near), wanted - near)
    return Mix(*_share(near, near_giving, at.near_downloading), *_share(far, far_giving, at.far_downloading), own)


def _share(wanted: int, giving: int, downloading: int) -> tuple[int, int]:
    """Split `wanted` by how many there are of each kind, with at least one of those who give: there the seeds are."""
    if wanted <= 0:
        return 0, 0
    least = min(giving, max(1, wanted * giving // (giving + downloading))) if giving else 0
    others = min(downloading, wanted - least)
    return min(giving, wanted - others), others
