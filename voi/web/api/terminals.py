"""Routes of terminals: who there is, what they have, where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import structs

from voi.domain.terminals import Terminal
from voi.errors import UnknownTerminal
from voi.messages.reason import Reason
from voi.names import canonical_uuid
from voi.rollouts.coordinator import RolloutCoordinator
from voi.store.interfaces.snapshots import TerminalSnapshots
from voi.store.interfaces.terminals import Terminals
from voi.tasks import made_in_turns
from voi.terminals.interfaces import Connections
from voi.web.api.schemas.requests import TerminalQuery
from voi.web.api.schemas.terminals import TerminalList, TerminalView
from voi.web.api.terminal_rows import Row, chosen, row_maker, sort_key
from voi.web.api.views import terminal_view
from voi.web.http.lists import in_order
from voi.web.http.routing import Route

UNSORTED: Final = TerminalQuery().sort
"""The order in which terminals are read."""


class TerminalRoutes:
    """Terminals as they are now."""

    def __init__(
        self,
        *,
        terminals: Terminals,
        snapshots: TerminalSnapshots,
        coordinator: RolloutCoordinator,
        registry: Connections,
    ) -> None:
        self._terminals = terminals
        self._snapshots = snapshots
        self._coordinator = coordinator
        self._registry = registry

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/terminals",
                handler=self.all,
                summary="List terminals that have ever logged in, all or those that match",
                query=TerminalQuery,
                answer=TerminalList,
            ),
            Route(
                method="GET",
                path="/api/v1/terminals/<mac:mac>",
                handler=self.one,
                summary="One terminal with its disks",
                answer=TerminalView,
                errors=(UnknownTerminal,),
            ),
        )

    async def all(self, query: TerminalQuery) -> TerminalList:
        """GET terminals."""
        image = None if query.image is None else canonical_uuid(query.image, "image")
        snapshot = await self._snapshots.read()
        rows = await made_in_turns(row_maker(snapshot, self._registry), snapshot.terminals)
        wanted = chosen(query, image)
        rows = [row for row, yes in zip(rows, await made_in_turns(wanted, rows), strict=True) if yes]
        if query.sort != UNSORTED:
            key = sort_key(query.sort.removeprefix("-"), {room.id: room.name for room in snapshot.rooms})
            rows = in_order(rows, await made_in_turns(key, rows), descending=query.sort.startswith("-"))

        page = rows[query.offset : query.offset + query.limit]
        names = await self._terminals.reported_names([row.terminal.mac for row in page]) if query.disks else {}

        def view(row: Row) -> TerminalView:
            return terminal_view(
                row,
                published=snapshot.catalogue.published,
                progress=self._coordinator.progress,
                disks=query.disks,
                names=names,
            )

        return TerminalList(await made_in_turns(view, page), len(rows), query.offset)

    async def some(self, macs: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
        """Some terminals as they are now, all but their disks, and which of these are not known (any more)."""
        snapshot = await self._snapshots.read(macs)
        make = row_maker(snapshot, self._registry)

        def view(terminal: Terminal) -> dict[str, Any]:
            found = terminal_view(make(terminal), published=(), progress=self._coordinator.progress, disks=False)
            return {name: value for name, value in structs.asdict(found).items() if name != "disks"}

        known = {terminal.mac for terminal in snapshot.terminals}
        return await made_in_turns(view, snapshot.terminals), [mac for mac in macs if mac not in known]

    async def one(self, mac: str) -> TerminalView:
        """GET terminals/{mac}."""
        snapshot = await self._snapshots.read([mac])
        if not snapshot.terminals:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac))
        row = row_maker(snapshot, self._registry)(snapshot.terminals[0])
        return terminal_view(
            row,
            published=snapshot.catalogue.published,
            progress=self._coordinator.progress,
            names=await self._terminals.reported_names([mac]),
        )
