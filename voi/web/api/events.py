"""Routes of the audit log: what happened, who did it, from where."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from twisted.web.server import Request

from voi.errors import BadMac, UnknownTerminal
from voi.messages.reason import Reason
from voi.store.interfaces.audit import AuditEntries, AuditFilter
from voi.store.interfaces.terminals import Terminals
from voi.web.api.schemas.events import EventList
from voi.web.api.schemas.queries import EventExport, EventQuery, TerminalEventQuery
from voi.web.api.schemas.requests import mac_of
from voi.web.api.views import event_view, moment
from voi.web.http.csv import csv_rows
from voi.web.http.routing import Route
from voi.web.http.streaming import stream

AT_A_TIME: Final = 500
"""Entries read, and sent, in one part of an export: 100 KB."""

CSV: Final = "text/csv; charset=utf-8"
COLUMNS: Final = ("id", "time", "kind", "who", "from", "text", "mac", "rollout", "template")


class EventRoutes:
    """The audit log, to be read."""

    def __init__(self, *, events: AuditEntries, terminals: Terminals) -> None:
        self._events = events
        self._terminals = terminals

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/events",
                handler=self.some,
                summary="List events, by default newest first",
                query=EventQuery,
                answer=EventList,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/events.csv",
                handler=self.export,
                summary="The same events as a CSV table for spreadsheets, newest first",
                query=EventExport,
                answer=str,
                raw=True,
                media=CSV,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/terminals/<mac:mac>/events",
                handler=self.of_terminal,
                summary="The events about a terminal, by default newest first",
                query=TerminalEventQuery,
                answer=EventList,
                errors=(UnknownTerminal, BadMac),
            ),
        )

    async def some(self, query: EventQuery) -> EventList:
        """GET events."""
        return await self._list(replace(_filter(query), mac=_mac(query.mac)), query)

    async def of_terminal(self, mac: str, query: TerminalEventQuery) -> EventList:
        """GET terminals/{mac}/events."""
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac))
        return await self._list(replace(_filter(query), mac=mac), query)

    async def _list(self, wanted: AuditFilter, query: TerminalEventQuery) -> EventList:
        found = await self._events.find(
            replace(wanted, before=query.before), query.limit, offset=query.offset, oldest_first=query.sort == "time"
        )
        return EventList([event_view(event) for event in found], await self._events.count(wanted), query.offset)

    async def export(self, request: Request, query: EventExport) -> bytes:
        """GET events.csv; all are sent, as they are found."""
        parts = self._parts(replace(_filter(query), mac=_mac(query.mac)))
        return await stream(request, CSV, parts, filename="events.csv")

    async def _parts(self, wanted: AuditFilter) -> AsyncIterator[bytes]:
        yield csv_rows([COLUMNS], first=True)
        while found := await self._events.find(wanted, AT_A_TIME):
            yield csv_rows(
                [
                    (
                        x.id,
                        moment(x.time).isoformat(),
                        x.kind,
                        x.actor.text,
                        x.actor.address,
                        x.text,
                        x.mac,
                        x.rollout,
                        x.template,
                    )
                    for x in found
                ]
            )
            wanted = replace(wanted, before=found[-1].id)


def _mac(text: str | None) -> str | None:
    return None if text is None else mac_of(text, "mac")


def _filter(query: TerminalEventQuery | EventExport) -> AuditFilter:
    return AuditFilter(
        q=query.q.strip(),
        actor=query.who,
        kind=query.kind,
        since=None if query.since is None else query.since.timestamp(),
        until=None if query.until is None else query.until.timestamp(),
    )
