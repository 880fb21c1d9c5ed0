"""What the kernel gives: a file sent with sendfile over a loopback connection, read and thrown away."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from pathlib import Path

from tests.bench.processes import Helper
from voi.demo.processes import LOOPBACK

_READ = 1 << 20


def send(path: Path) -> tuple[float, float]:
    """Seconds to send a file, and the sender's processor time in them."""
    with Helper("sendfile") as reader, path.open("rb") as file, socket.socket() as connection:
        size = path.stat().st_size
        connection.connect((LOOPBACK, reader.receive()))
        before, begun = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        sent = 0
        while sent < size:
            sent += os.sendfile(connection.fileno(), file.fileno(), sent, size - sent)
        connection.shutdown(socket.SHUT_WR)
        reader.receive()
        seconds = time.monotonic() - begun
        after = resource.getrusage(resource.RUSAGE_SELF)
        return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Read one connection to its end."""
    with socket.create_server((LOOPBACK, 0)) as server:
        print(server.getsockname()[1], flush=True)
        connection, _ = server.accept()
        buffer = bytearray(_READ)
        total = 0
        while count := connection.recv_into(buffer):
            total += count
        print(total, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
