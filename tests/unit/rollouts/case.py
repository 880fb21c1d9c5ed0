"""The coordinator of rollouts on a real database, with a fleet, a seed and a tracker that only play."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from tests.unit.store.base import DISK, MAC, TEMPLATE, StoreCase, level
from voi.domain import metainfo
from voi.domain.commands import Command
from voi.domain.rollouts import Rollout, Target
from voi.errors import TerminalOffline
from voi.files.directory import DataDirectory
from voi.names import DiskName
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.sender import Sender
from voi.wire import torrent_body
from voi.wire.messages import Reply, TaskState, success
from voi.wire.torrent_body import TorrentBody

BASE, DIFF = DiskName(DISK, 0), DiskName(DISK, 1)
SIZE = 100_000


@dataclass
class FakeConnection:
    """Where a terminal reached us."""

    server_host: str = "10.0.0.254"


class FakeFleet:
    """Terminals that answer 1015 as they are told to."""

    def __init__(self) -> None:
        self.online: list[Callable[[str], None]] = []
        self.offline: list[Callable[[str], None]] = []
        self.there: set[str] = set()
        self.sent: list[tuple[str, TorrentBody]] = []
        self.answer: Callable[[], Deferred[Reply]] = lambda: succeed(success())

    def __contains__(self, mac: object) -> bool:
        return mac in self.there

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.there))

    def connection(self, mac: str) -> FakeConnection | None:
        """A connection for who is there."""
        return FakeConnection() if mac in self.there else None

    def send_torrent(self, mac: str, code: int, body: bytes, task_uuid: str) -> Deferred[Reply]:
        """Note a 1015 and answer it."""
        if mac not in self.there:
            return fail(TerminalOffline(f"terminal {mac} is offline"))
        self.sent.append((mac, torrent_body.parse(body)))
        return self.answer()

    def come(self, mac: str) -> None:
        """A terminal logs in."""
        self.there.add(mac)
        for listener in self.online:
            listener(mac)

    def go(self, mac: str) -> None:
        """A terminal goes away."""
        self.there.discard(mac)
        for listener in self.offline:
            listener(mac)

    def names(self, mac: str = MAC) -> list[str]:
        """What a terminal was sent."""
        return [f"voi_{body.level}_{body.disk_uuid}" for who, body in self.sent if who == mac]


@dataclass
class FakePeer:
    """A peer as tracker and seed know it."""

    terminal: str
    host: str = "10.0.0.1"
    port: int = 7000
    progress: float = 0.0
    total_up: int = 0


class FakeSwarm:
    """Tracker and seed in one."""

    def __init__(self) -> None:
        self.known: list[FakePeer] = []
        self.connected: list[tuple[bytes, str, int]] = []

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """As the seed: note it."""
        self.connected.append((info_hash, host, port))

    def peers(self, info_hash: bytes) -> list[FakePeer]:
        """As the tracker."""
        return self.known

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[Any, ...]]:
        """As the seed."""
        return succeed(tuple(self.known))


class FakeCommands:
    """Notes commands."""

    def __init__(self) -> None:
        self.sent: list[Command] = []

    def send(self, command: Command) -> None:
        """Note a command."""
        self.sent.append(command)


class CoordinatorCase(StoreCase):
    """A template with a base and a difference, and a coordinator."""

    async def prepare(self, *macs: str) -> None:
        """Publish, make the terminals' rows, and start."""
        self.directory = DataDirectory(self.path.absolute())
        self.directory.create()
        self.torrents = {}
        levels = []
        for number in (0, 1):
            name = DiskName(DISK, number)
            torrent = metainfo.build(name, SIZE, 65536, bytes([number]) * 40, None)
            info_hash = metainfo.parse(torrent).info_hash
            self.directory.torrent(info_hash).write_bytes(torrent)
            self.torrents[name] = info_hash
            plain = level(number, size=SIZE)
            levels.append(replace(plain, info_hash=info_hash))
        await self.publish(*levels)
        self.keys = {mac: await self.terminal(mac) for mac in macs or (MAC,)}
        self.now = 1_000_000.0
        self.served: list[tuple[str, int]] = []
        self.clock = Clock()
        self.registry, self.swarm, self.commands = FakeFleet(), FakeSwarm(), FakeCommands()
        self.coordinator = self.build()

    def build(self) -> RolloutCoordinator:
        """A coordinator, as after a start."""
        self.registry.online.clear()
        self.registry.offline.clear()
        return RolloutCoordinator(
            rollouts=self.rollouts,
            templates=self.templates,
            terminals=self.terminals,
            registry=self.registry,
            sender=Sender(
                registry=self.registry,
                terminals=self.terminals,
                directory=self.directory,
                tracker_url=lambda host, key: f"http://{host}/{key}/announce",
                in_thread=lambda f, *args: succeed(f(*args)),
            ),
            commands=self.commands,
            seeder=self.swarm,
            tracker=self.swarm,
            clock=self.clock,
            served=lambda info_hash, sent: self.served.extend(sent),
            wall=lambda: self.now,
        )

    async def started(self) -> None:
        """A terminal that downloads."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()

    async def settle(self) -> None:
        """Wait until the coordinator has nothing under way: each pass goes through the store's threads."""
        for _ in range(12):
            await self.store.write(lambda _db: None)
            await self.store.read(lambda _db: None)

    async def rollout(self, number: int = 1) -> Rollout:
        """The rollout as it is on disk."""
        await self.settle()
        found = await self.rollouts.get(number)
        assert found is not None
        return found

    async def target(self, number: int = 1) -> Target:
        """The first target of a rollout."""
        return (await self.rollout(number)).targets[0]

    async def begin(self) -> None:
        """A rollout to everybody."""
        await self.coordinator.begin(TEMPLATE, None)
        await self.settle()

    def state(self, name: DiskName, progress: float, state: str = "downloading") -> TaskState:
        """A 9025."""
        return TaskState(torrent_name=str(name), progress=progress, state=state)
