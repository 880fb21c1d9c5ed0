"""Random frames and random requests against a real server for a while; its memory, and a normal terminal's answers.

`python -m tests.soak --minutes 20` prints the server's resident memory as it goes, and ends with status 1 if
the server ended, a normal terminal was not served, or memory grew by more than a fifth after the first tenth.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import click

from tests.e2e.site import PlainTerminal
from tests.unit.wire.builders import HEADER, frame
from voi.demo.processes import LOOPBACK, ServerProcess, all_stopped
from voi.wire.codes import Code

WARM = 0.1  # of the time, before memory is judged
GROWTH = 1.2
KEYS = ["mac", "ip", "disks", "uuid", "name", "boot_disk", "progress", "state", "torrent_name", "password", "username"]
PATHS = [
    "/",
    "/healthz",
    "/api/v1/terminals",
    "/api/v1/rollouts",
    "/api/v1/uploads/1",
    "/x/announce",
    "/api/v1/openapi.json",
]


def value(dice: random.Random, depth: int = 0) -> object:
    """Any JSON value."""
    kinds: list[Callable[[], object]] = [
        lambda: dice.randrange(-(2**40), 2**70),
        lambda: dice.choice(["", "02:00:00:00:00:09", "voi_0_" + "a" * 36, "\u0000", "系统盘", "../x", "9" * 50]),
        lambda: None,
        lambda: dice.random() * 1000,
    ]
    if depth < 3:
        kinds.append(lambda: [value(dice, depth + 1) for _ in range(dice.randrange(4))])
        kinds.append(lambda: {dice.choice(KEYS): value(dice, depth + 1) for _ in range(dice.randrange(5))})
    return dice.choice(kinds)()


def nonsense(dice: random.Random) -> bytes:
    """A frame, more or less."""
    kind = dice.randrange(5)
    if kind == 0:
        return dice.randbytes(dice.randrange(1, 400))
    if kind == 1:
        sizes = (dice.randrange(2**32), dice.randrange(256), dice.randrange(4), dice.randrange(2**16))
        return HEADER.pack(1, 0, dice.choice(list(Code)), 1, sizes[0], sizes[1], 0, 1, sizes[2], sizes[3], 0)
    code = dice.choice([*Code, dice.randrange(2**32)])
    if kind == 2:
        return frame(code, dice.randbytes(dice.randrange(2000)), data_type=dice.randrange(3))
    fields = {dice.choice(KEYS): value(dice) for _ in range(dice.randrange(8))}
    return frame(code, fields, direction=dice.choice([1, 1, 1, 2]), token=dice.choice(["", "x" * 32]))


def frames(server: ServerProcess, dice: random.Random) -> None:
    """One connection of nonsense, now and then after a login."""
    client = PlainTerminal(server, f"02:00:00:01:00:{dice.randrange(64):02X}")
    try:
        if dice.random() < 0.5:
            client.log_in()
        for _ in range(dice.randrange(1, 30)):
            client.send(nonsense(dice))
        client.drain()
    except (OSError, EOFError):
        pass
    finally:
        client.close()


def requests(server: ServerProcess, dice: random.Random) -> None:
    """One HTTP connection of nonsense."""
    with socket.create_connection((LOOPBACK, server.http_port), timeout=10) as client:
        for _ in range(dice.randrange(1, 10)):
            path = dice.choice([*PATHS, "/" + dice.randbytes(20).hex(), "/%ff%00?" + "&".join(KEYS)])
            body = json.dumps(value(dice)).encode() if dice.random() < 0.5 else dice.randbytes(dice.randrange(500))
            token = server.token if dice.random() < 0.5 else "x"
            head = f"{dice.choice(['GET', 'POST', 'DELETE', 'PUT', 'PATCH'])} {path} HTTP/1.1\r\nHost: x\r\n"
            head += f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
            try:
                client.sendall(dice.choice([head.encode() + body, dice.randbytes(300), head.encode()[:40]]))
            except OSError:
                return
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)
        try:
            while client.recv(65536):
                pass
        except OSError:
            pass


def memory(server: ServerProcess) -> float:
    """The server's resident memory in MiB."""
    text = Path(f"/proc/{server.pid}/status").read_text()
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def worker(
    work: Callable[[ServerProcess, random.Random], None], server: ServerProcess, end: float, done: list[int], seed: int
) -> None:
    """Do one kind of nonsense until the end."""
    dice = random.Random(seed)
    while time.monotonic() < end and server.running:
        try:
            work(server, dice)
            done[0] += 1
        except OSError:
            time.sleep(0.1)  # a full backlog: let the server breathe


@click.command(help=__doc__)
@click.option("--minutes", default=20.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(minutes: float, seed: int) -> None:
    """Run it."""
    with tempfile.TemporaryDirectory() as place:
        server = ServerProcess(Path(place))
        with all_stopped([server]):
            server.up()
            sys.exit(0 if soak(server, minutes * 60, seed) else 1)


def soak(server: ServerProcess, seconds: float, seed: int) -> bool:
    """Keep it up for a while; whether all is well."""
    normal = PlainTerminal(server, "02:00:00:00:00:01")
    normal.log_in()
    begun = time.monotonic()
    end = begun + seconds
    counts = {"connections": [0], "HTTP connections": [0]}
    threads = [
        threading.Thread(target=worker, args=(frames, server, end, counts["connections"], seed)),
        threading.Thread(target=worker, args=(requests, server, end, counts["HTTP connections"], seed + 1)),
    ]
    for thread in threads:
        thread.start()
    warm, slowest = 0.0, 0.0
    while time.monotonic() < end and server.running:
        asked = time.monotonic()
        assert normal.ask(9000, {"mac": normal.mac})["code"] == 0
        slowest = max(slowest, time.monotonic() - asked)
        if not warm and time.monotonic() - begun > seconds * WARM:
            warm = memory(server)
        done = ", ".join(f"{count[0]} {name}" for name, count in counts.items())
        print(f"{time.monotonic() - begun:6.0f} s  {memory(server):7.1f} MiB  {done}", flush=True)
        time.sleep(min(10.0, seconds / 20))
    for thread in threads:
        thread.join()
    if not server.running:
        print(f"the server ended:\n{server.tail()}")
        return False
    last = memory(server)
    failures = server.log.read_text("utf-8", "replace").count("Traceback")
    print(f"memory {warm:.1f} -> {last:.1f} MiB; slowest answer {slowest * 1000:.0f} ms; tracebacks: {failures}")
    return last < warm * GROWTH and failures == 0


if __name__ == "__main__":
    main()
