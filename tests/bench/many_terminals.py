"""Thousands of terminals in one process, as light as can be: they log in, send heartbeats, and answer commands.

A child of benches. Commands, one JSON object a line: ``login`` (host, port, source, first, count, at_once),
``beat`` (seconds: one heartbeat of each, spread over that time). Times are of the monotonic clock, which all processes
of a machine share.
"""

from __future__ import annotations

import json
import resource
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from voi.wire.codes import Code
from voi.wire.messages import success
from voi.wire.session import ReplyReceived, ServerCommand, TerminalSession

_BIND_ADDRESS_NO_PORT: Final = 24  # IP_BIND_ADDRESS_NO_PORT of Linux: the port is chosen when connecting
_READ: Final = 65536


class Terminal:
    """One terminal's connection."""

    __slots__ = ("mac", "session", "socket")

    def __init__(self, mac: str, connection: socket.socket) -> None:
        self.mac = mac
        self.connect(connection)

    def connect(self, connection: socket.socket) -> None:
        """Take a connection, that is new."""
        self.socket = connection
        self.session = TerminalSession()

    def ask(self, code: int, body: Mapping[str, Any]) -> None:
        """Send a request; it is small enough for the kernel to take it at once."""
        self.socket.send(self.session.encode_request(code, body)[1])


class ManyTerminals:
    """All terminals of the process, in one loop."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._terminals: dict[int, Terminal] = {}
        self._all: list[Terminal] = []
        self._command: Mapping[str, Any] = {}
        self._site: Mapping[str, Any] = {}
        self._opened = self._in = self._beats = 0
        self._begun = 0.0
        self._beat_until = 0.0
        self._commands: Mapping[str, Callable[[], None]] = {
            "login": self._login, "beat": self._beat,
        }  # fmt: skip

    def run(self) -> None:
        """Carry out commands until standard input ends."""
        self._poll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            for number, events in self._poll.poll(self._pause()):
                if number == sys.stdin.fileno():
                    line = sys.stdin.readline()
                    if not line:
                        return
                    self._command = json.loads(line)
                    self._commands[self._command["do"]]()
                elif events & (select.EPOLLERR | select.EPOLLHUP):
                    self._cut_off(self._terminals[number])
                elif events & select.EPOLLIN:
                    self._read(self._terminals[number])
                else:
                    self._connected(number)
            self._go_on()

    def _pause(self) -> float:
        """Seconds until something is to be done though nothing comes; -1 for never."""
        return 0.002 if self._beat_until else -1

    def _go_on(self) -> None:
        """Do what is due."""
        if self._beat_until:
            self._go_on_beating()

    def _cut_off(self, terminal: Terminal) -> None:
        raise ConnectionError(f"{terminal.mac} was cut off")

    def _login(self) -> None:
        self._begun = time.monotonic()
        self._site = self._command
        for _ in range(min(self._site["at_once"], self._site["count"])):
            self._open()

    def _open(self) -> None:
        number = self._site["first"] + self._opened
        self._opened += 1
        connection = self._connect()
        terminal = Terminal(f"02:56:4F:{number >> 16:02X}:{number >> 8 & 255:02X}:{number & 255:02X}", connection)
        self._terminals[connection.fileno()] = terminal
        self._all.append(terminal)
        self._poll.register(connection.fileno(), select.EPOLLOUT)

    def _connect(self) -> socket.socket:
        site = self._site
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        connection.bind((site["source"], 0))
        connection.connect_ex((site["host"], site["port"]))
        return connection

    def _connected(self, number: int) -> None:
        terminal = self._terminals[number]
        self._poll.modify(number, select.EPOLLIN)
        terminal.ask(Code.TERMINAL_LOGIN, {"mac": terminal.mac, "ip": self._address(terminal)})

    def _address(self, terminal: Terminal) -> str:
        """The address that a terminal reports."""
        return str(self._site["source"])

    def _read(self, terminal: Terminal) -> None:
        data = terminal.socket.recv(_READ)
        if not data:
            self._cut_off(terminal)
            return
        terminal.session.receive_data(data)
        while (event := terminal.session.next_event()) is not None:
            if isinstance(event, ReplyReceived):
                if event.reply.code:
                    raise ConnectionError(f"{terminal.mac}: {event.code} was answered {event.reply.code}")
                self._answered(terminal, event)
            elif isinstance(event, ServerCommand):
                if event.code == Code.TERMINAL_LOGIN:  # the bare server gives back what it got
                    self._entered()
                elif event.code == Code.HEARTBEAT:
                    self._beats += 1
                else:
                    self._carry_out(terminal, event)

    def _carry_out(self, terminal: Terminal, command: ServerCommand) -> None:
        batch = command.torrent.task_uuid if command.torrent is not None else command.fields["batch_no"]
        reply = success(mac=terminal.mac, batch_no=batch)
        terminal.socket.send(terminal.session.encode_answer(command, reply))

    def _answered(self, terminal: Terminal, answer: ReplyReceived) -> None:
        if answer.code == Code.TERMINAL_LOGIN:
            terminal.session.token = str((answer.reply.data or {})["token"]).encode()
            self._entered()
        elif answer.code == Code.HEARTBEAT:
            self._beats += 1

    def _entered(self) -> None:
        self._in += 1
        if self._opened < self._site["count"]:
            self._open()
        if self._in == self._site["count"]:  # not again for those who come back
            say(begun=self._begun, ended=time.monotonic())

    def _beat(self) -> None:
        self._begun = time.monotonic()
        self._beats = self._sent = 0
        self._beat_until = self._begun + self._command["seconds"]

    def _go_on_beating(self) -> None:
        due = min(1.0, (time.monotonic() - self._begun) / self._command["seconds"]) * len(self._all)
        while self._sent < due:
            terminal = self._all[self._sent]
            terminal.ask(Code.HEARTBEAT, {"mac": terminal.mac})
            self._sent += 1
        if self._beats == len(self._all):
            self._beat_until = 0.0
            say(beats=self._beats)


def say(**what: object) -> None:
    """Answer a command."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    ManyTerminals().run()
