"""A site of real processes for tests: server, terminals, and a client that speaks like a seed terminal."""

from __future__ import annotations

import json
import socket
import uuid
from pathlib import Path
from typing import Any, TypeVar

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.wire.builders import frame
from voi.demo.image import write_image
from voi.demo.processes import ChildProcess, ServerProcess, TerminalProcesses, wait_until, write_template
from voi.files.hashing import sha256_file
from voi.names import DiskName
from voi.wire.frame import AT_TERMINAL, Frame, FrameReader

PATIENCE = 120.0
UPLOADER = "02:00:00:00:00:01"
RECEIVER = "02:00:00:00:01:01"
MIB = 1 << 20

T = TypeVar("T", bound=ChildProcess)


class PlainTerminal:
    """A seed terminal by hand, on a blocking socket: knows no token and sends no heartbeats."""

    def __init__(self, server: ServerProcess, mac: str) -> None:
        self.mac = mac
        self._socket = socket.create_connection(("127.0.0.1", server.terminals_port), timeout=30)
        self._reader = FrameReader(AT_TERMINAL)
        self._number = 0

    def send(self, data: bytes) -> None:
        """Any bytes."""
        self._socket.sendall(data)

    def receive(self) -> Frame:
        """The next frame; EOFError if the server closed the connection."""
        while (found := self._reader.next_frame()) is None:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._reader.feed(data)
        return found

    def closed(self) -> bool:
        """Wait until the server has closed the connection."""
        try:
            while True:
                self.receive()
        except (EOFError, ConnectionError):
            return True

    def ask(self, code: int, body: Any = None) -> dict[str, Any]:
        """A request and its reply."""
        self._number += 1
        self.send(frame(code, body, number=self._number))
        while True:
            found = self.receive()
            if found.direction == 2 and found.service_code == code:
                answer: dict[str, Any] = json.loads(found.data)
                return answer

    def drain(self) -> None:
        """Read what is there, without waiting for more."""
        self._socket.settimeout(0.01)
        try:
            while self._socket.recv(65536):
                pass
        except TimeoutError:
            pass
        finally:
            self._socket.settimeout(30)

    def log_in(self) -> dict[str, Any]:
        """The seed's login."""
        return self.ask(9010, {"mac": self.mac, "ip": "127.0.0.1"})

    def answer(self, command: Frame, code: int = 0) -> None:
        """Answer a command as family clients do: request code 0, batch_no repeated."""
        batch_no = json.loads(command.data)["batch_no"]
        body = {"code": code, "msg": "Success", "data": {"mac": self.mac, "batch_no": batch_no}}
        self.send(frame(command.service_code, body, number=0, direction=2))

    def answer_task(self, command: Frame, task: str, code: int = 0) -> None:
        """Answer a 1015, whose batch_no is the uuid of the task."""
        body = {"code": code, "msg": "", "data": {"mac": self.mac, "batch_no": task}}
        self.send(frame(command.service_code, body, number=0, direction=2))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class SiteCase(SynchronousTestCase):
    """A test with a server of its own; every process it starts is stopped at its end."""

    timeout = 600
    server_options: tuple[str, ...] = ()

    def setUp(self) -> None:
        """Make the server; `up` starts it."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.template = str(uuid.uuid4())
        self.base = DiskName(str(uuid.uuid4()), 0)
        self.server = self.child(ServerProcess(self.directory / "server", *self.server_options))

    def child(self, child: T) -> T:
        """A process that is stopped when the test is over, and whose log is shown if the test failed."""
        self.addCleanup(child.stop)
        return child

    def uploader(self, megabytes: int = 32, *options: str) -> TerminalProcesses:
        """A terminal that has a template with one disk, started and online."""
        terminals = self.child(
            TerminalProcesses(self.directory / "uploader", self.server.address, UPLOADER, *options, address="127.0.0.9")
        )
        write_template(terminals.directory, self.template, "Office")
        path = terminals.directory / str(self.base)
        write_image(path, 4 * megabytes * MIB, data_bytes=megabytes * MIB, seed=1)
        terminals.start()
        self.wait(lambda: self.terminal(UPLOADER).get("disks"), "the uploader to report its disks")
        return terminals

    def receivers(self, count: int = 1, *options: str) -> TerminalProcesses:
        """Terminals without a disk, started and online."""
        terminals = self.child(
            TerminalProcesses(
                self.directory / "receivers",
                self.server.address,
                RECEIVER,
                *options,
                count=count,
                address="127.0.0.10",
            )
        )
        terminals.start()
        self.wait(lambda: all(self.terminal(mac).get("online") for mac in terminals.macs), "the receivers")
        return terminals

    def terminal(self, mac: str) -> dict[str, Any]:
        """A terminal as the API shows it, empty if it is unknown."""
        status, found = self.server.call("GET", f"/api/v1/terminals/{mac}")
        return found if status == 200 else {}

    def wait(self, condition: Any, what: str, seconds: float = PATIENCE) -> Any:
        """Look until a condition holds, while the server runs."""
        return wait_until(condition, seconds, what)

    def import_base(self, megabytes: int = 32) -> str:
        """Import an image; its template's uuid, once it is published."""
        path = self.directory / "image.qcow2"
        write_image(path, 4 * megabytes * MIB, data_bytes=megabytes * MIB, seed=1)
        made = self.server.api("POST", "templates", {"name": "Lab", "disks": [{"type": 0, "path": str(path)}]})
        found = self.wait(lambda: self.ready(made["uuid"]), "the import")
        self.base = DiskName.parse(found["disks"][0]["name"])
        self.template = made["uuid"]
        return self.template

    def ready(self, template: str) -> Any:
        """A template when it is published, None before; its failure fails the test."""
        found = self.server.api("GET", f"templates/{template}")
        self.assertNotEqual(found["state"], "failed", found)
        return found if found["state"] == "ready" else None

    def begin_upload(self) -> int:
        """Ask the uploader for its disk."""
        upload: int = self.server.api("POST", "uploads", {"mac": UPLOADER, "template": self.template})["id"]
        return upload

    def upload(self, number: int) -> Any:
        """An upload; one that failed fails the test."""
        found = self.server.api("GET", f"uploads/{number}")
        self.assertNotEqual(found["state"], "failed", found)
        return found

    def published(self, number: int) -> None:
        """Wait until an upload is published."""
        self.wait(lambda: self.upload(number)["state"] == "published", "the upload to be published")

    def roll_out(self, macs: list[str], *, again: bool = False) -> int:
        """Begin a rollout, `again` also for terminals that say that they have it."""
        body = {"template": self.template, "macs": macs, "again": again}
        number: int = self.server.api("POST", "rollouts", body)["id"]
        return number

    def rollout(self, number: int) -> Any:
        """A rollout."""
        return self.server.api("GET", f"rollouts/{number}")

    def done(self, number: int) -> None:
        """Wait until a rollout is done; one that failed fails the test."""

        def done() -> bool:
            found = self.rollout(number)
            self.assertNotEqual(found["state"], "failed", found)
            return bool(found["state"] == "done")

        self.wait(done, "the rollout to be done")

    def swarm(self, name: DiskName | None = None) -> Any:
        """A disk's torrent as the API shows it."""
        swarms = self.server.api("GET", "swarms")["swarms"]
        return next(swarm for swarm in swarms if swarm["name"] == str(name or self.base))

    def assert_equal_copies(self, *directories: Path, name: DiskName | None = None) -> None:
        """Every directory has the disk, byte for byte as the server has it."""
        expected = sha256_file(self.server.data / "disks" / str(name or self.base))
        for directory in directories:
            self.assertEqual(sha256_file(directory / str(name or self.base)), expected, directory)
