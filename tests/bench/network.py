"""A network on one machine: hosts in namespaces of their own, links with limits, switches, uplinks. Needs root.

Every link limits what is sent (token bucket) on both of its ends, so a host has an upload and a download limit as
behind a real cable. All names begin with a prefix of this process, and everything goes when the network is closed.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

PAYLOAD: Final = 1448 / 1514
"""The part of a link that is payload of TCP: 1448 of the 1514 bytes of a full frame (timestamps on)."""

_CLONE_NEWNET: Final = 0x40000000
_NETNS: Final = Path("/run/netns")
_HEADERS: Final = 1514 - 1448
_NEIGHBOURS: Final = Path("/proc/sys/net/ipv4/neigh/default")
_NEIGHBOUR_LIMITS: Final = {"gc_thresh3": 65536, "gc_thresh2": 32768, "gc_thresh1": 16384}
"""Entries of the kernel's ARP tables: one bound for all namespaces together, and 64 hosts that all speak to one another
are 4,096 of its usual 1,024. Beyond, connections fail at random."""
_BUFFER: Final = 128 << 10  # bytes that wait at a full link: two segments of each of thirty connections, and some

T = TypeVar("T")


class NetworkError(Exception):
    """A network cannot be made here; the message says why."""


def available() -> str:
    """Empty if a network can be made here, else what is missing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "tc"):
        if shutil.which(program) is None:
            return f"{program} is missing (Debian: iproute2)"
    try:
        with Network("p"):
            return ""
    except NetworkError as error:
        return str(error)


@dataclass(frozen=True)
class Traffic:
    """Bytes on a wire, headers included: `sent` by the host or room at its end, and `received`."""

    sent: int
    received: int

    def __sub__(self, earlier: Traffic) -> Traffic:
        return Traffic(self.sent - earlier.sent, self.received - earlier.received)


@dataclass(frozen=True)
class Payload:
    """Bytes of TCP payload, counted where a link is limited: `sent` by the host or room at its end, and `received`."""

    sent: int
    received: int

    def __sub__(self, earlier: Payload) -> Payload:
        return Payload(self.sent - earlier.sent, self.received - earlier.received)


@dataclass(frozen=True)
class Limits:
    """What a link carries, in bytes a second on the wire; 0 is no limit."""

    up: int
    down: int


@dataclass(frozen=True)
class Host:
    """A machine of its own: a namespace with one interface."""

    namespace: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What to put before a command so that it runs there."""
        return ("ip", "netns", "exec", self.namespace)

    def call(self, work: Callable[[], T]) -> T:
        """Do something with this host's network, in a thread of its own; its result or what it raised."""
        results: list[T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                handle = os.open(_NETNS / self.namespace, os.O_RDONLY)
                try:
                    if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                finally:
                    os.close(handle)
                results.append(work())
            except BaseException as error:  # handed to the caller's thread
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]


