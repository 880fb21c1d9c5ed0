"""Commands that administrators give: written down, sent, answered; or waiting for a terminal's login."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.actors import Actor
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.domain.command_outcomes import Command, CommandResult
from voi.domain.commands import COMMANDS, CommandKind, CommandTable
from voi.errors import Conflict, NoAnswer, TerminalOffline, UnknownTerminal, VoiError
from voi.messages.reason import Reason
from voi.store.interfaces.commands import Commands
from voi.store.interfaces.terminals import Terminals
from voi.tasks import in_turns, one_slice_a_turn, spawn
from voi.terminals.interfaces import Connections

log = Logger()

AT_A_TURN: Final = 50
"""Terminals that are sent a command in one turn of the reactor: a few milliseconds, and others have their turn."""

AT_A_TIME: Final = 1000
"""Outcomes in one write: some milliseconds of the writer's time."""


class CommandDispatcher:
    """Sends commands to many terminals and remembers what each one answered.

    Terminals are sent things in the order in which commands were given, however many there are to send to. `table` has
    all commands that there are; `now` is the time since the epoch.
    """

    def __init__(
        self,
        commands: Commands,
        terminals: Terminals,
        registry: Connections,
        clock: IReactorTime,
        table: CommandTable = COMMANDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._commands = commands
        self._terminals = terminals
        self._table = table
        self._now = now
        self._registry = registry
        self._turns = one_slice_a_turn(clock)
        self._to_send: deque[Iterator[tuple[Command, str]]] = deque()
        self._sending = False
        self._ended: list[CommandResult] = []
        self._writing = False
        # Terminals that just logged in, each with the newest replacing command sent to it since.
        self._coming: dict[str, int] = {}

    async def recover(self) -> None:
        """After a start: what was under way and does not wait has failed."""
        count = await self._commands.give_up_unfinished(Reason("server_restarted"), self._now())
        if count:
            log.info("{count} commands were cut off by the last stop", count=count)

    async def give(
        self, actor: Actor, kind: CommandKind, given: Mapping[str, Any], macs: Sequence[str] | None
    ) -> Command:
        """Give a command to terminals, None for all; returns as soon as it is written down.

        :param given: its fields, None for what was not said.
        :raises Malformed: a field is missing, or belongs to another command.
        :raises UnknownTerminal: one of the MACs never logged in; nothing is sent to anybody then.
        :raises Conflict: there is no terminal at all.
        """
        body = kind.body(given)
        known = [terminal.mac for terminal in await self._terminals.some(macs)]
        if macs is None:
            if not known:
                raise Conflict(Reason("no_terminal"), field="macs")
            macs = known
        there = set(known)
        for mac in macs:
            if mac not in there:
                raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="macs")
        now = self._now()
        command = await self._commands.begin(
            kind.code,
            body,
            macs,
            waits=kind.waits,
            now=now,
            replaces=kind.replaces,
            audit=self._given(actor, kind, now, sum(mac in self._registry for mac in macs)),
        )
        self.send(command)
        return command

    def _given(self, actor: Actor, kind: CommandKind, now: float, online: int) -> Audit[Command]:
        def entry(command: Command) -> AuditEntry:
            name, sentence = kind.entry(command.body)
            macs = tuple(outcome.mac for outcome in command.outcomes)
            data = {"batch_no": command.batch_no, "sent": online, "waiting": len(macs) - online}
            return make_entry(name, actor, now, macs=macs, data=data, sentence=sentence)

        return entry

    def _replaces(self, command: Command) -> bool:
        kind = self._table.of_code(command.code)
        return kind is not None and kind.replaces

    def send(self, command: Command) -> None:
        """Send a command that is written down to all its terminals."""
        self._to_send.append((command, outcome.mac) for outcome in command.outcomes)
        if not self._sending:
            self._sending = True
            spawn(self._send_all(), log, "sending commands")

    async def _send_all(self) -> None:
        """A turn's worth now, and the rest in later ones, in the order in which they were given."""
        try:
            async for command, mac in in_turns(self._queued(), AT_A_TURN, self._turns):
                self._start(command, mac)
        finally:
            self._sending = False

    def _queued(self) -> Iterator[tuple[Command, str]]:
        """All that is to be sent, with what is added meanwhile."""
        while self._to_send:
            yield from self._to_send[0]
            self._to_send.popleft()

    def _start(self, command: Command, mac: str) -> None:
        spawn(self._send(command, mac), log, "command {number} for {mac}", number=command.batch_no, mac=mac)

    def terminal_came(self, mac: str) -> None:
        """A terminal is online: it gets what waits for its login."""
        self._coming.setdefault(mac, 0)
        spawn(self._send_waiting(mac), log, "sending {mac} the commands that wait for it", mac=mac)

    async def _send_waiting(self, mac: str) -> None:
        try:
            for command in await self._commands.waiting_for(mac):
                overtaken = self._replaces(command) and command.batch_no < self._coming.get(mac, 0)
                if not overtaken:
                    await self._send(command, mac)
        finally:
            self._coming.pop(mac, None)

    async def _send(self, command: Command, mac: str) -> None:
        if mac in self._coming and self._replaces(command):
            self._coming[mac] = max(self._coming[mac], command.batch_no)
        state, reason = "done", ""
        kind = self._table.of_code(command.code)
        try:
            if kind is not None and kind.needs and mac in self._registry and not self._registry.can(mac, kind.needs):
                raise Conflict(Reason("terminal_cannot", mac=mac))
            reply = await self._registry.request(mac, command.code, command.body, batch_no=command.batch_no)
            if reply.code != 0:
                state, reason = "failed", Reason("terminal_answered", code=reply.code, text=reply.msg)
        except (TerminalOffline, NoAnswer) as error:
            state = "waiting" if command.waits else "failed"
            reason = Reason("waits_for_login", why=error.reason) if command.waits else error.reason
        except VoiError as error:
            state, reason = "failed", error.reason
        self._note(CommandResult(command.batch_no, mac, state, reason, self._now()))

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
