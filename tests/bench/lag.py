"""How late the server's reactor comes while it seeds as fast as it can to one peer and answers 500 announces a second.

Measured by the server's own probe (``GET /api/v1/lag``): every look that came late counts, and a standstill counts for
every look that fell into it. Each load alone and the idle server are shown beside. Peer and announcing processes run
on the same cores as the server, so what the kernel's scheduler makes it wait is in the figure; a process that only
sleeps, at the same time, shows how much that is for one that asks for nothing.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any, Final

from tests.bench.database import tracker_keys
from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.images import publish, seeded
from tests.bench.leech import PRESETS
from tests.bench.processes import Helper, cpu_seconds
from voi.app.lag import UPPER_BOUNDS, quantile
from voi.demo.processes import LOOPBACK, ServerProcess, wait_until

RATE: Final = 500
TERMINALS: Final = 200
IMAGE: Final = 1 << 30
FAST_IMAGE: Final = 256 << 20
TINY_IMAGE: Final = 16 << 20
SECONDS: Final = 20.0
FAST_SECONDS: Final = 4.0
TINY_SECONDS: Final = 1.0
SLEEPER: Final = "sleeper's p99.9 ms"


class Load:
    """A server with what asks of it."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self._directory = plan.directory
        self._server = stack.enter_context(ServerProcess(plan.directory / "server")).up()
        publish(self._server, plan.directory, [plan.of(IMAGE, FAST_IMAGE, TINY_IMAGE)])
        wait_until(lambda: seeded(self._server) == 1, 30, "the server to seed")
        (self._torrent,) = (self._server.data / "torrents").glob("*.torrent")
        group = stack.enter_context(Helper("many_terminals"))
        group.request(do="login", host=LOOPBACK, port=self._server.terminals_port, source="127.0.1.1", first=0,
                  count=TERMINALS, at_once=10)  # fmt: skip
        self._keys = tracker_keys(self._server.data)
        self._leech = stack.enter_context(Helper("leech", PRESETS[0]))
        self._announces = stack.enter_context(Helper("announces"))
        self._sleeper = stack.enter_context(Helper("sleeper"))

    def measure(self, seconds: float, *, seed: bool, announce: bool) -> dict[str, float | str]:
        """What the probe saw in so many seconds of a load."""
        before, cpu, begun = self._counts(), cpu_seconds(self._server.pid), time.monotonic()
        self._sleeper.send(seconds=seconds)
        if announce:
            self._announces.send(port=self._server.http_port, keys=self._keys, info_hash=self._torrent.stem, rate=RATE,
                                 seconds=seconds)  # fmt: skip
        sent, fetching = 0, 0.0
        while seed and time.monotonic() < begun + seconds:
            command = {"torrent": str(self._torrent), "directory": str(self._directory / "got")}
            got: Any = self._leech.request(do="fetch", **command, port=self._server.bittorrent_port)
            sent += got["bytes"]
            fetching += got["seconds"]
        if not seed:
            time.sleep(seconds)
        answer = self._announces.receive() if announce else None
        took = time.monotonic() - begun
        counts = [now - then for now, then in zip(self._counts(), before, strict=True)]
        row: dict[str, float | str] = {
            "p50 ms": quantile(counts, 0.5) * 1000,
            "p99 ms": quantile(counts, 0.99) * 1000,
            "p99.9 ms": quantile(counts, 0.999) * 1000,
            "longest ms": max(bound for bound, count in zip(UPPER_BOUNDS, counts, strict=True) if count) * 1000,
            SLEEPER: quantile(self._sleeper.receive(), 0.999) * 1000,
            "CPU of a core %": (cpu_seconds(self._server.pid) - cpu) / took * 100,
        }
        if seed:
            row["seeds MB/s"] = sent / 1e6 / fetching
        if answer is not None:
            row["announces/s"] = answer["rate"]
            row["answer p99 ms"] = answer["p99"] * 1000
        return row

    def _counts(self) -> list[int]:
        found: list[int] = self._server.api("GET", "lag")["counts"]
        return found


def run(plan: Plan) -> Outcome:
    """Idle, each load, both."""
    seconds = plan.of(SECONDS, FAST_SECONDS, TINY_SECONDS)
    with ExitStack() as stack:
        load = Load(plan, stack)
        rows: list[Row] = []
        kinds = (("idle", False, False), ("seeding", True, False), ("announces", False, True), ("both", True, True))
        for what, seed, announce in kinds[-1:] if plan.fast else kinds:
            plan.say(what)
            rows.append(Row(what, load.measure(seconds, seed=seed, announce=announce)))
        both = rows[-1].figures
        note = f"{float(both['seeds MB/s']):.0f} MB/s"
        others = {"a process that only sleeps": float(both[SLEEPER])}
        return Outcome([Figure("lag.p999", float(both["p99.9 ms"]), others, note)], rows)
