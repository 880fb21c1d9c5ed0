"""Routes of the journal: what happened, who did it, from where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from twisted.web.server import Request

from voi.errors import BadMac, UnknownTerminal
from voi.reasons import Reason
from voi.store.events import Events, Filter
from voi.store.terminals import Terminals
from voi.web.requests import EventQuery, mac_of
from voi.web.resources.events import EventList
from voi.web.routing import Route
from voi.web.streaming import stream
from voi.web.tables import csv_rows
from voi.web.views import event_view, moment

AT_A_TIME: Final = 500
"""Entries read, and sent, in one part of an export: 100 KB."""

CSV: Final = "text/csv; charset=utf-8"
COLUMNS: Final = ("id", "time", "kind", "who", "from", "text", "mac", "rollout", "template")


class EventRoutes:
    """The journal, to be read."""

    def __init__(self, *, events: Events, terminals: Terminals) -> None:
        self._events = events
        self._terminals = terminals

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/events",
                handler=self.some,
                summary="What happened, newest first",
                query=EventQuery,
                answer=EventList,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/events.csv",
                handler=self.export,
                summary="All of that as a table for a spreadsheet",
                query=EventQuery,
                answer=str,
                raw=True,
                media=CSV,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/terminals/<mac:mac>/events",
                handler=self.of_terminal,
                summary="What happened to a terminal, newest first",
                query=EventQuery,
                answer=EventList,
                errors=(UnknownTerminal, BadMac),
            ),
        )

    async def some(self, query: EventQuery) -> EventList:
        """GET events."""
        return await self._list(_filter(query), query.limit)

    async def of_terminal(self, mac: str, query: EventQuery) -> EventList:
        """GET terminals/{mac}/events."""
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac))
        return await self._list(replace(_filter(query), mac=mac), query.limit)

    async def _list(self, wanted: Filter, limit: int) -> EventList:
        found = await self._events.find(wanted, limit)
        total = await self._events.count(replace(wanted, before=None))
        return EventList([event_view(event) for event in found], total)

    async def export(self, request: Request, query: EventQuery) -> bytes:
        """GET events.csv; `limit` is of no matter, all are sent."""
        return await stream(request, CSV, self._parts(_filter(query)), filename="events.csv")

    async def _parts(self, wanted: Filter) -> AsyncIterator[bytes]:
        yield csv_rows([COLUMNS], first=True)
        while found := await self._events.find(wanted, AT_A_TIME):
            yield csv_rows(
                [
                    (x.id, moment(x.time).isoformat(), x.kind, x.who, x.origin, x.text, x.mac, x.rollout, x.template)
                    for x in found
                ]
            )
            wanted = replace(wanted, before=found[-1].id)


def _filter(query: EventQuery) -> Filter:
    return Filter(
        q=query.q.strip(),
        who=query.who,
        kind=query.kind,
        mac=None if query.mac is None else mac_of(query.mac, "mac"),
        since=None if query.since is None else query.since.timestamp(),
        until=None if query.until is None else query.until.timestamp(),
        before=query.before,
    )
