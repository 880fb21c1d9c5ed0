"""Announces: what one costs the server, and how long it takes, beside opentracker and npm's bittorrent-tracker.

50 torrents, 5,000 peers in two rooms, 50 peers in each answer. Each server has one core to itself while it is
measured, its load the other; all servers take turns in rounds of equal work, so that a machine that changes its speed
changes it for all. What counts is the processor time that the kernel booked for the server's process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from tests.bench.announcer import Job, Peer, Result
from tests.bench.figures import Figure, Outcome, Plan, Row, names
from tests.bench.trackers import HOST, KINDS, NPM, OPENTRACKER, Contender, npm, opentracker, ours
from voi.demo.processes import StageError

SOURCES: Final = ("127.0.1.1", "127.0.2.1")
"""Two rooms by address, large enough that the own one fills an answer."""
_AT_ONCE: Final = 32


@dataclass(frozen=True)
class Size:
    """How many torrents and peers there are, and announces in each of some rounds; over UDP twice as many."""

    torrents: int
    peers: int
    rounds: int
    announces: int


FULL: Final = Size(50, 5_000, 5, 8_000)
FAST: Final = Size(50, 5_000, 4, 2_500)
TINY: Final = Size(2, 80, 1, 100)


def run(plan: Plan) -> Outcome:
    """Measure all that are there."""
    size = plan.of(FULL, FAST, TINY)
    contenders: list[Contender] = []
    missing: dict[str, str] = {}
    mine, hashes, keys = ours(plan, size.torrents, size.peers)
    contenders.append(mine)
    try:
        for name, start in ((OPENTRACKER, opentracker), (NPM, npm)):
            try:
                contenders.append(start(plan, hashes))
            except StageError as error:
                missing[name] = str(error)
        _measure(plan, size, contenders, _peers(keys, hashes))
    finally:
        for contender in contenders:
            contender.stop()
    skipped = [f"{name}: {why}" for name, why in missing.items()]
    if len(os.sched_getaffinity(0)) < 2:
        skipped.append("a core for each of server and load: this machine has one, so figures of latency mean little")
    unmeasured = dict.fromkeys(names("tracker"), missing[OPENTRACKER]) if OPENTRACKER in missing else {}
    return Outcome(_figures(contenders), _rows(contenders), skipped, unmeasured)


def _measure(plan: Plan, size: Size, contenders: Sequence[Contender], peers: Sequence[Peer]) -> None:
    cores = sorted(os.sched_getaffinity(0))
    for contender in contenders:
        _pin(contender.pid, cores[0])
        for kind in ("close", "udp"):  # all peers announce once before anything counts
            _load(contender, kind, peers, len(peers), cores[-1])
    for number in range(size.rounds):
        plan.say(f"round {number + 1} of {size.rounds}")
        for kind in KINDS:
            # Each round begins with another one, so that nobody always follows the same neighbour.
            for contender in (*contenders[number % len(contenders) :], *contenders[: number % len(contenders)]):
                if kind == "keep" and not contender.keeps_alive:
                    continue
                amount = size.announces * (2 if kind == "udp" else 1)
                before = _cpu(contender.pid)
                result = _load(
                    contender, kind, _nearer(peers, number * len(KINDS) + KINDS.index(kind)), amount, cores[-1]
                )
                contender.cpu[kind].append((_cpu(contender.pid) - before) / result.announces)
                contender.results[kind].append(result)


def _figures(contenders: Sequence[Contender]) -> list[Figure]:
    mine = contenders[0]
    reference = next((other for other in contenders if other.name == OPENTRACKER), None)
    if reference is None:
        return []
    others = [other for other in contenders[1:] if other is not reference]

    def ratios(one: Contender, kind: str) -> float:
        return statistics.median(a / b for a, b in zip(one.cpu[kind], reference.cpu[kind], strict=True))

    return [
        Figure("tracker.http", ratios(mine, "close"), {one.name: ratios(one, "close") for one in others}),
        Figure("tracker.udp", 1 / ratios(mine, "udp"), {one.name: 1 / ratios(one, "udp") for one in others}),
    ]


def _rows(contenders: Sequence[Contender]) -> list[Row]:
    titles = {"close": "HTTP, Connection: close", "keep": "HTTP, kept alive", "udp": "UDP"}
    rows = []
    for kind in KINDS:
        for contender in contenders:
            cpu, results = contender.cpu[kind], contender.results[kind]
            if not results:
                continue
            rows.append(
                Row(
                    f"{titles[kind]}: {contender.name}",
                    {
                        "CPU µs/announce": statistics.median(cpu) * 1e6,
                        "announces/CPU s": 1 / statistics.median(cpu),
                        "announces/s": statistics.median(r.announces / r.seconds for r in results),
                        "p50 ms": statistics.median(r.p50 for r in results) * 1e3,
                        "p99 ms": statistics.median(r.p99 for r in results) * 1e3,
                        "peers in an answer": statistics.median(r.peers for r in results),
                        "failed": sum(r.failed for r in results),
                    },
                )
            )
    return rows


def _nearer(peers: Sequence[Peer], turn: int) -> list[Peer]:
    """The same peers later: who downloads has less left. A tracker may do more for who stands still."""
    return [msgspec.structs.replace(peer, left=max(0, peer.left - 1_000 * (turn + 1))) for peer in peers]


def _load(contender: Contender, kind: str, peers: Sequence[Peer], announces: int, core: int) -> Result:
    """Announces from a child process on its own core."""
    job = Job(kind, HOST, contender.port, contender.path, peers, announces, _AT_ONCE, core)
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.announcer"],
        input=msgspec.json.encode(job),
        capture_output=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    if done.returncode:
        raise StageError(f"{contender.name}, {kind}: {done.stderr.decode(errors='replace')[-500:]}")
    result = msgspec.json.decode(done.stdout, type=Result)
    if result.failed:
        raise StageError(f"{contender.name}, {kind}: {result.failed} of {result.announces} announces were not answered")
    return result


def _cpu(pid: int) -> float:
    """Seconds of processor time of all threads of a process, to the nanosecond where the kernel counts so."""
    try:
        return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except (OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pin(pid: int, core: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _peers(keys: Sequence[str], hashes: Sequence[bytes]) -> list[Peer]:
    """A peer for each terminal of ours: every torrent has as many in both rooms, a tenth are seeds."""
    peers = []
    for number, key in enumerate(keys):
        swarm, place = number % len(hashes), number // len(hashes)
        peers.append(
            Peer(
                source=SOURCES[place % len(SOURCES)],
                info_hash=hashes[swarm].hex(),
                peer_id=(b"-VO0100-%012d" % number).hex(),
                port=10_000 + number,
                key=key,
                left=0 if place < len(keys) // len(hashes) // 10 else 1_000_000,
            )
        )
    Random(1).shuffle(peers)
    return peers
