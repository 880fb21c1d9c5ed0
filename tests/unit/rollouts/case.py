"""The coordinator of rollouts on a real database, with a registry, a seed and a tracker that only play."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.unit.fakes import FakeConnections, FakeSession
from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, TEMPLATE, level
from voi.catalogue.interfaces import Contents
from voi.domain import metainfo
from voi.domain.actors import Actor
from voi.domain.command_outcomes import Command
from voi.domain.rollouts import Rollout, Target
from voi.files.directory import DataDirectory
from voi.names import DiskName
from voi.rollouts.coordinator import RolloutCoordinator
from voi.rollouts.sender import Sender
from voi.seeding.interfaces import ConnectedPeer
from voi.signals import Signal
from voi.tracker.tracker import Tracker
from voi.wire.messages import TaskState

BASE, DIFF = DiskName(DISK, 0), DiskName(DISK, 1)
SIZE = 100_000
LI = Actor("account", "li", "192.0.2.1")


@dataclass
class FakePeer:
    """A peer as tracker and seed know it."""

    terminal: str
    host: str = "10.0.0.1"
    port: int = 7000
    progress: float = 0.0
    total_up: int = 0


class FakeSwarm(FakeSession):
    """Tracker and seed in one."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[FakePeer] = []
        self.connected_peers: list[FakePeer] | None = None

    def peers(self, info_hash: bytes) -> list[FakePeer]:
        """As the tracker."""
        return self.known

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[ConnectedPeer, ...]]:
        """As the seed."""
        return succeed(
            cast(
                "tuple[ConnectedPeer, ...]", tuple(self.known if self.connected_peers is None else self.connected_peers)
            )
        )


class CoordinatorCase(StoreCase):
    """A template with a base and a difference, and a coordinator; `contents` is what knows of the server's copies."""

    contents: Contents | None = None

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
        self.clock, self._wall = Clock(), 1_000_000.0
        self.served: list[tuple[str, int]] = []
        self.registry, self.swarm = FakeConnections(), FakeSwarm()
        self.commands: list[Command] = []
        self.coordinator = self.build()

    @property
    def now(self) -> float:
        """The time of day, in seconds since the epoch; set to later, so much time goes by."""
        return self._wall

    @now.setter
    def now(self, later: float) -> None:
        self.clock.advance(later - self._wall)
        self._wall = later

    def step(self, seconds: float) -> None:
        """Somebody sets the clock on the wall, forward or back; no time goes by."""
        self._wall += seconds

    def build(self) -> RolloutCoordinator:
        """A coordinator, as after a start."""
        self.registry.online, self.registry.offline = Signal("online"), Signal("offline")
        coordinator = RolloutCoordinator(
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
            send_command=self.commands.append,
            seeder=self.swarm,
            tracker=cast("Tracker", self.swarm),
            clock=self.clock,
            contents=self.contents,
            served=lambda info_hash, sent: self.served.extend(sent),
            wall=lambda: self.now,
        )
        self.registry.online.connect(coordinator.terminal_came)
        self.registry.offline.connect(coordinator.terminal_left)
        return coordinator

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
        await self.coordinator.start(LI, TEMPLATE, None)
        await self.settle()

    def state(self, name: DiskName, progress: float, state: str = "downloading") -> TaskState:
        """A 9025."""
        return TaskState(torrent_name=str(name), progress=progress, state=state)
