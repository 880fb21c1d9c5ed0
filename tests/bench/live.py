"""What live pages cost the server: 5,000 terminals in open rollouts, 500 of which move each second, and ten open pages.

A child process (``newsroom``) has the server's real hub and its source of progress, over real connections; what moves
is made up there. Figures are its processor time as a share of one core, and the bytes that one page is sent.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.processes import Helper, cpu_seconds
from voi.demo.stage import LOOPBACK

TERMINALS: Final = 5000
MOVING: Final = 500
PAGES: Final = (0, 1, 10)
SECONDS: Final = 20.0
FAST_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 3.0
_READ: Final = 1 << 20


def run(plan: Plan) -> Outcome:
    """Without a page, with one, with ten."""
    seconds = FAST_SECONDS if plan.fast else SECONDS
    rows: list[Row] = []
    shares: dict[int, float] = {}
    for pages in PAGES:
        plan.say(f"{pages} pages")
        with Helper("newsroom", str(TERMINALS), str(MOVING)) as server:
            shares[pages], sent = _measure(server, pages, seconds)
        rows.append(Row(f"{pages} pages", {"CPU % of a core": shares[pages], "kB/s for each page": sent / 1000}))
    note = f"{TERMINALS:,} terminals, {MOVING} move"
    return Outcome([Figure("live.cpu", shares[PAGES[-1]], {"one page": shares[1]}, note)], rows)


def _measure(server: Helper, pages: int, seconds: float) -> tuple[float, float]:
    """The share of a core in per cent, and the bytes a second that one page got."""
    port = server.hear()["port"]
    with ExitStack() as stack:
        streams = [stack.enter_context(socket.create_connection((LOOPBACK, port))) for _ in range(pages)]
        for stream in streams:
            stream.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
        _read(streams, SETTLE_SECONDS)
        before = cpu_seconds(server.pid)
        received = _read(streams, seconds)
        share = (cpu_seconds(server.pid) - before) / seconds * 100
    return share, received / seconds / pages if pages else 0.0


def _read(streams: Sequence[socket.socket], seconds: float) -> int:
    """Read what comes for so long, as pages do; how many bytes."""
    received = 0
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if not streams:
                time.sleep(left)  # nobody listens: what that costs is measured
                continue
            for key, _ in selector.select(left):
                chosen = key.fileobj
                assert isinstance(chosen, socket.socket)
                received += len(chosen.recv(_READ))
    return received
