"""The server's seed on a link that is no limit: one libtorrent peer on loopback fetches from it.

The same peer fetches the same file from libtorrent alone, with its own preset for fast seeds and with its defaults,
and sendfile says what the kernel gives. Files are in memory. Rounds take turns, the middle one of each is shown.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench import sendfile
from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.images import publish, seeded
from tests.bench.leech import PRESETS
from tests.bench.processes import Helper, cpu_seconds
from voi.demo.processes import ServerProcess, wait_until

GIB: Final = 1 << 30
ROUNDS: Final = 5
FAST_ROUNDS: Final = 3
TINY_ROUNDS: Final = 1
OURS: Final = "voi"
KERNEL: Final = "sendfile"

Round = Callable[[], tuple[float, float]]
"""One round: seconds, and the sender's processor time."""


def run(plan: Plan) -> Outcome:
    """All senders in turns."""
    size = plan.of(GIB, GIB // 4, GIB // 64)
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(plan.directory / "server")).up()
        publish(server, plan.directory, [size])
        wait_until(lambda: seeded(server) == 1, 30, "the server to seed")
        (image,) = (server.data / "disks").glob("voi_*")
        (torrent,) = (server.data / "torrents").glob("*.torrent")
        leech = stack.enter_context(Helper("leech", PRESETS[0]))

        def peer(port: int, pid: int) -> Round:
            def fetch() -> tuple[float, float]:
                before = cpu_seconds(pid)
                command = {"do": "fetch", "torrent": str(torrent), "directory": str(plan.directory / "got")}
                seconds = leech.request(**command, port=port)["seconds"]
                return seconds, cpu_seconds(pid) - before

            return fetch

        rounds: dict[str, Round] = {OURS: peer(server.bittorrent_port, server.pid)}
        for preset in PRESETS:
            alone = stack.enter_context(Helper("leech", preset))
            port = alone.request(do="seed", torrent=str(torrent), directory=str(image.parent))["port"]
            rounds[f"libtorrent, {preset}"] = peer(port, alone.pid)
        rounds[KERNEL] = lambda: sendfile.send(image)
        return _outcome(_measure(plan, rounds), image)


def _measure(plan: Plan, rounds: Mapping[str, Round]) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {who: [] for who in rounds}
    for number in range(plan.of(ROUNDS, FAST_ROUNDS, TINY_ROUNDS)):
        plan.say(f"round {number + 1}")
        for who, once in rounds.items():
            found[who].append(once())
    return found


def _outcome(found: Mapping[str, list[tuple[float, float]]], image: Path) -> Outcome:
    size = image.stat().st_size
    rates = {who: size / 1e6 / statistics.median(seconds for seconds, _ in taken) for who, taken in found.items()}
    rows = [
        Row(
            who,
            {
                "MB/s": rates[who],
                "best MB/s": size / 1e6 / min(seconds for seconds, _ in taken),
                "CPU s/GB": statistics.median(cpu for _, cpu in taken) / (size / 1e9),
                "/ sendfile": rates[who] / rates[KERNEL],
            },
        )
        for who, taken in found.items()
    ]
    best = max(rate for who, rate in rates.items() if who not in (OURS, KERNEL))
    others = {who: rate / best for who, rate in rates.items() if who != OURS}
    return Outcome([Figure("seed.rate", rates[OURS] / best, others, f"{rates[OURS]:.0f} MB/s")], rows)
