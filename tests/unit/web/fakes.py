"""Small fakes of what the API speaks to below it, and levels to publish."""

from __future__ import annotations

import time
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from voi.domain.actors import Actor
from voi.domain.audit import Audit
from voi.domain.command_outcomes import Command
from voi.domain.contents import READY, ContentStatus
from voi.domain.rollout_history import RolloutHistory
from voi.domain.rollouts import Rollout, Target
from voi.domain.templates import PublishedLevel
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import Ending, ImportDisk, Upload, UploadDisk, UploadState
from voi.errors import NotFound, Unauthorized
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.publishing import audit
from voi.publishing.requests import UploadRequests
from voi.rollouts import audit as rollout_audit
from voi.rollouts.bad_copies import BadCopy
from voi.rollouts.throughput import Throughput, TransferRate
from voi.store.interfaces.commands import Commands
from voi.store.interfaces.rollouts import RolloutHistories, Rollouts
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.store.interfaces.uploads import Uploads
from voi.terminals.commands import CommandDispatcher
from voi.terminals.interfaces import Connections
from voi.tracker.announce import Counts

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
TEMPLATE = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"
DISK = "11111111-2222-4333-8444-555555555555"
HASH = bytes(range(20))
NOW = 1_700_000_200.0


@dataclass
class FakeWaker:
    """Remembers whom it was to wake; `reached` of them at most."""

    woken: list[str] = field(default_factory=list)
    reached: int = 1000

    async def wake(self, macs: Sequence[str]) -> int:
        self.woken += macs
        return min(len(macs), self.reached)


class FakeContents:
    """The server's copies: `wrong` has the faults of some by their info-hash, `checked` those that were to be read."""

    def __init__(self) -> None:
        self.wrong: dict[bytes, tuple[PublishedLevel, ContentStatus]] = {}
        self.checked: list[PublishedLevel] = []

    def status(self, info_hash: bytes) -> ContentStatus:
        return self.wrong[info_hash][1] if info_hash in self.wrong else READY

    def problem(self, info_hash: bytes) -> Reason | None:
        reason = self.status(info_hash).reason
        if reason is None:
            return None
        return Reason("content_problem", template="Office", disk=str(self.wrong[info_hash][0].name), why=reason)

    def problems(self) -> list[tuple[PublishedLevel, Reason]]:
        found = [(level, self.problem(info_hash)) for info_hash, (level, _) in self.wrong.items()]
        return [(level, reason) for level, reason in found if reason is not None]

    def check(self, levels: Iterable[PublishedLevel]) -> int:
        self.checked += levels
        return len(self.checked)


@dataclass
class FakeTraffic:
    """Rates."""

    server_out: int = 0
    server_in: int = 0
    swarm: int = 0


@dataclass
class FakePasswords:
    """Knows passwords as they are, without the tenth of a second that a real check takes."""

    known: dict[str, str] = field(default_factory=dict)
    asked_from: list[str] = field(default_factory=list)

    async def check(self, name: str, password: str, address: str) -> None:
        self.asked_from.append(address)
        if self.known.get(name) != password:
            raise Unauthorized("user name or password is wrong")

    async def check_administrator(self, name: str, password: str, address: str) -> None:
        await self.check(name, password, address)

    async def hash(self, password: str) -> str:
        return f"hash of {password}"


@dataclass
class FakePublisher:
    """Progress by torrent id; what is ended early has ended at once."""

    uploads: Uploads
    known: dict[str, float] = field(default_factory=dict)

    def progress(self, disk: UploadDisk) -> float:
        return self.known.get(disk.id, 0.0)

    def rate(self, disk: UploadDisk) -> int:
        return 1000 if disk.id in self.known else 0

    async def end(self, disks: Sequence[UploadDisk], reason: str, ending: Ending, audit: Audit[list[str]]) -> None:
        await self.uploads.fail([disk.id for disk in disks], reason, time.time(), ending=ending, audit=audit)

    def copy(self, disk: UploadDisk) -> None:
        """Nothing is copied."""


class FakeAdmission:
    """Lets everybody in."""

    async def alone(self, work: Coroutine[Any, Any, Upload]) -> Upload:
        return await work

    def check_space(self, needed: int, open_disks: Sequence[UploadDisk]) -> None:
        """There is room."""


class FakeUploadRequests(UploadRequests):
    """Writes down what it is asked, and decides nothing; `asked` has the terminals that were to be told."""

    def __init__(self, uploads: Uploads, templates: Templates, terminals: Terminals, publisher: FakePublisher) -> None:
        self.asked: list[tuple[int, str]] = []
        admission: Any = FakeAdmission()
        super().__init__(
            uploads=uploads,
            templates=templates,
            terminals=terminals,
            publisher=publisher,  # type: ignore[arg-type]  # all of it that is asked here
            admission=admission,
            tell=lambda number, mac: self.asked.append((number, mac)),
            in_thread=lambda *_: succeed(10),  # the size of whatever file
        )
        self.requests: list[tuple[str, ReportedTemplate, list[tuple[DiskName, int]]]] = []
        self.imports: list[tuple[str, int, str, list[tuple[int, str]]]] = []
        self.refusal: Exception | None = None

    async def request(
        self,
        actor: Actor,
        mac: str,
        template: ReportedTemplate,
        names: Sequence[tuple[DiskName, int]],
        *,
        remark: str = "",
        instead_of: int | None = None,
    ) -> Upload:
        if self.refusal:
            raise self.refusal
        self.requests.append((mac, template, sorted(names)))
        made = 1.0 if instead_of is None else 2.0
        disks = tuple(replace(upload_disk(name, kind, mac=mac), created=made) for name, kind in names)
        named = (template.uuid, template.name, template.sys_type, template.desc)
        entry = (audit.requested if instead_of is None else audit.retried)(actor, NOW)
        upload = await self._uploads.begin(
            Upload(0, *named, mac, time.time(), disks, remark, actor), instead_of=instead_of, audit=entry
        )
        self._tell(upload.id, mac)
        return upload

    async def import_files(
        self, actor: Actor, name: str, sys_type: int, desc: str, disks: Sequence[ImportDisk]
    ) -> Upload:
        if self.refusal:
            raise self.refusal
        self.imports.append((name, sys_type, desc, [(disk.type, disk.path) for disk in disks]))
        rows = tuple(
            replace(upload_disk(DiskName(DISK, 0), disk.type), source=disk.path, state=UploadState.RECEIVING, size=10)
            for disk in disks
        )
        made = Upload(0, TEMPLATE, name, sys_type, desc, None, time.time(), rows, desc, actor)
        return await self._uploads.begin(made, audit=audit.imported(actor, NOW))


