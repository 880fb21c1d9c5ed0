"""Commands that administrators give: written down, sent, answered; or waiting for a terminal's login."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.command_outcomes import Command, CommandResult
from voi.errors import NoAnswer, TerminalOffline, VoiError
from voi.messages.reason import Reason
from voi.store.interfaces.commands import Commands
from voi.tasks import spawn
from voi.terminals.interfaces import Connections
from voi.wire.codes import Code

log = Logger()

WAITING_CODES: Final = frozenset({Code.WATERMARK, Code.CANCEL_SEND})
"""Settings hold until they are changed, so they wait for a terminal that is off; a restart of yesterday does not."""


REPLACING_CODES: Final = frozenset({Code.WATERMARK})
"""The newest is the one that holds; an older one that still waits must not come after it."""

AT_A_TURN: Final = 50
"""Terminals that are sent a command in one turn of the reactor: a few milliseconds, and others have their turn."""

AT_A_TIME: Final = 1000
"""Outcomes in one write: some milliseconds of the writer's time."""


class CommandDispatcher:
    """Sends commands to many terminals and remembers what each one answered.

    Terminals are sent things in the order in which commands were given, however many there are to send to.
    """

    def __init__(self, commands: Commands, registry: Connections, clock: IReactorTime) -> None:
        self._commands = commands
        self._registry = registry
        self._clock = clock
        self._to_send: deque[Iterator[tuple[Command, str]]] = deque()
        self._sending = False
        self._ended: list[CommandResult] = []
        self._writing = False
        # Terminals that just logged in, each with the newest replacing command sent to it since.
        self._coming: dict[str, int] = {}
        registry.online.connect(self._came)

    async def recover(self) -> None:
        """After a start: what was under way and does not wait has failed."""
        count = await self._commands.give_up_unfinished(Reason("server_restarted"), time.time())
        if count:
            log.info("{count} commands were cut off by the last stop", count=count)

    async def give(self, code: Code, fields: Mapping[str, Any], macs: Iterable[str]) -> Command:
        """Give a command to terminals; returns as soon as it is written down."""
        waits = code in WAITING_CODES
        command = await self._commands.begin(
            code, fields, macs, waits=waits, now=time.time(), replaces=code in REPLACING_CODES
        )
        self.send(command)
        return command

    def send(self, command: Command) -> None:
        """Send a command that is written down to all its terminals."""
        self._to_send.append((command, outcome.mac) for outcome in command.outcomes)
        if not self._sending:
            self._send_some()

    def _send_some(self) -> None:
        """A turn's worth, and the rest in later ones."""
        left = AT_A_TURN
        while self._to_send and left:
            for command, mac in islice(self._to_send[0], left):
                left -= 1
                self._start(command, mac)
            if left:
                self._to_send.popleft()
        self._sending = bool(self._to_send)
        if self._sending:
            self._clock.callLater(0, self._send_some)

    def _start(self, command: Command, mac: str) -> None:
        spawn(self._send(command, mac), log, "command {number} for {mac}", number=command.batch_no, mac=mac)

    def _came(self, mac: str) -> None:
        self._coming.setdefault(mac, 0)
        spawn(self._send_waiting(mac), log, "sending {mac} the commands that wait for it", mac=mac)

    async def _send_waiting(self, mac: str) -> None:
        try:
            for command in await self._commands.waiting_for(mac):
                overtaken = command.code in REPLACING_CODES and command.batch_no < self._coming.get(mac, 0)
                if not overtaken:
                    await self._send(command, mac)
        finally:
            self._coming.pop(mac, None)

    async def _send(self, command: Command, mac: str) -> None:
        if mac in self._coming and command.code in REPLACING_CODES:
            self._coming[mac] = max(self._coming[mac], command.batch_no)
        state, reason = "done", ""
        try:
            reply = await self._registry.request(mac, command.code, command.body, batch_no=command.batch_no)
            if reply.code != 0:
                state, reason = "failed", Reason("terminal_answered", code=reply.code, text=reply.msg)
        except (TerminalOffline, NoAnswer) as error:
            state = "waiting" if command.waits else "failed"
            reason = Reason("waits_for_login", why=error.reason) if command.waits else error.reason
        except VoiError as error:
            state, reason = "failed", error.reason
        self._note(CommandResult(command.batch_no, mac, state, reason, time.time()))

    def _note(self, ended: CommandResult) -> None:
        """Write an outcome down, with those that come while an earlier write is under way."""
        self._ended.append(ended)
        if not self._writing:
            self._writing = True
            spawn(self._write(), log, "writing down outcomes of commands")

    async def _write(self) -> None:
        try:
            while self._ended:
                some, self._ended = self._ended[:AT_A_TIME], self._ended[AT_A_TIME:]
                await self._commands.end(some)
        finally:
            self._writing = False
