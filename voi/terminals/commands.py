"""Commands that administrators give: written down, sent, answered; or waiting for a terminal's login."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from voi.errors import NoAnswer, TerminalOffline, VoiError
from voi.store.commands import Command, Commands
from voi.terminals.fleet import Fleet
from voi.wire.codes import Code

log = Logger()

WAITING_CODES: Final = frozenset({Code.WATERMARK, Code.CANCEL_SEND})
"""Settings hold until they are changed, so they wait for a terminal that is off; a restart of yesterday does not."""


class CommandDesk:
    """Sends commands to many terminals and remembers what each one answered."""

    def __init__(self, commands: Commands, fleet: Fleet) -> None:
        self._commands = commands
        self._fleet = fleet
        fleet.online.append(self._came)

    async def recover(self) -> None:
        """After a start: what was under way and does not wait has failed."""
        count = await self._commands.give_up_unfinished(
            "the server was restarted before the terminal answered", time.time()
        )
        if count:
            log.info("{count} commands were cut off by the last stop", count=count)

    async def give(self, code: Code, fields: Mapping[str, Any], macs: Iterable[str]) -> Command:
        """Give a command to terminals; returns as soon as it is written down."""
        waits = code in WAITING_CODES
        command = await self._commands.begin(code, fields, macs, waits=waits, now=time.time())
        self.send(command)
        return command

    def send(self, command: Command) -> None:
        """Send a command that is written down to all its terminals."""
        for outcome in command.outcomes:
            self._start(command, outcome.mac)

    def _came(self, mac: str) -> None:
        Deferred.fromCoroutine(self._send_waiting(mac)).addErrback(
            lambda failure: log.failure("commands that wait for {mac}", failure, mac=mac)
        )

    async def _send_waiting(self, mac: str) -> None:
        for command in await self._commands.waiting_for(mac):
            await self._send(command, mac)

    def _start(self, command: Command, mac: str) -> None:
        Deferred.fromCoroutine(self._send(command, mac)).addErrback(
            lambda failure: log.failure("command {number} for {mac}", failure, number=command.batch_no, mac=mac)
        )

    async def _send(self, command: Command, mac: str) -> None:
        state, reason = "done", ""
        try:
            reply = await self._fleet.request(mac, command.code, command.body, batch_no=command.batch_no)
            if reply.code != 0:
                state, reason = "failed", f"the terminal answered {reply.code}: {reply.msg}"
        except (TerminalOffline, NoAnswer) as error:
            state = "waiting" if command.waits else "failed"
            reason = f"{error.message}; waits for its next login" if command.waits else error.message
        except VoiError as error:
            state, reason = "failed", error.message
        await self._commands.end(command.batch_no, mac, state, reason, time.time())
