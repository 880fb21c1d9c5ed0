"""Routes of what administrators do with terminals besides commands: name, move, wake, forget them."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from voi.audit.log import AuditWriter
from voi.errors import BadMac, Conflict, Malformed, NotFound, UnknownTerminal
from voi.messages.reason import Reason
from voi.store.interfaces.rooms import Rooms
from voi.store.interfaces.terminals import Terminals
from voi.terminals.interfaces import Connections
from voi.terminals.wake import Waker
from voi.web.api.schemas.requests import TerminalChange, TerminalsRequest, macs_of, plain_name
from voi.web.api.schemas.terminals import Changed, Forgotten, Woken
from voi.web.http.caller import Caller
from voi.web.http.routing import Route

_MACS: Final = ["02:00:00:00:00:01"]


class ManagementRoutes:
    """Changes of what the server knows of terminals; `forget_key` is told the tracker keys of those forgotten."""

    def __init__(
        self,
        *,
        terminals: Terminals,
        rooms: Rooms,
        registry: Connections,
        waker: Waker,
        forget_key: Callable[[str], None],
        audit_log: AuditWriter,
    ) -> None:
        self._terminals = terminals
        self._rooms = rooms
        self._registry = registry
        self._waker = waker
        self._forget_key = forget_key
        self._audit_log = audit_log

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

    async def change(self, body: TerminalChange, actor: Caller) -> Changed:
        """PATCH terminals."""
        macs = macs_of(body.macs) or []
        if body.name is None and body.room is None:
            raise Malformed(Reason("name_or_room"))
        if body.name is not None and len(macs) != 1:
            raise Malformed(Reason("one_name_each"), field="name")
        changed: set[str] = set()
        if body.room is not None:
            changed |= await self._move(macs, body.room, actor)
        if body.name is not None:
            changed |= await self._rename(macs[0], body.name, actor)
        return Changed(len(changed))

    async def _move(self, macs: list[str], room_id: int, actor: Caller) -> set[str]:
        room = await self._rooms.get(room_id) if room_id else None
        moved = await self._rooms.move(macs, room_id or None)
        if moved and room is not None:
            await self._audit_log.note("terminal.moved", actor, macs=moved, room=room.name)
        elif moved:
            await self._audit_log.note("terminal.released", actor, macs=moved)
        return set(moved)

    async def _rename(self, mac: str, text: str, actor: Caller) -> set[str]:
        name = plain_name(text, "name") if text.strip() else ""
        old = await self._rooms.rename(mac, name)
        if old == name:
            return set()
        await self._audit_log.note(
            "terminal.renamed" if name else "terminal.unnamed", actor, mac=mac, name=name, old=old
        )
        return {mac}

    async def forget(self, body: TerminalsRequest, actor: Caller) -> Forgotten:
        """POST terminals/forget; all of them, or none."""
        macs = macs_of(body.macs) or []
        known = {terminal.mac: terminal.last_seen for terminal in await self._terminals.some(macs)}
        for mac in macs:
            if mac not in known:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
            if mac in self._registry:
                raise Conflict(Reason("is_online", mac=mac), field="macs")
        for key in await self._rooms.forget({mac: known[mac] for mac in macs}):
            self._forget_key(key)
        await self._audit_log.note("terminal.forgotten", actor, macs=macs)
        return Forgotten(len(macs))

    async def wake(self, body: TerminalsRequest, actor: Caller) -> Woken:
        """POST terminals/wake."""
        macs = macs_of(body.macs) or []
        known = {terminal.mac for terminal in await self._terminals.some(macs)}
        for mac in macs:
            if mac not in known:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
        sent = await self._waker.wake(macs)
        if not sent:
            raise Conflict(Reason("no_broadcast"))
        await self._audit_log.note("terminal.woken", actor, macs=macs)
        return Woken(sent)
