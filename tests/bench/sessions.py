"""Ten thousand terminals at one real server: login storm, heartbeats, a command to all, memory for each.

Beside it a bare Twisted server with the same connections and the same terminals, as the limit of what this reactor can
do. Memory is the growth of the server's resident set from before the first connection, and so holds everything that a
terminal leaves in the process: connection, session, its key at the tracker, the database's cache. The kernel's socket
buffers are in no process's set. A second row starts from a server that knows all terminals and has none online.
"""

from __future__ import annotations

import itertools
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from tests.bench.database import opened
from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.processes import Helper, cpu_seconds, resident
from voi.demo.processes import LOOPBACK, ServerProcess
from voi.store.interfaces.commands import CommandFilter

PROCESSES: Final = 2  # processes of terminals, so that they are not what is measured
AT_ONCE: Final = 100  # logins under way in each
ROUNDS: Final = 3
_SPARE_FILES: Final = 500  # that a server with no terminal has open, and more
_PATIENCE: Final = 60.0
_LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Size:
    """How many terminals; seconds over which each says once that it lives, and for which all are idle."""

    terminals: int
    beat: float
    idle: float


FULL: Final = Size(10_000, 20.0, 3.0)
FAST: Final = Size(1_000, 2.0, 3.0)
TINY: Final = Size(40, 0.5, 0.2)


def run(plan: Plan) -> Outcome:
    """Ours, then the bare server."""
    size = plan.of(FULL, FAST, TINY)
    wanted = size.terminals
    count = min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - _SPARE_FILES) // PROCESSES * PROCESSES
    skipped = []
    if count < wanted:
        skipped.append(f"{wanted:,} terminals: a process may have {count + _SPARE_FILES:,} files open (RLIMIT_NOFILE)")
    size = replace(size, terminals=count)
    plan.say(f"{count:,} terminals")
    with ServerProcess(plan.directory / "server") as server:
        ours, command = _ours(server, size)
        plan.say("again at a server that knows them all")
        server.stop()
        server.up()
        with _log_in(size, server.terminals_port, server.pid) as (_, known):
            pass
    plan.say("the bare server")
    bare, push = _bare(size)
    note = f"{count:,} terminals"
    figures = [
        Figure("sessions.memory", float(ours["KiB each"]), {"bare Twisted": float(bare["KiB each"])}, note),
        Figure("sessions.command", command, {"bare Twisted": push}, note),
    ]
    rows = [Row("voi", ours), Row("voi, all known before", known), Row("bare Twisted", bare)]
    return Outcome(figures, rows, skipped)


def _ours(server: ServerProcess, size: Size) -> tuple[dict[str, float | str], float]:
    server.up()
    with _log_in(size, server.terminals_port, server.pid) as (groups, found):
        found |= _beat(groups, size, server.pid)
        before = cpu_seconds(server.pid)
        seconds = [
            _command(server, size.terminals, switch) for switch in itertools.islice(itertools.cycle((1, 0)), ROUNDS)
        ]
        found["command: CPU s"] = (cpu_seconds(server.pid) - before) / ROUNDS
        found["command: last reply s"] = statistics.median(seconds)
        return found, statistics.median(seconds)


def _bare(size: Size) -> tuple[dict[str, float | str], float]:
    with Helper("bare") as server:
        port = server.receive()["port"]
        with _log_in(size, port, server.pid) as (groups, found):
            found |= _beat(groups, size, server.pid)
            before = cpu_seconds(server.pid)
            seconds = [float(server.request(do="push")["seconds"]) for _ in range(ROUNDS)]
            found["command: CPU s"] = (cpu_seconds(server.pid) - before) / ROUNDS
            found["command: last reply s"] = statistics.median(seconds)
            return found, statistics.median(seconds)


@contextmanager
def _log_in(size: Size, port: int, pid: int) -> Iterator[tuple[Sequence[Helper], dict[str, float | str]]]:
    """So many terminals, logged in; what that took."""
    count = size.terminals
    each = count // PROCESSES
    with ExitStack() as stack:
        groups = [stack.enter_context(Helper("many_terminals")) for _ in range(PROCESSES)]
        time.sleep(size.idle / 3)  # what the start has begun in the background is not the terminals'
        memory, cpu = resident(pid), cpu_seconds(pid)
        for index, group in enumerate(groups):
            group.send(do="login", host=LOOPBACK, port=port, source=f"127.0.1.{index + 1}", first=index * each,
                       count=each, at_once=AT_ONCE)  # fmt: skip
        answers = [group.receive() for group in groups]
        seconds = max(one["ended"] for one in answers) - min(one["begun"] for one in answers)
        time.sleep(size.idle)
        yield (
            groups,
            {
                "all in s": seconds,
                "logins/s": count / seconds,
                "login: CPU ms": (cpu_seconds(pid) - cpu) / count * 1000,
                "KiB each": (resident(pid) - memory) / count / 1024,
            },
        )


def _beat(groups: Sequence[Helper], size: Size, pid: int) -> dict[str, float | str]:
    before = cpu_seconds(pid)
    for group in groups:
        group.send(do="beat", seconds=size.beat)
    for group in groups:
        group.receive()
    return {"heartbeat: CPU ms": (cpu_seconds(pid) - before) / size.terminals * 1000}


def _command(server: ServerProcess, count: int, switch: int) -> float:
    """Seconds from the order until every outcome is in the database as done."""
    begun = time.monotonic()
    number = server.api("POST", "commands", {"command": "watermark", "macs": "all", "switch": switch})["batch_no"]
    # Looked up in the file: asking the server again and again would be work of its own.
    with opened(server.data) as database:

        def open_outcomes() -> int:
            (newest,), _ = database.get(database.commands.find(CommandFilter(), limit=1))
            return newest.counts["waiting"]

        ended = _when(lambda: not open_outcomes())
    outcomes = server.api("GET", f"commands/{number}")["outcomes"]
    done = sum(outcome["state"] == "done" for outcome in outcomes)
    if done != count:
        raise ValueError(f"{count - done} of {count} terminals did not carry it out")
    return ended - begun


def _when(condition: Callable[[], bool]) -> float:
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("not every reply was recorded")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic()
