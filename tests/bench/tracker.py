"""Announces: what one costs the server, and how long it takes, beside opentracker and npm's bittorrent-tracker.

50 torrents, 5,000 peers in two rooms, 50 peers in each answer. Each server has one core to itself while it is
measured, its load the other; all servers take turns in rounds of equal work, so that a machine that changes its pace
changes it for all. What counts is the processor time that the kernel booked for the server's process.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from tests.bench.announcer import Job, Peer, Result
from tests.bench.figures import Figure, Outcome, Plan, Row
from voi.app.start import open_directory
from voi.demo.image import write_image
from voi.demo.processes import ServerProcess, StageError, free_port, wait_until
from voi.files.directory import DataDirectory

TORRENTS: Final = 50
PEERS: Final = 5_000
SOURCES: Final = ("127.0.1.1", "127.0.2.1")
"""Two rooms by address, large enough that the own one fills an answer."""
HOST: Final = "127.0.0.1"
KINDS: Final = ("close", "keep", "udp")
_AT_ONCE: Final = 32
_NPM_SERVER: Final = """
import Server from 'bittorrent-tracker/server'
const [port, host] = process.argv.slice(2)
const server = new Server({ http: true, udp: true, ws: false, stats: false })
server.on('error', error => console.error(error.message))
server.listen(Number(port), { http: host, udp: host })
"""
"""The package's server as its documentation starts it."""


@dataclass
class Contender:
    """A tracker under test: its process, its address, what it cost in each round."""

    name: str
    pid: int
    port: int
    path: str
    stop: Callable[[], object]
    keeps_alive: bool = True
    cpu: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    results: dict[str, list[Result]] = field(default_factory=lambda: {kind: [] for kind in KINDS})


def run(plan: Plan) -> Outcome:
    """Measure all that are there."""
    skipped: list[str] = []
    contenders: list[Contender] = []
    ours, hashes = _ours(plan)
    contenders.append(ours)
    try:
        for name, make in (("opentracker", _opentracker), ("bittorrent-tracker (npm)", _npm)):
            try:
                contenders.append(make(plan, hashes))
            except StageError as error:
                skipped.append(f"{name}: {error}")
        return _measure(plan, contenders, _peers(plan.directory, hashes), skipped)
    finally:
        for contender in contenders:
            contender.stop()


def _measure(plan: Plan, contenders: Sequence[Contender], peers: Sequence[Peer], skipped: list[str]) -> Outcome:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        skipped.append("a core for each of server and load: this machine has one, so figures of latency mean little")
    for contender in contenders:
        _pin(contender.pid, cores[0])
        for kind in ("close", "udp"):  # everybody introduces himself before anything counts
            _load(contender, kind, peers, len(peers), cores[-1])
    rounds, announces = (4, 2_500) if plan.fast else (5, 8_000)
    for number in range(rounds):
        plan.say(f"round {number + 1} of {rounds}")
        for kind in KINDS:
            # Each round begins with another one, so that nobody always follows the same neighbour.
            for contender in (*contenders[number % len(contenders) :], *contenders[: number % len(contenders)]):
                if kind == "keep" and not contender.keeps_alive:
                    continue
                amount = announces * (2 if kind == "udp" else 1)
                before = _cpu(contender.pid)
                result = _load(
                    contender, kind, _nearer(peers, number * len(KINDS) + KINDS.index(kind)), amount, cores[-1]
                )
                contender.cpu[kind].append((_cpu(contender.pid) - before) / result.announces)
                contender.results[kind].append(result)
    return Outcome(_figures(contenders), _rows(contenders), skipped)


