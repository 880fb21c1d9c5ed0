"""Routes of terminals, and of commands for them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from voi.domain.terminals import Terminal
from voi.errors import BadMac, Conflict, Malformed, NotFound, UnknownTerminal
from voi.store.commands import Commands
from voi.store.templates import Templates
from voi.store.terminals import Terminals
from voi.web.requests import CommandRequest, macs_of
from voi.web.resources import CommandAccepted, CommandView, TerminalList, TerminalView
from voi.web.routing import Route
from voi.web.seams import CommandDesk, Fleet
from voi.web.slices import in_parts
from voi.web.views import COMMANDS, command_view, terminal_view

_EXAMPLE: Final = {"command": "watermark", "macs": ["02:00:00:00:00:01"], "switch": 1}


class TerminalRoutes:
    """Who there is, what they have, and telling them what to do."""

    def __init__(
        self,
        *,
        terminals: Terminals,
        templates: Templates,
        commands: Commands,
        command_desk: CommandDesk,
        fleet: Fleet,
    ) -> None:
        self._terminals = terminals
        self._templates = templates
        self._commands = commands
        self._desk = command_desk
        self._fleet = fleet

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/terminals",
                handler=self.all,
                summary="Every terminal that ever logged in",
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
            Route(
                method="POST",
                path="/api/v1/commands",
                handler=self.give,
                summary="Give a command to terminals",
                body=CommandRequest,
                example=_EXAMPLE,
                answer=CommandAccepted,
                status=HTTPStatus.ACCEPTED,
                location="/api/v1/commands/{batch_no}",
                errors=(BadMac, UnknownTerminal, Conflict),
            ),
            Route(
                method="GET",
                path="/api/v1/commands/<number:batch_no>",
                handler=self.outcomes,
                summary="What became of a command, terminal by terminal",
                answer=CommandView,
                errors=(NotFound,),
            ),
        )

    async def all(self) -> TerminalList:
        """GET terminals."""
        terminals = await self._terminals.all()
        disks = await self._terminals.all_disks()
        published = {level.name for template in await self._templates.all() for level in template.levels}

        def view(terminal: Terminal) -> TerminalView:
            online = terminal.mac in self._fleet
            return terminal_view(terminal, disks.get(terminal.mac, ()), online=online, published=published)

        return TerminalList(await in_parts(view, terminals))

    async def one(self, mac: str) -> TerminalView:
        """GET terminals/{mac}."""
        terminal = await self._terminals.get(mac)
        if terminal is None:
            raise UnknownTerminal(f"{mac} never logged in")
        published = {level.name for template in await self._templates.all() for level in template.levels}
        disks = await self._terminals.disks(mac)
        return terminal_view(terminal, disks, online=mac in self._fleet, published=published)

    async def give(self, body: CommandRequest) -> CommandAccepted:
        """POST commands; nothing is sent to anybody if one of the MACs is not known."""
        fields = _fields(body)
        macs = macs_of(body.macs)
        known = [terminal.mac for terminal in await self._terminals.all()]
        if macs is None:
            if not known:
                raise Conflict("there is no terminal to send it to", field="macs")
            macs = known
        there = set(known)
        for mac in macs:
            if mac not in there:
                raise UnknownTerminal(f"{mac} never logged in", field="macs")
        command = await self._desk.give(COMMANDS[body.command], fields, macs)
        return CommandAccepted(command.batch_no)

    async def outcomes(self, batch_no: int) -> CommandView:
        """GET commands/{batch_no}."""
        command = await self._commands.get(batch_no)
        if command is None:
            raise NotFound(f"no command {batch_no}")
        return command_view(command)


def _fields(body: CommandRequest) -> dict[str, Any]:
    """The fields of the command on the wire."""
    if body.command != "watermark":
        if body.switch is not None:
            raise Malformed(f"switch: {body.command} has none", field="switch")
        return {}
    if body.switch is None:
        raise Malformed("switch: watermark needs 1 for on or 0 for off", field="switch")
    return {"switch": body.switch}
