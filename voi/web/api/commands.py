"""Routes of commands for terminals."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from voi.audit.log import AuditWriter
from voi.errors import BadMac, Conflict, Malformed, NotFound, UnknownTerminal
from voi.messages.reason import Reason
from voi.store.interfaces.commands import CommandFilter, Commands
from voi.store.interfaces.terminals import Terminals
from voi.terminals.commands import CommandDispatcher
from voi.terminals.interfaces import Connections
from voi.web.api.schemas.commands import CommandAccepted, CommandList, CommandView, TerminalCommands
from voi.web.api.schemas.queries import CommandQuery, TerminalCommandQuery
from voi.web.api.schemas.requests import CommandRequest, mac_of, macs_of
from voi.web.api.views import COMMAND_NAMES, COMMANDS, command_summary, command_view, terminal_command
from voi.web.http.caller import Caller
from voi.web.http.routing import Route

_EXAMPLE: Final = {"command": "watermark", "macs": ["02:00:00:00:00:01"], "switch": 1}


class CommandRoutes:
    """Telling terminals what to do, and what became of it."""

    def __init__(
        self,
        *,
        terminals: Terminals,
        commands: Commands,
        command_dispatcher: CommandDispatcher,
        registry: Connections,
        audit_log: AuditWriter,
    ) -> None:
        self._terminals = terminals
        self._registry = registry
        self._commands = commands
        self._desk = command_dispatcher
        self._audit_log = audit_log

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="POST",
                path="/api/v1/commands",
                handler=self.give,
                summary="Send a command to terminals",
                body=CommandRequest,
                example=_EXAMPLE,
                answer=CommandAccepted,
                status=HTTPStatus.ACCEPTED,
                location="/api/v1/commands/{batch_no}",
                errors=(BadMac, UnknownTerminal, Conflict),
            ),
            Route(
                method="GET",
                path="/api/v1/commands",
                handler=self.all,
                summary="List commands, by default newest first, with how many terminals are in each state",
                query=CommandQuery,
                answer=CommandList,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/commands/<number:batch_no>",
                handler=self.outcomes,
                summary="The result of a command at each terminal",
                answer=CommandView,
                errors=(NotFound,),
            ),
            Route(
                method="GET",
                path="/api/v1/terminals/<mac:mac>/commands",
                handler=self.of_terminal,
                summary="The commands for a terminal and their results, by default newest first",
                query=TerminalCommandQuery,
                answer=TerminalCommands,
                errors=(UnknownTerminal,),
            ),
        )

    async def give(self, body: CommandRequest, actor: Caller) -> CommandAccepted:
        """POST commands; nothing is sent to anybody if one of the MACs is not known."""
        fields = _fields(body)
        macs = macs_of(body.macs)
        known = [terminal.mac for terminal in await self._terminals.some(macs)]
        if macs is None:
            if not known:
                raise Conflict(Reason("no_terminal"), field="macs")
            macs = known
        there = set(known)
        for mac in macs:
            if mac not in there:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
        sent = sum(mac in self._registry for mac in macs)
        command = await self._desk.give(COMMANDS[body.command], fields, macs)
        switched = {None: "", 0: "_off", 1: "_on"}[body.switch]
        await self._audit_log.note(
            f"command.{body.command}{switched}",
            actor,
            macs=macs,
            batch_no=command.batch_no,
            sent=sent,
            waiting=len(macs) - sent,
        )
        return CommandAccepted(command.batch_no)

    async def all(self, query: CommandQuery) -> CommandList:
        """GET commands."""
        mac = None if query.mac is None else mac_of(query.mac, "mac")
        found, total = await self._commands.find(
            _filter(query, mac), sort=query.sort, limit=query.limit, offset=query.offset
        )
        return CommandList([command_summary(counted) for counted in found], total, query.offset)

    async def outcomes(self, batch_no: int) -> CommandView:
        """GET commands/{batch_no}."""
        command = await self._commands.get(batch_no)
        if command is None:
            raise NotFound(Reason("no_command", number=batch_no))
        return command_view(command)

    async def of_terminal(self, mac: str, query: TerminalCommandQuery) -> TerminalCommands:
        """GET terminals/{mac}/commands."""
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac))
        wanted = replace(_filter(query), state=query.state)
        found, total = await self._commands.of_terminal(
            mac, query.limit, wanted=wanted, sort=query.sort, offset=query.offset
        )
        return TerminalCommands([terminal_command(command) for command in found], total, query.offset)


def _filter(query: CommandQuery | TerminalCommandQuery, mac: str | None = None) -> CommandFilter:
    q = query.q.strip().casefold()
    codes = [code for code, name in COMMAND_NAMES.items() if q in name]
    code = next((code for code, name in COMMAND_NAMES.items() if name == query.command), None)
    return CommandFilter(q=q, codes=codes, code=code, mac=mac)


def _fields(body: CommandRequest) -> dict[str, Any]:
    """The fields of the command on the wire."""
    if body.command != "watermark":
        if body.switch is not None:
            raise Malformed(Reason("no_switch", command=body.command), field="switch")
        return {}
    if body.switch is None:
        raise Malformed(Reason("which_switch"), field="switch")
    return {"switch": body.switch}
