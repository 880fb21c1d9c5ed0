"""Terminals that seem to fetch: they accept what they are sent, report progress, and come back when they were cut off.

A child of the `console` bench. Beside the commands of `many_terminals`, ``work`` (moving, seconds): so many of them
report with 9025 each so many seconds that they got on, the others that they still check what they have; all send
heartbeats. Then ``taken`` (how many have something to fetch), and ``there`` (how many are logged in). No piece is
fetched: what is measured is what the server does with the reports.
"""

from __future__ import annotations

import heapq
import random
import resource
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.many_terminals import ManyTerminals, Terminal, say
from voi.names import DiskName
from voi.wire.codes import Code
from voi.wire.session import ReplyReceived, ServerCommand

BEAT_SECONDS: Final = 20.0
"""Between two heartbeats, and two reports of one that does not move, of deployed terminals."""
STEP: Final = (0.11, 0.13)
"""Per cent of progress between two reports: just more than what is shown; done after a quarter of an hour."""
COME_BACK: Final = (1.0, 5.0)
"""Seconds until one that was cut off tries again."""
ROOM: Final = 100
"""Terminals of one room; room n has the addresses 10.1.n.0/24."""
_PAUSE: Final = 0.005


@dataclass(slots=True)
class Fetch:
    """What one terminal fetches, in per cent."""

    name: str
    progress: float = 0.0


class Round:
    """Terminals that each do something once in so many seconds from `begun` on, spread over that time."""

    def __init__(
        self, terminals: Sequence[Terminal], seconds: float, act: Callable[[Terminal], None], begun: float
    ) -> None:
        self._terminals = terminals
        self._seconds = seconds
        self._act = act
        self._begun = begun
        self._acted = 0

    def go_on(self, now: float) -> None:
        """Let those act whose turn has come."""
        due = int((now - self._begun) / self._seconds * len(self._terminals))
        while self._acted < due:
            self._act(self._terminals[self._acted % len(self._terminals)])
            self._acted += 1


class Fetchers(ManyTerminals):
    """All terminals of the process."""

    def __init__(self) -> None:
        super().__init__()
        self._fetches: dict[str, Fetch] = {}
        self._there: set[str] = set()
        self._away: list[tuple[float, str, Terminal]] = []
        self._rounds: list[Round] = []
        self._random = random.Random(1)
        self._commands = {**self._commands, "work": self._work, "taken": self._taken, "there": self._are_there}

    def _pause(self) -> float:
        return _PAUSE if self._rounds or self._away else super()._pause()

    def _go_on(self) -> None:
        super()._go_on()
        now = time.monotonic()
        for one in self._rounds:
            one.go_on(now)
        while self._away and self._away[0][0] <= now:
            self._come_back(heapq.heappop(self._away)[2])

    # Being there.

    def _address(self, terminal: Terminal) -> str:
        number = int(terminal.mac[9:].replace(":", ""), 16)
        return f"10.1.{number // ROOM}.{number % ROOM + 1}"

    def _answered(self, terminal: Terminal, answer: ReplyReceived) -> None:
        if answer.code == Code.TERMINAL_LOGIN:
            self._there.add(terminal.mac)
        super()._answered(terminal, answer)

    def _cut_off(self, terminal: Terminal) -> None:
        self._there.discard(terminal.mac)
        del self._terminals[terminal.socket.fileno()]
        terminal.socket.close()
        at = time.monotonic() + self._random.uniform(*COME_BACK)
        heapq.heappush(self._away, (at, terminal.mac, terminal))

    def _come_back(self, terminal: Terminal) -> None:
        terminal.connect(self._connect())
        self._terminals[terminal.socket.fileno()] = terminal
        self._poll.register(terminal.socket.fileno(), select.EPOLLOUT)

    def _are_there(self) -> None:
        say(there=len(self._there))

    # Fetching.

    def _carry_out(self, terminal: Terminal, command: ServerCommand) -> None:
        if command.torrent is not None and terminal.mac not in self._fetches:
            assert command.torrent.disk_uuid is not None
            assert command.torrent.level is not None
            name = str(DiskName(command.torrent.disk_uuid, command.torrent.level))
            self._fetches[terminal.mac] = Fetch(name)
        super()._carry_out(terminal, command)

    def _taken(self) -> None:
        say(taken=len(self._fetches))

    def _work(self) -> None:
        moving, seconds, now = self._command["moving"], self._command["seconds"], time.monotonic()
        self._rounds = [
            Round(self._all[:moving], seconds, self._get_on, now),
            Round(self._all[moving:], BEAT_SECONDS, self._check, now),
            Round(self._all, BEAT_SECONDS, self._live, now),
        ]
        say(moving=moving)

    def _live(self, terminal: Terminal) -> None:
        self._send(terminal, Code.HEARTBEAT, {"mac": terminal.mac})

    def _get_on(self, terminal: Terminal) -> None:
        fetch = self._fetches[terminal.mac]
        fetch.progress = min(99.0, fetch.progress + self._random.uniform(*STEP))
        self._report(terminal, fetch, "downloading")

    def _check(self, terminal: Terminal) -> None:
        fetch = self._fetches.get(terminal.mac)
        if fetch is not None:
            self._report(terminal, fetch, "checking")

    def _report(self, terminal: Terminal, fetch: Fetch, state: str) -> None:
        body = {"mac": terminal.mac, "torrent_name": fetch.name, "progress": fetch.progress, "state": state}
        self._send(terminal, Code.TASK_STATE, body)

    def _send(self, terminal: Terminal, code: int, body: Mapping[str, Any]) -> None:
        if terminal.mac in self._there:
            with suppress(ConnectionError):  # the poll reports it
                terminal.ask(code, body)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    Fetchers().run()