def _figures(contenders: Sequence[Contender]) -> list[Figure]:
    ours = contenders[0]
    reference = next((other for other in contenders if other.name == "opentracker"), None)
    if reference is None:
        return []
    others = [other for other in contenders[1:] if other is not reference]

    def ratios(one: Contender, kind: str) -> float:
        return statistics.median(a / b for a, b in zip(one.cpu[kind], reference.cpu[kind], strict=True))

    return [
        Figure("tracker.http", ratios(ours, "close"), {one.name: ratios(one, "close") for one in others}),
        Figure("tracker.udp", 1 / ratios(ours, "udp"), {one.name: 1 / ratios(one, "udp") for one in others}),
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


def _peers(directory: Path, hashes: Sequence[bytes]) -> list[Peer]:
    """5,000 terminals of our database, a peer each: every torrent has as many in both rooms, a tenth are seeds."""
    database = sqlite3.connect(directory / "ours" / "data" / "voi.sqlite")
    keys = [row[0] for row in database.execute("SELECT tracker_key FROM terminals ORDER BY mac")]
    database.close()
    peers = []
    for number, key in enumerate(keys):
        swarm, place = number % TORRENTS, number // TORRENTS
        peers.append(
            Peer(
                source=SOURCES[place % len(SOURCES)],
                info_hash=hashes[swarm].hex(),
                peer_id=(b"-VO0100-%012d" % number).hex(),
                port=10_000 + number,
                key=key,
                left=0 if place < PEERS // TORRENTS // 10 else 1_000_000,
            )
        )
    Random(1).shuffle(peers)
    return peers


def _ours(plan: Plan) -> tuple[Contender, list[bytes]]:
    """`twistd voi` with 5,000 terminals in its database and 50 published templates."""
    plan.say(f"{TORRENTS} templates, {PEERS} terminals")
    server = ServerProcess(plan.directory / "ours")
    directory = DataDirectory(server.data)
    os.close(open_directory(directory).lock)
    random = Random(2)
    with sqlite3.connect(directory.database) as database:
        database.executemany(
            "INSERT INTO terminals VALUES (?, ?, 0, NULL, 0, 0, ?)",
            [(f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}", HOST, random.randbytes(16).hex()) for n in range(PEERS)],
        )
    database.close()
    images = plan.directory / "images"
    images.mkdir()
    server.up()
    try:
        for number in range(TORRENTS):
            write_image(images / str(number), 1 << 20, data_bytes=1 << 16, seed=number)
            disk = {"type": 0, "path": str(images / str(number))}
            server.api("POST", "templates", {"name": f"bench {number}", "disks": [disk]})
        wait_until(lambda: _seeded(server) == TORRENTS, 120, "the templates to be seeded")
        hashes = [bytes.fromhex(swarm["info_hash"]) for swarm in server.api("GET", "swarms")["swarms"]]
    except BaseException:
        server.stop()
        raise
    return Contender("voi", server.pid, server.http_port, "/{key}/announce", server.stop), hashes


def _seeded(server: ServerProcess) -> int:
    return sum(swarm["state"] in ("seeding", "finished") for swarm in server.api("GET", "swarms")["swarms"])


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StageError(f"{name} is not installed")
    return found


def _opentracker(plan: Plan, hashes: Sequence[bytes]) -> Contender:
    """Debian's opentracker, told which torrents it may track."""
    program, port = _program("opentracker"), free_port()
    allowed = plan.directory / "allowed"
    allowed.write_text("".join(f"{info_hash.hex()}\n" for info_hash in hashes))
    plan.directory.chmod(0o755)  # it gives up root's rights before it reads the list
    arguments = [program, "-i", HOST, "-p", str(port), "-P", str(port), "-d", str(plan.directory), "-w", "allowed"]
    return _start("opentracker", arguments, port, "/announce", keeps_alive=False)


def _npm(plan: Plan, _hashes: Sequence[bytes]) -> Contender:
    """The npm package bittorrent-tracker, installed for this run."""
    if plan.fast:
        raise StageError("left out of a short run")
    npm, node = _program("npm"), _program("node")
    directory = plan.directory / "npm"
    directory.mkdir()
    plan.say("npm install bittorrent-tracker")
    try:
        done = subprocess.run(
            # Without scripts: its WebRTC client would want a compiler, and is not measured.
            [npm, "install", "--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts", "bittorrent-tracker"],
            cwd=directory,
            capture_output=True,
            timeout=240,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StageError("npm did not install it within four minutes") from error
    if done.returncode:
        raise StageError(f"npm could not install it: exit status {done.returncode}")
    (directory / "serve.mjs").write_text(_NPM_SERVER)
    port = free_port()
    arguments = [node, str(directory / "serve.mjs"), str(port), HOST]
    return _start("bittorrent-tracker (npm)", arguments, port, "/announce")


def _start(name: str, arguments: Sequence[str], port: int, path: str, *, keeps_alive: bool = True) -> Contender:
    process = subprocess.Popen(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def stop() -> None:
        process.kill()
        process.wait()

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    try:
        wait_until(lambda: answers() or process.poll() is not None, 20, f"{name} to listen")
        if process.poll() is not None:
            raise StageError(f"it ended at once with status {process.returncode}")
    except StageError:
        stop()
        raise
    time.sleep(0.2)  # its UDP port opens beside the other one, and nobody says when
    return Contender(name, process.pid, port, path, stop, keeps_alive)
