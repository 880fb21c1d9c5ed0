"""Foreign programs that carry one file to all terminals: a common start, each one's end, equal files, nobody left.

Every program runs in a directory of its own. Those that wait have a pipe as standard input that all share; its end
is the start, so that what a program needs to come up is not counted.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.bench.network import PAYLOAD, Host, Network, running
from tests.bench.site import PATIENCE, Finished
from voi.demo.processes import StageError, wait_until
from voi.files.hashing import sha256_file

AT_ONCE: Final = 'cd "$0" && exec "$@"'
"""How a program is started: in its directory, at once."""
LISTENING: Final = 'cd "$0" && : > ready && exec "$@"'
"""At once, and counted as ready."""
HELD: Final = 'cd "$0" && : > ready && { read -r _; exec "$@"; }'
"""At the start of all."""

_READY_WITHIN: Final = 120.0  # seconds: interpreters come up one after the other on two cores
_LOOK_EVERY: Final = 0.02  # seconds between two looks at who has ended


class Race:
    """One distribution of `image` below `directory`; a context manager that ends every program it started."""

    def __init__(self, directory: Path, network: Network, server: Host, terminals: Sequence[Host], image: Path) -> None:
        self.directory = directory
        self.network = network
        self.server = server
        self.terminals = terminals
        self.image = image
        self._stack = ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._servers: dict[str, subprocess.Popen[bytes]] = {}
        self._waiting: list[Path] = []

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True)
        self._start_of_all, self._gate = os.pipe()
        self._stack.callback(os.close, self._start_of_all)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        # Killed before the pipe ends, or those that still wait would start.
        self._stack.close()
        if self._gate >= 0:
            os.close(self._gate)

    def serve(self, name: str, command: Sequence[str], *, how: str = AT_ONCE) -> None:
        """Run a program on the server's host, in the directory `name`, which may be there already."""
        self._servers[name] = self._run(self.directory / name, self.server, command, how)

    def check_servers(self) -> None:
        """Make sure that what runs on the server's host has not failed.

        :raises StageError: it has, with its last output.
        """
        for name, process in self._servers.items():
            if process.poll():
                raise StageError(f"{name} ended with status {process.returncode}:\n{_log(self.directory / name)}")

    def enter(self, command: Sequence[str], *, how: str) -> None:
        """Run a program on every terminal, each in its `terminal_directory`; it makes `ready` itself if AT_ONCE."""
        for index, host in enumerate(self.terminals):
            self._processes.append(self._run(self.terminal_directory(index), host, command, how))
            self._waiting.append(self.terminal_directory(index) / "ready")

    def terminal_directory(self, index: int) -> Path:
        """Where a terminal's program runs."""
        return self.directory / f"terminal{index:03}"

    def until_listening(self, port: int, what: str) -> None:
        """Wait until the server's host takes connections at a TCP port."""

        def answers() -> bool:
            self.check_servers()
            try:
                socket.create_connection((self.server.address, port), 1).close()
            except OSError:
                return False
            return True

        wait_until(lambda: self.server.call(answers), _READY_WITHIN, f"{what} to listen")

    def run(self, copy: str, marker: str | None) -> Finished:
        """Start all, and wait until every terminal has the file `copy` in its directory.

        A terminal is done when there is a file `marker`; if that is None, when its program wrote last before it
        ended well, which leaves out what it waits for afterwards.

        :raises StageError: a program failed, the time is up, or a file differs from the image.
        """
        wait_until(lambda: all(path.exists() for path in self._waiting), _READY_WITHIN, "the programs to come up")
        before = [self.network.traffic(host) for host in self.terminals]
        sent = self.network.traffic(self.server).sent
        begun = time.time()  # the clock of a file's times
        os.close(self._gate)
        self._gate = -1
        seconds = self._ends(begun, copy, marker)
        sent = self.network.traffic(self.server).sent - sent
        after = [self.network.traffic(host) for host in self.terminals]
        self._compare(copy)
        received = [(now - then).received for now, then in zip(after, before, strict=True)]
        return Finished(seconds, sent * PAYLOAD, received)

    def _run(self, directory: Path, host: Host, command: Sequence[str], how: str) -> subprocess.Popen[bytes]:
        directory.mkdir(exist_ok=True)
        whole = ["sh", "-c", how, str(directory), *command]
        return self._stack.enter_context(running(whole, host, directory / "log", stdin=self._start_of_all))

    def _ends(self, begun: float, copy: str, marker: str | None) -> list[float]:
        ends: dict[int, float] = {}
        while len(ends) < len(self._processes):
            self.check_servers()
            for index, process in enumerate(self._processes):
                if index not in ends:
                    end = self._end(index, process, copy, marker)
                    if end is not None:
                        ends[index] = end - begun
            if time.time() - begun > PATIENCE:
                missing = len(self._processes) - len(ends)
                raise StageError(f"{missing} of {len(self._processes)} terminals not done in {PATIENCE:.0f} seconds")
            time.sleep(_LOOK_EVERY)
        return [ends[index] for index in range(len(self._processes))]

    def _end(self, index: int, process: subprocess.Popen[bytes], copy: str, marker: str | None) -> float | None:
        directory = self.terminal_directory(index)
        if marker is not None and (directory / marker).exists():
            return (directory / marker).stat().st_mtime
        status = process.poll()
        if status is None:
            return None
        if status == 0 and marker is None and (directory / copy).exists():
            return (directory / copy).stat().st_mtime
        raise StageError(f"terminal {index}: its program ended with status {status}:\n{_log(directory)}")

    def _compare(self, copy: str) -> None:
        wanted = self.image.stat().st_size, sha256_file(self.image)
        paths = [self.terminal_directory(index) / copy for index in range(len(self.terminals))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, found in zip(paths, pool.map(_facts, paths), strict=True):
                if found != wanted:
                    raise StageError(f"{path} is not what was sent: {found}, not {wanted}")


def _facts(path: Path) -> tuple[int, str]:
    return path.stat().st_size, sha256_file(path)


def _log(directory: Path) -> str:
    return (directory / "log").read_text("utf-8", "replace")[-2000:].strip()
