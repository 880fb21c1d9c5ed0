"""Routes of rooms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from voi.domain.actors import Actor
from voi.domain.rooms import Room, proposals
from voi.domain.snapshots import TerminalSnapshot
from voi.errors import Conflict, Malformed, NotFound
from voi.messages.reason import Reason
from voi.store.interfaces.rooms import Rooms
from voi.store.interfaces.snapshots import TerminalSnapshots
from voi.tasks import made_in_turns
from voi.terminals.interfaces import Connections
from voi.terminals.rooms import RoomAdministration
from voi.web.api.schemas.queries import RoomQuery
from voi.web.api.schemas.requests import RoomChange, RoomRequest, plain_name, subnets_of
from voi.web.api.schemas.rooms import ProposalView, RoomList, RoomView
from voi.web.api.terminal_rows import Row, row_maker
from voi.web.api.views import room_view
from voi.web.http.lists import natural, page
from voi.web.http.routing import Route

_EXAMPLE: Final = {"name": "Room 3", "subnets": ["10.0.3.0/24"]}

_COLUMNS: Final[Mapping[str, Callable[[RoomView], Any]]] = {
    "name": lambda view: natural(view.name),
    "total": lambda view: view.total,
    "online": lambda view: view.online,
}


class RoomRoutes:
    """Rooms by subnet, made by hand or out of what is proposed."""

    def __init__(
        self,
        *,
        rooms: Rooms,
        administration: RoomAdministration,
        snapshots: TerminalSnapshots,
        registry: Connections,
    ) -> None:
        self._rooms = rooms
        self._administration = administration
        self._snapshots = snapshots
        self._registry = registry

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/rooms",
                handler=self.all,
                summary="List rooms, all or those that match, and rooms proposed from the addresses of terminals",
                query=RoomQuery,
                answer=RoomList,
            ),
            Route(
                method="POST",
                path="/api/v1/rooms",
                handler=self.make,
                summary="Create a room",
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
                summary="Change the name or the subnets of a room",
                body=RoomChange,
                example=_EXAMPLE,
                answer=RoomView,
                errors=(NotFound, Conflict),
            ),
            Route(
                method="DELETE",
                path="/api/v1/rooms/<number:room_id>",
                handler=self.remove,
                summary="Delete a room; its terminals go to the rooms that match their addresses",
                answer=RoomView,
                errors=(NotFound,),
            ),
        )

    async def all(self, query: RoomQuery) -> RoomList:
        """GET rooms."""
        snapshot = await self._snapshots.read()
        rows = await made_in_turns(row_maker(snapshot, self._registry), snapshot.terminals)
        total, online = room_counts(rows)
        # Terminals that were put somewhere by hand need no room of their addresses.
        seen = (row.terminal.ip for row in rows if row.room is None)
        views = [room_view(room, online=online[room.id], total=total[room.id]) for room in snapshot.rooms]
        found, count = page(views, query, texts=lambda view: (view.name, *view.subnets), columns=_COLUMNS)
        return RoomList(
            found,
            count,
            query.offset,
            total[None],
            [ProposalView(x.name, str(x.subnet), x.count) for x in proposals(seen, snapshot.rooms)],
        )

    async def make(self, body: RoomRequest, actor: Actor) -> RoomView:
        """POST rooms."""
        room = await self._administration.make(actor, plain_name(body.name, "name"), subnets_of(body.subnets))
        return await self._view(room, room.id)

    async def change(self, room_id: int, body: RoomChange, actor: Actor) -> RoomView:
        """PATCH rooms/{id}."""
        if body.name is None and body.subnets is None:
            raise Malformed(Reason("name_or_subnets"))
        name = None if body.name is None else plain_name(body.name, "name")
        subnets = None if body.subnets is None else subnets_of(body.subnets)
        room = await self._administration.change(actor, room_id, name=name, subnets=subnets)
        return await self._view(room, room.id)

    async def remove(self, room_id: int, actor: Actor) -> RoomView:
        """DELETE rooms/{id}."""
        view = await self._view(await self._rooms.get(room_id), room_id)
        await self._administration.remove(actor, room_id)
        return view

    async def _view(self, room: Room | None, room_id: int) -> RoomView:
        if room is None:
            raise NotFound(Reason("no_room", number=room_id))
        snapshot: TerminalSnapshot = await self._snapshots.read()
        total, online = room_counts(await made_in_turns(row_maker(snapshot, self._registry), snapshot.terminals))
        return room_view(room, online=online[room_id], total=total[room_id])


def room_counts(rows: list[Row]) -> tuple[Counter[int | None], Counter[int | None]]:
    """How many terminals stand in each room, all and online; None is those in none."""
    total = Counter(row.room for row in rows)
    online = Counter(row.room for row in rows if row.online)
    return total, online
