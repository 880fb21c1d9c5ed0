"""Announces to the tracker at a steady rate, each on a connection of its own, as libtorrent makes them.

A child of the `lag` bench; speaks JSON lines (`tests.bench.processes`).
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote_from_bytes

from voi.demo.processes import LOOPBACK

_THREADS: Final = 8
_READ: Final = 65536


def announce(port: int, keys: Sequence[str], info_hash: str, rate: float, seconds: float) -> dict[str, float]:
    """Announce as leeches, each key a terminal; how many were answered, and how long the answers took.

    :raises ValueError: an answer is none.
    """
    taken: list[float] = []
    numbers = itertools.count()
    begun = time.monotonic()
    failures: list[Exception] = []

    def work() -> None:
        try:
            while True:
                number = next(numbers)
                at = begun + number / rate
                if at > begun + seconds:
                    return
                time.sleep(max(0.0, at - time.monotonic()))
                before = time.monotonic()
                _once(port, keys[number % len(keys)], number % len(keys), info_hash)
                taken.append(time.monotonic() - before)
        except Exception as error:  # the thread's end is not the bench's: it is reported below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    taken.sort()
    return {
        "rate": len(taken) / (time.monotonic() - begun),
        "p50": taken[len(taken) // 2],
        "p99": taken[len(taken) * 99 // 100],
    }


def _once(port: int, key: str, number: int, info_hash: str) -> None:
    query = (
        f"info_hash={quote_from_bytes(bytes.fromhex(info_hash))}&peer_id=-BN0001-{number:012}&port={20_000 + number}"
        "&uploaded=0&downloaded=0&left=1000&compact=1&numwant=50"
    )
    request = f"GET /{key}/announce?{query} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n"
    with socket.create_connection((LOOPBACK, port), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = b""
        while data := connection.recv(_READ):
            answer += data
    if b"8:interval" not in answer:
        raise ValueError(f"the tracker answered {answer[:400]!r}")


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(announce(**json.loads(line))), flush=True)
