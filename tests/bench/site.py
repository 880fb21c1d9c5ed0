"""A server and terminals, each on a host of its own, and a rollout among them, measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.network import Host, Network
from voi.demo.image import write_image
from voi.demo.processes import ServerProcess, StageError, TerminalProcesses, wait_until

PATIENCE = 600.0
ANY = "0.0.0.0"
MIB = 1 << 20


@dataclass(frozen=True)
class Finished:
    """How a distribution went. `seconds` has, for each terminal in its order, the time until it had everything.

    `server_sent` is bytes of payload, `received` bytes on the wire for each terminal; None where nobody counted.
    """

    seconds: Sequence[float]
    server_sent: float
    received: Sequence[float]

    @property
    def last(self) -> float:
        """Seconds until the last terminal was done."""
        return max(self.seconds)

    @property
    def median(self) -> float:
        """Seconds until half of the terminals were done."""
        return statistics.median(self.seconds)


class Site:
    """A real server and real terminals on the hosts of a network; files below `directory`.

    `link` is what their administrator tells them of their links, bytes a second: no card is there to ask.
    """

    def __init__(
        self, directory: Path, network: Network, server: Host, terminals: Sequence[Host], *, link: int
    ) -> None:
        self.network = network
        self.server_host = server
        self.hosts = list(terminals)
        self.directory = directory
        self.server = ServerProcess(directory / "server", f"--link={link}", interface=ANY, prefix=server.prefix)
        address = f"{server.address}:{self.server.terminals_port}"
        self.terminals = [
            TerminalProcesses(
                directory / f"terminal{index:03}",
                address,
                f"02:56:4F:49:{index >> 8:02X}:{index & 255:02X}",
                f"--link={link}",
                address=host.address,
                prefix=host.prefix,
            )
            for index, host in enumerate(self.hosts)
        ]

    @contextmanager
    def up(self) -> Iterator[None]:
        """Start everything; stop it at the end, whatever happens."""
        try:
            self.start_server()
            self.start(self.terminals)
            yield
        finally:
            for child in (*self.terminals, self.server):
                child.kill()

    def start(self, terminals: Sequence[TerminalProcesses]) -> None:
        """Start terminals and wait until they are logged in; after a `kill` they find what they had."""
        for terminal in terminals:
            terminal.start()
        macs = {mac for terminal in terminals for mac in terminal.macs}
        wait_until(lambda: macs <= self.online(), PATIENCE, "the terminals to log in")

    def start_server(self) -> None:
        """Start the server and wait until it answers."""
        self.server_host.call(self.server.up)

    def api(self, method: str, path: str, body: object = None) -> Any:
        """A request to the server."""
        return self.server_host.call(lambda: self.server.api(method, path, body))

    def online(self) -> set[str]:
        """The MAC addresses of the terminals that are logged in."""
        return {terminal["mac"] for terminal in self.api("GET", "terminals")["terminals"] if terminal["online"]}

    def publish(self, size: int) -> tuple[str, int]:
        """Import an image with `size` bytes of content: the template's uuid, and the bytes of its file."""
        image = self.directory / "image.qcow2"
        length = write_image(image, 4 * size, data_bytes=size)
        body = {"name": "Bench", "disks": [{"type": "system", "path": str(image)}]}
        template: str = self.api("POST", "templates", body)["uuid"]

        def ready() -> bool:
            found = self.api("GET", f"templates/{template}")
            if found["state"] == "failed":
                raise StageError(f"the import failed: {found['reason']}")
            return bool(found["state"] == "ready")

        wait_until(ready, PATIENCE, "the import")
        image.unlink()
        return template, length

    def begin(self, template: str, terminals: Sequence[TerminalProcesses] | None = None) -> int:
        """Roll a template out to terminals, to all if None; the rollout's number."""
        macs = [mac for terminal in terminals or self.terminals for mac in terminal.macs]
        number: int = self.api("POST", "rollouts", {"template": template, "macs": macs})["id"]
        return number

    def targets(self, number: int) -> list[dict[str, Any]]:
        """A rollout's targets, in the order of the terminals."""
        found: list[dict[str, Any]] = self.api("GET", f"rollouts/{number}")["targets"]
        return sorted(found, key=lambda target: str(target["mac"]))

    def done(self, number: int) -> bool:
        """Whether every target of a rollout is done; one that failed is an error."""
        targets = self.targets(number)
        for target in targets:
            if target["state"] == "failed":
                raise StageError(f"{target['mac']}: {target['reason']}")
        return all(target["state"] == "done" for target in targets)

    def wait_done(self, number: int) -> None:
        """Wait until a rollout is done; asked seldom, for the times come from the server's own account."""
        end = time.monotonic() + PATIENCE
        while not self.done(number):
            if time.monotonic() > end:
                raise StageError(f"waited {PATIENCE:.0f} seconds in vain for the rollout")
            time.sleep(1.0)

    def seconds(self, number: int) -> list[float]:
        """For each target of a rollout that is done, the time from the order to its end."""
        created = datetime.fromisoformat(self.api("GET", f"rollouts/{number}")["created"])
        return [(datetime.fromisoformat(t["updated"]) - created).total_seconds() for t in self.targets(number)]

    def sent(self) -> int:
        """Bytes of payload that the server's peer has sent."""
        return sum(int(swarm["server_sent"]) for swarm in self.api("GET", "swarms")["swarms"])

    def distribute(self, template: str) -> Finished:
        """Roll out to everybody and wait for the end."""
        before = [self.network.traffic(host).received for host in self.hosts]
        sent = self.sent()
        number = self.begin(template)
        self.wait_done(number)
        time.sleep(1.5)  # the server's account of what it sent is a second old at most
        received = [self.network.traffic(host).received - then for host, then in zip(self.hosts, before, strict=True)]
        return Finished(self.seconds(number), self.sent() - sent, received)
