"""Rooms with their subnets, and what administrators say of terminals: names, rooms by hand, and to forget them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.rooms import Network, Room

MOST_ROOMS: Final = 1000
"""Rooms of one server, so that a script that went wild cannot fill every list; the largest school has some hundred."""


class Moved(NamedTuple):
    """Terminals that stand elsewhere now, and the room that they were put into; None: where their addresses say."""

    macs: list[str]
    room: Room | None


class Rooms(Protocol):
    """All rooms. A subnet is one room's; those of a room come in the order of their addresses, each once.

    Whatever changes who stands where is told to the directory of rooms (`voi.domain.room_directory`) as soon as it is
    on disk, in that order, and before the caller gets its result.
    """

    def all(self) -> Deferred[list[Room]]:
        """All rooms by name, in any case."""

    def get(self, room_id: int) -> Deferred[Room | None]:
        """One room, or None."""

    def add(
        self, name: str, subnets: Sequence[Network], now: float, *, audit: Audit[Room] | None = None
    ) -> Deferred[Room]:
        """Make a room.

        :raises Conflict: its name (field `name`, in any case) or one of its subnets (field `subnets`) is another
            room's, or there are `MOST_ROOMS`.
        """

    def change(
        self,
        room_id: int,
        *,
        name: str | None,
        subnets: Sequence[Network] | None,
        audit: Audit[Room] | None = None,
    ) -> Deferred[Room]:
        """Rename a room or give it other subnets; None leaves a value as it is.

        :raises NotFound: none has this number.
        :raises Conflict: the name or one of the subnets is another room's.
        """

    def remove(self, room_id: int, *, audit: Audit[Room] | None = None) -> Deferred[Room]:
        """Remove a room; terminals that were put into it by hand stand where their addresses say again.

        :raises NotFound: none has this number.
        """

    def move(
        self, macs: Sequence[str], room_id: int | None, *, audit: Audit[Moved] | None = None
    ) -> Deferred[list[str]]:
        """Put terminals into a room by hand, or, with None, where their addresses say; those that changed, in order.

        :param audit: of these and their room.
        :raises UnknownTerminal: one of them never logged in; nothing is changed then.
        :raises NotFound: there is no such room.
        """

    def rename(self, mac: str, name: str, *, audit: Audit[str] | None = None) -> Deferred[str]:
        """Call a terminal something, or, with an empty name, nothing; what it was called before.

        :raises UnknownTerminal: it never logged in.
        """

    def forget(self, last_seen: Mapping[str, float], *, audit: Audit[list[str]] | None = None) -> Deferred[list[str]]:
        """Forget terminals with everything of theirs; gives the tracker keys that they had.

        `last_seen` has when each was last seen by what its caller knows: one that logged in since is not forgotten.
        Finished uploads stay: they are the history of templates.

        :raises UnknownTerminal: one of them never logged in; nobody is forgotten then.
        :raises Conflict: one of them is in an open rollout or upload, or has just logged in; says which.
        """
