"""Routes of commands for terminals."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from voi.domain.actors import Actor
from voi.domain.commands import COMMANDS, CommandTable
from voi.errors import BadMac, Conflict, NotFound, UnknownTerminal
from voi.messages.reason import Reason
from voi.store.interfaces.commands import CommandFilter, Commands
from voi.store.interfaces.terminals import Terminals
from voi.terminals.commands import CommandDispatcher
from voi.web.api.command_views import CommandViews
from voi.web.api.schemas.commands import (
    CommandAccepted,
    CommandList,
    CommandQuery,
    CommandRequest,
    CommandSchemas,
    CommandView,
    TerminalCommandQuery,
    TerminalCommands,
)
from voi.web.api.schemas.fields import mac_of, macs_of
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
        table: CommandTable = COMMANDS,
    ) -> None:
        self._terminals = terminals
        self._commands = commands
        self._dispatcher = command_dispatcher
        self._table = table
        self._schemas = CommandSchemas(table)
        self._views = CommandViews(table, self._schemas)

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="POST",
                path="/api/v1/commands",
                handler=self.give,
                summary="Send a command to terminals",
                body=self._schemas.request,
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
                query=self._schemas.query,
                answer=self._schemas.list,
                errors=(BadMac,),
            ),
            Route(
                method="GET",
                path="/api/v1/commands/<number:batch_no>",
                handler=self.outcomes,
                summary="The result of a command at each terminal",
                answer=self._schemas.view,
                errors=(NotFound,),
            ),
            Route(
                method="GET",
                path="/api/v1/terminals/<mac:mac>/commands",
                handler=self.of_terminal,
                summary="The commands for a terminal and their results, by default newest first",
                query=self._schemas.terminal_query,
                answer=self._schemas.of_terminal,
                errors=(UnknownTerminal,),
            ),
        )

    async def give(self, body: CommandRequest, actor: Actor) -> CommandAccepted:
        """POST commands; nothing is sent to anybody if one of the MACs is not known."""
        given = {name: getattr(body, name) for name in self._table.fields}
        command = await self._dispatcher.give(actor, self._table[body.command], given, macs_of(body.macs))
        return CommandAccepted(command.batch_no)

    async def all(self, query: CommandQuery) -> CommandList:
        """GET commands."""
        mac = None if query.mac is None else mac_of(query.mac, "mac")
        found, total = await self._commands.find(
            self._filter(query, mac), sort=query.sort, limit=query.limit, offset=query.offset
        )
        shown = [self._views.summary(counted) for counted in found]
        return self._schemas.list(commands=shown, total=total, offset=query.offset)

    async def outcomes(self, batch_no: int) -> CommandView:
        """GET commands/{batch_no}."""
        command = await self._commands.get(batch_no)
        if command is None:
            raise NotFound(Reason("no_command", number=batch_no))
        return self._views.view(command)

    async def of_terminal(self, mac: str, query: TerminalCommandQuery) -> TerminalCommands:
        """GET terminals/{mac}/commands."""
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac))
        wanted = replace(self._filter(query), state=query.state)
        found, total = await self._commands.of_terminal(
            mac, query.limit, wanted=wanted, sort=query.sort, offset=query.offset
        )
        shown = [self._views.of_terminal(command) for command in found]
        return self._schemas.of_terminal(commands=shown, total=total, offset=query.offset)

    def _filter(self, query: CommandQuery | TerminalCommandQuery, mac: str | None = None) -> CommandFilter:
        q = query.q.strip().casefold()
        code = None if query.command is None else self._table[query.command].code
        return CommandFilter(q=q, codes=self._table.codes_with(q), code=code, mac=mac)
