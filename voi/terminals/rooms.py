"""What administrators do with rooms: make, change and remove them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from voi.domain.actors import Actor
from voi.domain.audit import Audit, make_entry
from voi.domain.rooms import Network, Room
from voi.store.interfaces.rooms import Rooms


class RoomAdministration:
    """Changes of rooms; `now` is the time since the epoch."""

    def __init__(self, rooms: Rooms, now: Callable[[], float] = time.time) -> None:
        self._rooms = rooms
        self._now = now

    async def make(self, actor: Actor, name: str, subnets: Sequence[Network]) -> Room:
        """Make a room.

        :raises Conflict: its name or one of its subnets is another room's, or there are too many rooms.
        """
        return await self._rooms.add(name, subnets, self._now(), audit=self._told("room.made", actor))

    async def change(
        self, actor: Actor, room_id: int, *, name: str | None = None, subnets: Sequence[Network] | None = None
    ) -> Room:
        """Rename a room or give it other subnets; None leaves a value as it is.

        :raises NotFound: none has this number.
        :raises Conflict: the name or one of the subnets is another room's.
        """
        return await self._rooms.change(room_id, name=name, subnets=subnets, audit=self._told("room.changed", actor))

    async def remove(self, actor: Actor, room_id: int) -> Room:
        """Remove a room; terminals that were put into it by hand are where their addresses say again.

        :raises NotFound: none has this number.
        """
        return await self._rooms.remove(
            room_id, audit=lambda room: make_entry("room.removed", actor, self._now(), data={"name": room.name})
        )

    def _told(self, kind: str, actor: Actor) -> Audit[Room]:
        return lambda room: make_entry(
            kind,
            actor,
            self._now(),
            data={"name": room.name, "subnets": ", ".join(map(str, room.subnets)) or "-"},
        )
