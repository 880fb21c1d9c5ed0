"""What administrators do with terminals besides commands: name, move, wake and forget them."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence

from voi.audit.log import AuditLog
from voi.domain.actors import Actor
from voi.domain.audit import AuditEntry, make_entry
from voi.errors import Conflict, UnknownTerminal
from voi.messages.reason import Reason
from voi.store.interfaces.rooms import Moved, Rooms
from voi.store.interfaces.terminals import Terminals
from voi.terminals.wake import Waker


class TerminalAdministration:
    """Changes of what the server knows of terminals.

    `online` has the MACs of those that are connected, `forget_key` is told the tracker keys of those forgotten; `now`
    is the time since the epoch.
    """

    def __init__(
        self,
        *,
        terminals: Terminals,
        rooms: Rooms,
        online: Container[str],
        waker: Waker,
        forget_key: Callable[[str], None],
        audit_log: AuditLog,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._terminals = terminals
        self._rooms = rooms
        self._online = online
        self._waker = waker
        self._forget_key = forget_key
        self._audit_log = audit_log
        self._now = now

    async def move(self, actor: Actor, macs: Sequence[str], room_id: int | None) -> list[str]:
        """Put terminals into a room by hand, or, with None, where their addresses say; those that changed.

        :raises UnknownTerminal: one of them never logged in; nothing is changed then.
        :raises NotFound: there is no such room.
        """

        def entry(moved: Moved) -> AuditEntry | None:
            if not moved.macs:
                return None
            if moved.room is None:
                return make_entry("terminal.released", actor, self._now(), macs=tuple(moved.macs))
            data = {"room": moved.room.name}
            return make_entry("terminal.moved", actor, self._now(), macs=tuple(moved.macs), data=data)

        return await self._rooms.move(macs, room_id, audit=entry)

    async def rename(self, actor: Actor, mac: str, name: str) -> bool:
        """Call a terminal something, or, with an empty name, nothing; whether it was called otherwise before.

        :raises UnknownTerminal: it never logged in.
        """

        def entry(old: str) -> AuditEntry | None:
            if old == name:
                return None
            kind = "terminal.renamed" if name else "terminal.unnamed"
            return make_entry(kind, actor, self._now(), mac=mac, data={"name": name, "old": old})

        return await self._rooms.rename(mac, name, audit=entry) != name

    async def forget(self, actor: Actor, macs: Sequence[str]) -> None:
        """Forget terminals that are off, with everything of theirs; all of them, or none.

        :raises UnknownTerminal: one of them never logged in.
        :raises Conflict: one of them is online, in an open rollout or upload, or has just logged in; says which.
        """
        known = {terminal.mac: terminal.last_seen for terminal in await self._terminals.some(macs)}
        for mac in macs:
            if mac not in known:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
            if mac in self._online:
                raise Conflict(Reason("is_online", mac=mac), field="macs")
        for key in await self._rooms.forget(
            {mac: known[mac] for mac in macs},
            audit=lambda _: make_entry("terminal.forgotten", actor, self._now(), macs=tuple(macs)),
        ):
            self._forget_key(key)

    async def wake(self, actor: Actor, macs: Sequence[str]) -> int:
        """Wake terminals with the magic packet; how many went out.

        :raises UnknownTerminal: one of them never logged in.
        :raises Conflict: no packet could be sent.
        """
        known = {terminal.mac for terminal in await self._terminals.some(macs)}
        for mac in macs:
            if mac not in known:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
        sent = await self._waker.wake(macs)
        if not sent:
            raise Conflict(Reason("no_broadcast"))
        await self._audit_log.note("terminal.woken", actor, macs=macs)
        return sent
