"""Routes of rooms."""

from __future__ import annotations

import time
from collections import Counter
from http import HTTPStatus
from typing import Final

from voi.domain.rooms import Room, proposals
from voi.errors import Conflict, Malformed, NotFound
from voi.reasons import Reason
from voi.store.journal import Notes
from voi.store.rooms import Rooms
from voi.store.roster import Roster, Rosters
from voi.web.actor import Actor
from voi.web.requests import RoomChange, RoomRequest, plain_name, subnets_of
from voi.web.resources.rooms import ProposalView, RoomList, RoomView
from voi.web.routing import Route
from voi.web.rows import Row, row_maker
from voi.web.seams import Fleet
from voi.web.slices import in_parts
from voi.web.views import room_view

_EXAMPLE: Final = {"name": "Room 3", "subnets": ["10.0.3.0/24"]}


class RoomRoutes:
    """Rooms by subnet, made by hand or out of what is proposed."""

    def __init__(self, *, rooms: Rooms, rosters: Rosters, fleet: Fleet, journal: Notes) -> None:
        self._rooms = rooms
        self._rosters = rosters
        self._fleet = fleet
        self._journal = journal

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/rooms",
                handler=self.all,
                summary="All rooms, and those that terminals' addresses propose",
                answer=RoomList,
            ),
            Route(
                method="POST",
                path="/api/v1/rooms",
                handler=self.make,
                summary="Make a room",
                body=RoomRequest,
                example=_EXAMPLE,
                answer=RoomView,
                status=HTTPStatus.CREATED,
                errors=(Conflict,),
            ),
            Route(
                method="PATCH",
                path="/api/v1/rooms/<number:room_id>",
                handler=self.change,
                summary="Rename a room, or give it other subnets",
                body=RoomChange,
                example=_EXAMPLE,
                answer=RoomView,
                errors=(NotFound, Conflict),
            ),
            Route(
                method="DELETE",
                path="/api/v1/rooms/<number:room_id>",
                handler=self.remove,
                summary="Remove a room; its terminals stand where their addresses say",
                answer=RoomView,
                errors=(NotFound,),
            ),
        )

    async def all(self) -> RoomList:
        """GET rooms."""
        roster = await self._rosters.read()
        rows = await in_parts(row_maker(roster, self._fleet), roster.terminals)
        total, online = room_counts(rows)
        # Terminals that were put somewhere by hand need no room of their addresses.
        seen = (row.terminal.ip for row in rows if row.room is None)
        return RoomList(
            [room_view(room, online=online[room.id], total=total[room.id]) for room in roster.rooms],
            total[None],
            [ProposalView(x.name, str(x.subnet), x.count) for x in proposals(seen, roster.rooms)],
        )

    async def make(self, body: RoomRequest, actor: Actor) -> RoomView:
        """POST rooms."""
        room = await self._rooms.add(plain_name(body.name, "name"), subnets_of(body.subnets), time.time())
        return await self._changed("room.made", room, actor)

    async def change(self, room_id: int, body: RoomChange, actor: Actor) -> RoomView:
        """PATCH rooms/{id}."""
        if body.name is None and body.subnets is None:
            raise Malformed(Reason("name_or_subnets"))
        name = None if body.name is None else plain_name(body.name, "name")
        subnets = None if body.subnets is None else subnets_of(body.subnets)
        room = await self._rooms.change(room_id, name=name, subnets=subnets)
        return await self._changed("room.changed", room, actor)

    async def remove(self, room_id: int, actor: Actor) -> RoomView:
        """DELETE rooms/{id}."""
        view = await self._view(await self._rooms.get(room_id), room_id)
        room = await self._rooms.remove(room_id)
        await self._journal.note("room.removed", actor, name=room.name)
        return view

    async def _changed(self, kind: str, room: Room, actor: Actor) -> RoomView:
        await self._journal.note(kind, actor, name=room.name, subnets=", ".join(map(str, room.subnets)) or "-")
        return await self._view(room, room.id)

    async def _view(self, room: Room | None, room_id: int) -> RoomView:
        if room is None:
            raise NotFound(Reason("no_room", number=room_id))
        roster: Roster = await self._rosters.read()
        total, online = room_counts(await in_parts(row_maker(roster, self._fleet), roster.terminals))
        return room_view(room, online=online[room_id], total=total[room_id])


def room_counts(rows: list[Row]) -> tuple[Counter[int | None], Counter[int | None]]:
    """How many terminals stand in each room, all and online; None is those in none."""
    total = Counter(row.room for row in rows)
    online = Counter(row.room for row in rows if row.online)
    return total, online
