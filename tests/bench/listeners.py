"""Open pages of the console as the server sees them: each has its stream of live news, and reads again what it shows
when the news say that it changed, as often as the page does.

A child of the `console` bench. Orders, one JSON object a line: ``open`` (port, token, pages: for each the path of its
stream, and of what it reads again, upon which events, how often at most), ``count`` (bytes so far, by streams and by
readings, how many streams stand, and what went wrong), ``close``. A page whose stream ends connects again after the
console's pauses.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from voi.demo.processes import LOOPBACK

PAUSES: Final = (1, 2, 4, 8, 15)
"""Of `live.js`: seconds until it connects again, longer with each failure."""
_NAME: Final = re.compile(rb"^event: (\w+)\n", re.MULTILINE)
_READ: Final = 1 << 20
_LONGEST_LINE: Final = 64  # of which the end of one part may be the beginning of a name


class Page:
    """One page."""

    def __init__(self, command: Mapping[str, Any], port: int, token: str) -> None:
        self.stream, self.reads = command["stream"], command.get("reads", "")
        self.topics, self.every = set(command.get("topics", ())), command.get("every", 0.0)
        self.port, self.token = port, token
        self.socket: socket.socket | None = None
        self.live = False
        self.failures = 0
        self.retry = 0.0
        self.read_at = 0.0
        self.due: float | None = None
        self.received = self.read = 0
        self.failed = ""
        self._end = b""

    def connect(self) -> None:
        """Ask for the stream."""
        self.socket = socket.create_connection((LOOPBACK, self.port), timeout=10)
        self._end = b""
        self.socket.sendall(
            f"GET /api/v1/{self.stream} HTTP/1.1\r\nHost: {LOOPBACK}:{self.port}\r\n"
            f"Authorization: Bearer {self.token}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> set[str]:
        """Take what the stream brought; the names of events in it."""
        self.received += len(data)
        names = {name.decode() for name in _NAME.findall(self._end + data)}
        self._end = data[data.rfind(b"\n") + 1 :][-_LONGEST_LINE:]
        if "hello" in names:
            self.live, self.failures = True, 0
        return names

    def news(self, names: set[str], now: float) -> None:
        """Read again for these events, if they are of what the page shows: as soon as it may after the last time."""
        if names & self.topics and self.due is None:
            self.due = max(now, self.read_at + self.every)

    def takes_up(self, now: float) -> bool:
        """Whether it is time to read again; that is begun then."""
        if self.due is None or now < self.due:
            return False
        self.due, self.read_at = None, now
        return True

    def lost(self) -> None:
        """The stream has ended, or was refused: try again, after a pause that grows."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self.live = None, False
        self.retry = time.monotonic() + PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1

    def read_again(self) -> None:
        """Read what the page shows; in a thread, so what goes wrong is kept to be told."""
        request = urllib.request.Request(
            f"http://{LOOPBACK}:{self.port}/api/v1/{self.reads}", headers={"Authorization": f"Bearer {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                self.read += len(answer.read())
        except OSError as error:
            self.failed = f"{self.reads}: {error}"


class Listeners:
    """All pages, in one loop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self._pages: list[Page] = []
        self._pool = ThreadPoolExecutor(16)
        self._commands: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "open": self._open, "count": self._count, "close": self._close,
        }  # fmt: skip

    def run(self) -> None:
        """Carry out commands until standard input ends."""
        while True:
            for key, _ in self._selector.select(0.1):
                if key.data is not None:
                    self._read(key.data)
                    continue
                line = sys.stdin.readline()
                if not line:
                    return
                command = json.loads(line)
                print(json.dumps(self._commands[command["do"]](command)), flush=True)
            now = time.monotonic()
            for page in self._pages:
                if page.socket is None and page.retry <= now:
                    self._connect(page)
                if page.takes_up(now):
                    self._pool.submit(page.read_again)

    def _open(self, command: Mapping[str, Any]) -> object:
        self._pages = [Page(page, command["port"], command["token"]) for page in command["pages"]]
        now = time.monotonic()
        for index, page in enumerate(self._pages):  # people open theirs at different times
            page.read_at = now - page.every * index / len(self._pages)
            self._connect(page)
        return {"open": len(self._pages)}

    def _count(self, _command: Mapping[str, Any]) -> object:
        def total(read: Callable[[Page], int]) -> int:
            return sum(read(page) for page in self._pages)

        return {
            "streams": total(lambda page: page.received),
            "read": total(lambda page: page.read),
            "live": total(lambda page: page.live),
            "failed": next((page.failed for page in self._pages if page.failed), ""),
        }

    def _close(self, _command: Mapping[str, Any]) -> object:
        for page in self._pages:
            if page.socket is not None:
                self._selector.unregister(page.socket)
                page.socket.close()
        closed, self._pages = len(self._pages), []
        return {"closed": closed}

    def _connect(self, page: Page) -> None:
        try:
            page.connect()
        except OSError:
            page.lost()
            return
        assert page.socket is not None
        self._selector.register(page.socket, selectors.EVENT_READ, page)

    def _read(self, page: Page) -> None:
        assert page.socket is not None
        try:
            data = page.socket.recv(_READ)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(page.socket)
            page.lost()
            return
        page.news(page.data_received(data), time.monotonic())


def pages(kind: str, count: int) -> Sequence[Mapping[str, Any]]:
    """So many pages of a kind, by what they ask of the server."""
    stream = "events/stream"
    kinds: Mapping[str, Mapping[str, Any]] = {
        "terminals": {"stream": stream},
        "overview": {
            "stream": stream, "reads": "overview", "topics": ["terminals", "rollouts", "templates", "event"],
            "every": 10.0,
        },
        "rollout": {"stream": stream + "?rollout=1", "reads": "rollouts/1", "topics": ["stale"], "every": 3.0},
    }  # fmt: skip
    return [kinds[kind]] * count


if __name__ == "__main__":
    Listeners().run()
