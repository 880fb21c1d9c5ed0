"""200 published torrents: time from the start of the process until the API answers, and until all are seeded.

After a clean stop, and after ``kill -9``. Images are small: a start reads no content of what a clean stop left, and
after an unclean one it is checked as it is sent.
"""

from __future__ import annotations

import statistics
import time
from typing import Final

from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.images import publish, seeded
from tests.bench.processes import cpu_seconds
from voi.demo.processes import ServerProcess, wait_until

COUNT: Final = 200
FAST_COUNT: Final = 50
TINY_COUNT: Final = 5
SIZE: Final = 1 << 20  # bytes of content of each
ROUNDS: Final = 3
_PATIENCE: Final = 120.0


def run(plan: Plan) -> Outcome:
    """Starts after stops of both kinds, in turns."""
    count = plan.of(COUNT, FAST_COUNT, TINY_COUNT)
    clean: list[dict[str, float]] = []
    killed: list[dict[str, float]] = []
    with ServerProcess(plan.directory / "server") as server:
        server.up()
        plan.say(f"{count} templates are imported")
        publish(server, plan.directory, [SIZE] * count)
        wait_until(lambda: seeded(server) == count, _PATIENCE, "the server to seed")
        for number in range(plan.of(ROUNDS, 1, 1)):
            plan.say(f"round {number + 1}")
            begun = time.monotonic()
            server.stop()
            stopped = time.monotonic() - begun
            clean.append(_start(server, count) | {"stop s": stopped})
            server.kill()
            killed.append(_start(server, count))
    middle = statistics.median(taken["seeded s"] for taken in clean)
    rows = [Row("after a clean stop", _middle(clean)), Row("after kill -9", _middle(killed))]
    return Outcome([Figure("start.clean", middle, note=f"{count} torrents")], rows)


def _start(server: ServerProcess, count: int) -> dict[str, float]:
    begun = time.monotonic()
    server.up()
    answered = time.monotonic()
    wait_until(lambda: seeded(server) == count, _PATIENCE, "the server to seed")
    return {
        "answers s": answered - begun,
        "seeded s": time.monotonic() - begun,
        "CPU s": cpu_seconds(server.pid),
    }


def _middle(taken: list[dict[str, float]]) -> dict[str, float | str]:
    return {what: statistics.median(one[what] for one in taken) for what in taken[0]}