class FakeDispatcher(CommandDispatcher):
    """Writes commands down and sends nothing."""

    def __init__(
        self,
        commands: Commands,
        terminals: Terminals,
        online: Connections,
        given: list[tuple[int, dict[str, Any], list[str]]],
    ) -> None:
        super().__init__(commands, terminals, online, Clock(), now=lambda: NOW)
        self.given = given

    def send(self, command: Command) -> None:
        self.given.append((command.code, dict(command.body), [outcome.mac for outcome in command.outcomes]))


@dataclass
class FakeStallMonitor:
    """Knows what a test says."""

    still: dict[int, int] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)

    def stalled(self) -> dict[int, int]:
        return self.still

    def failing(self) -> dict[int, int]:
        return self.failed


class FakeBadCopies:
    """Has the damaged copies that a test says."""

    def __init__(self) -> None:
        self.copies: list[BadCopy] = []

    def known(self) -> list[BadCopy]:
        return self.copies


@dataclass
class FakeCoordinator:
    """Writes rollouts down and sends nothing."""

    rollouts: Rollouts
    hold: Deferred[None] | None = None
    begun: int = 0
    targets: list[tuple[int, str, str, float, str]] = field(default_factory=list)
    stall_monitor: FakeStallMonitor = field(default_factory=FakeStallMonitor)

    async def start(
        self,
        actor: Actor,
        template_uuid: str,
        macs: Sequence[str] | None,
        version: int | None = None,
        *,
        again: bool = False,
    ) -> Rollout:
        if self.hold is not None:
            await self.hold
        entry = rollout_audit.begun(actor, NOW)
        rollout = await self.rollouts.begin(template_uuid, macs, time.time(), version, again=again, audit=entry)
        self.begun += 1
        return rollout

    async def cancel(self, actor: Actor, rollout_id: int, macs: Sequence[str] | None = None) -> list[str]:
        entry = (rollout_audit.cancelled if macs is None else rollout_audit.taken_out)(actor, rollout_id, NOW)
        found = await self.rollouts.cancel(rollout_id, time.time(), macs, audit=entry)
        if found is None:
            raise NotFound(Reason("no_rollout", number=rollout_id))
        return found.macs

    def open_targets(self) -> list[tuple[int, str, str, float, str]]:
        return list(self.targets)

    def open_progress(self, rollout_id: int) -> float:
        return sum(progress for number, _, _, progress, _ in self.targets if number == rollout_id)

    async def retry(self, actor: Actor, rollout_id: int) -> list[str]:
        entry = rollout_audit.retried(actor, rollout_id, NOW)
        return [target.mac for target in await self.rollouts.retry(rollout_id, time.time(), audit=entry)]

    def progress(self, target: Target) -> float:
        return 0.25


@dataclass
class FakeRecorder:
    """What is known of rollouts that run, and the real book of those that ended."""

    histories: RolloutHistories
    transfers: dict[tuple[int, str], TransferRate] = field(default_factory=dict)
    running: dict[int, Throughput] = field(default_factory=dict)

    def transfer(self, rollout_id: int, mac: str) -> TransferRate | None:
        return self.transfers.get((rollout_id, mac))

    def now(self, rollout_id: int) -> Throughput | None:
        return self.running.get(rollout_id)

    def history(self, rollout_id: int) -> Deferred[RolloutHistory | None]:
        return self.histories.get(rollout_id)


@dataclass
class FakeTracker:
    """Counts by info-hash."""

    known: dict[bytes, Counts] = field(default_factory=dict)

    def counts(self, info_hash: bytes) -> Counts:
        return self.known.get(info_hash, Counts())


def upload_disk(name: DiskName, kind: int = 0, *, mac: str | None = None) -> UploadDisk:
    """A disk that was asked for."""
    return UploadDisk(
        id=f"torrent-{name}-{time.monotonic_ns()}",
        upload_id=0,
        template_uuid=TEMPLATE,
        mac=mac,
        source=None,
        name=name,
        type=kind,
        real_size=0,
        reserve_size=0,
        state=UploadState.REQUESTED,
        reason="",
        info_hash=None,
        size=0,
        told=False,
        created=1.0,
        updated=1.0,
    )


def level(number: int = 0, *, disk: str = DISK, info_hash: bytes = HASH, size: int = 1000) -> PublishedLevel:
    """A published level."""
    return PublishedLevel(TEMPLATE, DiskName(disk, number), 0, number, info_hash, size, 4096, 8, 1_700_000_000.0, MAC)
