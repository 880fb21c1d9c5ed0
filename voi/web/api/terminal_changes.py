"""Routes of what administrators do with terminals besides commands: name, move, wake, forget them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from voi.domain.actors import Actor
from voi.errors import BadMac, Conflict, Malformed, NotFound, UnknownTerminal
from voi.messages.reason import Reason
from voi.terminals.administration import TerminalAdministration
from voi.web.api.schemas.fields import macs_of, plain_name
from voi.web.api.schemas.terminals import Changed, Forgotten, TerminalChange, TerminalsRequest, Woken
from voi.web.http.routing import Route

_MACS: Final = ["02:00:00:00:00:01"]


class ManagementRoutes:
    """Changes of what the server knows of terminals."""

    def __init__(self, administration: TerminalAdministration) -> None:
        self._administration = administration

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="PATCH",
                path="/api/v1/terminals",
                handler=self.change,
                summary="Rename a terminal, or move terminals to a room",
                body=TerminalChange,
                example={"macs": _MACS, "name": "PC 7"},
                answer=Changed,
                errors=(BadMac, UnknownTerminal, NotFound),
            ),
            Route(
                method="POST",
                path="/api/v1/terminals/forget",
                handler=self.forget,
                summary="Forget terminals that are off, with their names and histories",
                body=TerminalsRequest,
                example={"macs": _MACS},
                answer=Forgotten,
                errors=(BadMac, UnknownTerminal, Conflict),
            ),
            Route(
                method="POST",
                path="/api/v1/terminals/wake",
                handler=self.wake,
                summary="Wake terminals with a magic packet on every network of the server",
                body=TerminalsRequest,
                example={"macs": _MACS},
                answer=Woken,
                status=HTTPStatus.ACCEPTED,
                errors=(BadMac, UnknownTerminal, Conflict),
            ),
        )

    async def change(self, body: TerminalChange, actor: Actor) -> Changed:
        """PATCH terminals."""
        macs = macs_of(body.macs) or []
        if body.name is None and body.room is None:
            raise Malformed(Reason("name_or_room"))
        if body.name is not None and len(macs) != 1:
            raise Malformed(Reason("one_name_each"), field="name")
        changed: set[str] = set()
        if body.room is not None:
            changed |= set(await self._administration.move(actor, macs, body.room or None))
        if body.name is not None:
            name = plain_name(body.name, "name") if body.name.strip() else ""
            if await self._administration.rename(actor, macs[0], name):
                changed.add(macs[0])
        return Changed(len(changed))

    async def forget(self, body: TerminalsRequest, actor: Actor) -> Forgotten:
        """POST terminals/forget; all of them, or none."""
        macs = macs_of(body.macs) or []
        await self._administration.forget(actor, macs)
        return Forgotten(len(macs))

    async def wake(self, body: TerminalsRequest, actor: Actor) -> Woken:
        """POST terminals/wake."""
        return Woken(await self._administration.wake(actor, macs_of(body.macs) or []))
