"""Real servers and terminals as child processes of one machine, and the server's API, for the demo and the tests."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

LOOPBACK: Final = "127.0.0.1"
_TWISTD: Final = (sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "--nodaemon", "--pidfile=")
_PASSWORD: Final = re.compile(r"^admin password: (\S+)$", re.MULTILINE)
_PAUSE: Final = 0.05  # seconds between two looks at something that is awaited


class StageError(Exception):
    """A process ended, or something awaited did not come; the message ends with the process's last lines."""


PORTS: Final = range(16_384, 32_768)
"""Below those that systems give to outgoing connections: one of these could be taken by anybody before it is used."""


def free_port(host: str = LOOPBACK) -> int:
    """A port that is free now, of TCP and UDP."""
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                stream.bind((host, port))
                datagrams.bind((host, port))
            except OSError:
                continue
            return port


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Look until a condition holds; its value.

    :raises StageError: it did not within `seconds`.
    """
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise StageError(f"waited {seconds:.0f} seconds in vain for {what}")
        time.sleep(_PAUSE)


class ChildProcess:
    """A twistd child process that logs to a file; `prefix` is a command that runs it, in a network of its own say."""

    def __init__(self, log: Path, arguments: list[str], prefix: Sequence[str] = ()) -> None:
        self.log = log
        self._prefix = tuple(prefix)
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process, after ending what a killed parent left of it; its log goes on in the same file."""
        self.end_leftover()
        with self.log.open("ab") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own program with our own arguments
                [*self._prefix, *_TWISTD, *self._arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.log.parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._pid_file.write_text(str(self._process.pid))
        return self

    @property
    def _pid_file(self) -> Path:
        return self.log.with_suffix(".pid")

    def end_leftover(self) -> None:
        """Kill the process of an earlier run: a child outlives a parent that was killed."""
        try:
            number = int(self._pid_file.read_text())
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except (OSError, ValueError):
            return
        if str(self.log.parent).encode() in command and number != getattr(self._process, "pid", None):
            os.kill(number, signal.SIGKILL)
            wait_until(lambda: not Path(f"/proc/{number}").exists(), 10, f"process {number} to end")

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process is not None
        return self._process.pid

    def wait(self, seconds: float | None = 30) -> int:
        """Wait for the process's end; its exit status."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self) -> int | None:
        """SIGTERM, and wait for the end; the exit status, None if it did not run."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: nothing can be saved."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int | None:
        if self._process is None:
            return None
        if self.running:
            self._process.send_signal(number)
        try:
            return self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise StageError(f"the process did not end:\n{self.tail()}") from None
        finally:
            self._process = None
            self._pid_file.unlink(missing_ok=True)

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:]) if self.log.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.stop()


class ServerProcess(ChildProcess):
    """`twistd voi` on ports of its own, below `directory`; `interface` is the address it listens on."""

    def __init__(self, directory: Path, *options: str, interface: str = LOOPBACK, prefix: Sequence[str] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.tls: ssl.SSLContext | None = None  # what the API's certificate is checked by, where it speaks TLS
        self.data = directory / "data"
        self.terminals_port, self.http_port, self.bittorrent_port = (free_port() for _ in range(3))
        super().__init__(
            directory / "server.log",
            [
                "voi",
                f"--data={self.data}",
                f"--terminals=tcp:{self.terminals_port}:interface={interface}",
                f"--http=tcp:{self.http_port}:interface={interface}",
                f"--bittorrent={interface}:{self.bittorrent_port}",
                *options,
            ],
            prefix,
        )

    def options(self, *options: str) -> None:
        """Add options for the next start."""
        self._arguments += options

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"{'https' if self.tls else 'http'}://{LOOPBACK}:{self.http_port}"

    @property
    def address(self) -> str:
        """Where terminals log in."""
        return f"{LOOPBACK}:{self.terminals_port}"

    @property
    def token(self) -> str:
        """The API's token."""
        return (self.data / "api-token").read_text("ascii").strip()

    @property
    def admin_password(self) -> str:
        """The administrator's password, as the start printed it; it is kept once the server is up.

        :raises StageError: none was printed.
        """

        def printed() -> str:
            before, up, _ = self.log.read_text().rpartition("voi is up")
            return found[-1] if up and (found := _PASSWORD.findall(before)) else ""

        password: str = wait_until(printed, 10, "the admin password")
        return password

    def up(self, seconds: float = 30) -> Self:
        """Start and wait until the API answers."""
        self.start()

        def answers() -> bool:
            if not self.running:
                raise StageError(f"the server did not start:\n{self.tail()}")
            try:
                return self.call("GET", "/healthz")[0] == 200
            except OSError:
                return False

        wait_until(answers, seconds, "the server to answer")
        return self

    def call(self, method: str, path: str, body: object = None, *, token: str | None = None) -> tuple[int, Any]:
        """One request to the API: status, and the JSON that came back.

        :raises OSError: the server cannot be reached.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if path != "/healthz":
            headers["Authorization"] = f"Bearer {self.token if token is None else token}"
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310 - http or https
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:  # noqa: S310 - http or https
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def api(self, method: str, path: str, body: object = None) -> Any:
        """A request below /api/v1 that must go well; what came back.

        :raises StageError: it did not.
        """
        status, answer = self.call(method, f"/api/v1/{path}", body)
        if status >= 300:
            raise StageError(f"{method} {path}: {status} {answer}")
        return answer


class TerminalProcesses(ChildProcess):
    """`twistd voi-terminal`: one, or `count` in one process, with their disks in directories of their own."""

    def __init__(
        self,
        directory: Path,
        server: str,
        mac: str,
        *options: str,
        address: str,
        count: int = 1,
        prefix: Sequence[str] = (),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.count = directory / "disks", count
        first = int(mac.replace(":", ""), 16)
        macs = (f"{first + index:012X}" for index in range(count))
        self.macs = [":".join(text[i : i + 2] for i in range(0, 12, 2)) for text in macs]
        super().__init__(
            directory / "terminals.log",
            [
                "voi-terminal",
                f"--server={server}",
                f"--mac={mac}",
                f"--disks={self.directory}",
                f"--count={count}",
                f"--address={address}",
                *options,
            ],
            prefix,
        )

    @property
    def directories(self) -> list[Path]:
        """Where each one's disks are."""
        if self.count == 1:
            return [self.directory]
        return [self.directory / f"{index + 1:02}" for index in range(self.count)]


def write_template(directory: Path, template_uuid: str, name: str) -> None:
    """Tell a terminal what the disks in its directory are a template of."""
    directory.mkdir(parents=True, exist_ok=True)
    text = f'uuid = "{template_uuid}"\nname = {json.dumps(name)}\nsys_type = 0\ndesc = ""\n'
    (directory / "template.toml").write_text(text)


@contextmanager
def all_stopped(children: list[ChildProcess]) -> Iterator[None]:
    """Stop what was started, whatever happens."""
    try:
        yield
    finally:
        for child in reversed(children):
            child.stop()