class Network:
    """Switches, hosts and uplinks; a context manager that leaves nothing behind."""

    def __init__(self, label: str) -> None:
        self._name = f"voi{os.getpid()}{label}"
        self._core = f"{self._name}-core"
        self._numbers = itertools.count(1)
        self._namespaces: list[str] = []
        self._limits: dict[Host, Limits] = {}
        self._neighbour_limits: dict[str, str] = {}  # as they were

    def __enter__(self) -> Self:
        try:
            self._raise_neighbour_limits()
            self._add_namespace(self._core)
        except NetworkError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        for namespace in reversed(self._namespaces):
            subprocess.run(["ip", "netns", "del", namespace], check=False)
        for name, before in self._neighbour_limits.items():
            (_NEIGHBOURS / name).write_text(before)

    def switch(self, *, uplink_to: str | None = None, rate: int = 0) -> str:
        """A switch, or one behind an uplink of `rate` bytes a second each way to another; its name."""
        number = next(self._numbers)
        name = f"sw{number}"
        _ip("-n", self._core, "link", "add", name, "type", "bridge", "mcast_snooping", "0")
        _ip("-n", self._core, "link", "set", name, "up")
        if uplink_to is not None:
            up, down = f"up{number}", f"dn{number}"
            _ip("-n", self._core, "link", "add", up, "type", "veth", "peer", "name", down)
            for end, bridge in ((up, name), (down, uplink_to)):
                _ip("-n", self._core, "link", "set", end, "master", bridge, "up")
                _limit(self._core, end, rate)
        return name

    def uplink_payload(self, switch: str) -> Payload:
        """What has crossed a switch's uplink so far: `sent` left the room, `received` came into it."""
        number = switch.removeprefix("sw")
        return Payload(_payload(self._core, f"up{number}"), _payload(self._core, f"dn{number}"))

    def host(self, switch: str, address: str, *, up: int, down: int) -> Host:
        """A host at a switch; limits in bytes a second, 0 is none. All addresses are of one /16."""
        number = next(self._numbers)
        namespace, port = f"{self._name}-{number}", f"port{number}"
        self._add_namespace(namespace)
        _ip("-n", self._core, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        _ip("-n", self._core, "link", "set", port, "master", switch, "up")
        _ip("-n", namespace, "address", "add", f"{address}/16", "broadcast", "+", "dev", "eth0")
        _ip("-n", namespace, "link", "set", "eth0", "up")
        # For a foreign program that broadcasts.
        _ip("-n", namespace, "route", "add", "default", "dev", "eth0")
        _limit(namespace, "eth0", up)
        _limit(self._core, port, down)
        made = Host(namespace, address)
        self._limits[made] = Limits(up, down)
        return made

    def traffic(self, host: Host) -> Traffic:
        """What a host has sent and received so far."""
        return _traffic(host.namespace, "eth0")

    def payload(self, host: Host) -> Payload:
        """The same as payload, since its limits were set."""
        return Payload(_payload(host.namespace, "eth0"), _payload(self._core, _port(host)))

    def limit(self, host: Host, *, up: int, down: int) -> None:
        """Change a host's limits."""
        _limit(host.namespace, "eth0", up)
        _limit(self._core, _port(host), down)
        self._limits[host] = Limits(up, down)

    def limits(self, host: Host) -> Limits:
        """A host's limits as they are now."""
        return self._limits[host]

    def _raise_neighbour_limits(self) -> None:
        for name, wanted in _NEIGHBOUR_LIMITS.items():
            path = _NEIGHBOURS / name
            with suppress(OSError):  # where it may not be changed, thirty hosts still work
                before = path.read_text()
                if int(before) < wanted:
                    path.write_text(str(wanted))
                    self._neighbour_limits[name] = before

    def _add_namespace(self, name: str) -> None:
        _ip("netns", "add", name)
        self._namespaces.append(name)
        _ip("-n", name, "link", "set", "lo", "up")
        _run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_congestion_control=reno")


@contextmanager
def running(
    command: list[str], host: Host, log: Path, stdin: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """A foreign program on a host, ended at the end; what it says goes to `log`, `stdin` is a descriptor."""
    with log.open("ab") as file:
        process = subprocess.Popen([*host.prefix, *command], stdout=file, stderr=file, stdin=stdin)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _limit(namespace: str, device: str, rate: int) -> None:
    if rate:
        burst = max(32 << 10, rate // 250)  # whole segments of a block pass, and what a slow timer lets through at once
        _run("tc", "-n", namespace, "qdisc", "replace", "dev", device, "root", "tbf", "rate", f"{rate * 8}bit",
             "burst", str(burst), "limit", str(max(_BUFFER, rate // 20)))  # fmt: skip


def _traffic(namespace: str, device: str) -> Traffic:
    found: list[dict[str, Any]] = json.loads(_ip("-n", namespace, "-s", "-j", "link", "show", "dev", device))
    counters = found[0]["stats64"]
    return Traffic(counters["tx"]["bytes"], counters["rx"]["bytes"])


def _port(host: Host) -> str:
    return f"port{host.namespace.rpartition('-')[2]}"


def _payload(namespace: str, device: str) -> int:
    """What a limited end of a link has passed on, without headers.

    The limiter counts a large segment as the packets that it becomes on a wire, each with its headers; the interface
    does not, so a share of its bytes would be off by up to a twentieth.
    """
    found: list[dict[str, Any]] = json.loads(_run("tc", "-n", namespace, "-s", "-j", "qdisc", "show", "dev", device))
    return sum(int(one["bytes"]) - _HEADERS * int(one["packets"]) for one in found if one["kind"] == "tbf")


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*arguments: str) -> str:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetworkError(f"{' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
