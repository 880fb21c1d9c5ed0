"""Small fakes of what the API speaks to below it, and levels to publish."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import Deferred

from voi.domain.audit import Actor, who
from voi.domain.command_outcomes import Command
from voi.domain.rollout_history import RolloutHistory
from voi.domain.rollouts import Rollout, Target
from voi.domain.templates import PublishedLevel
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import Upload, UploadDisk, UploadState
from voi.errors import NotFound, Unauthorized, UnknownUpload
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.rollouts.throughput import Throughput, TransferRate
from voi.store.interfaces.commands import Commands
from voi.store.interfaces.rollouts import RolloutHistories, Rollouts
from voi.store.interfaces.uploads import Uploads
from voi.tracker.announce import Counts
from voi.wire.codes import Code

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
TEMPLATE = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"
DISK = "11111111-2222-4333-8444-555555555555"
HASH = bytes(range(20))


@dataclass
class FakeWaker:
    """Remembers whom it was to wake; `reached` of them at most."""

    woken: list[str] = field(default_factory=list)
    reached: int = 1000

    async def wake(self, macs: Sequence[str]) -> int:
        self.woken += macs
        return min(len(macs), self.reached)


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

    async def hash(self, password: str) -> str:
        return f"hash of {password}"


@dataclass
class FakePublisher:
    """Progress by torrent id."""

    known: dict[str, float] = field(default_factory=dict)

    def progress(self, disk: UploadDisk) -> float:
        return self.known.get(disk.id, 0.0)

    def rate(self, disk: UploadDisk) -> int:
        return 1000 if disk.id in self.known else 0


@dataclass
class FakeUploadRequests:
    """Writes down what it is asked, and decides nothing."""

    uploads: Uploads
    requests: list[tuple[str, ReportedTemplate, list[tuple[DiskName, int]]]] = field(default_factory=list)
    imports: list[tuple[str, int, str, list[tuple[int, str]]]] = field(default_factory=list)
    refusal: Exception | None = None

    async def request(
        self,
        mac: str,
        template: ReportedTemplate,
        names: Sequence[tuple[DiskName, int]],
        *,
        actor: Actor,
        remark: str,
    ) -> Upload:
        if self.refusal:
            raise self.refusal
        self.requests.append((mac, template, sorted(names)))
        disks = tuple(upload_disk(name, kind, mac=mac) for name, kind in names)
        named = (template.uuid, template.name, template.sys_type, template.desc)
        return await self.uploads.begin(Upload(0, *named, mac, time.time(), disks, remark, who(actor), actor.address))

    async def retry(self, upload_id: int, *, actor: Actor) -> Upload:
        if self.refusal:
            raise self.refusal
        old = await self.uploads.dismiss(upload_id)
        if old is None:
            raise UnknownUpload(f"no upload {upload_id}")
        disks = tuple(replace(upload_disk(disk.name, mac=old.mac), created=2.0) for disk in old.disks)
        return await self.uploads.begin(replace(old, id=0, disks=disks, asked_by=who(actor)))

    async def import_files(self, name: str, sys_type: int, desc: str, disks: Any, *, actor: Actor) -> Upload:
        if self.refusal:
            raise self.refusal
        self.imports.append((name, sys_type, desc, [(disk.type, disk.path) for disk in disks]))
        rows = tuple(
            replace(upload_disk(DiskName(DISK, 0), disk.type), source=disk.path, state=UploadState.RECEIVING, size=10)
            for disk in disks
        )
        made = Upload(0, TEMPLATE, name, sys_type, desc, None, time.time(), rows, desc, who(actor), actor.address)
        return await self.uploads.begin(made)

    async def cancel(self, upload_id: int) -> Upload:
        upload = await self.uploads.get(upload_id)
        if upload is None:
            raise UnknownUpload(f"no upload {upload_id}")
        for disk in upload.disks:
            await self.uploads.set_state(disk.id, UploadState.FAILED, time.time(), reason="cancelled")
        found = await self.uploads.get(upload_id)
        assert found is not None
        return found


@dataclass
class FakeNotifications:
    """Remembers whom it was to ask."""

    asked: list[tuple[int, str]] = field(default_factory=list)

    def request(self, upload_id: int, mac: str) -> None:
        self.asked.append((upload_id, mac))


@dataclass
class FakeDispatcher:
    """Writes commands down and sends nothing."""

    commands: Commands
    given: list[tuple[Code, dict[str, Any], list[str]]] = field(default_factory=list)

    def give(self, code: Code, fields: Mapping[str, Any], macs: Sequence[str]) -> Awaitable[Command]:
        self.given.append((code, dict(fields), list(macs)))
        return self.commands.begin(code, fields, macs, waits=False, now=time.time())


@dataclass
class FakeStallMonitor:
    """Knows what a test says."""

    still: dict[int, int] = field(default_factory=dict)
    failed: dict[int, int] = field(default_factory=dict)

    def standing_still(self) -> dict[int, int]:
        return self.still

    def failing(self) -> dict[int, int]:
        return self.failed


@dataclass
class FakeCoordinator:
    """Writes rollouts down and sends nothing."""

    rollouts: Rollouts
    hold: Deferred[None] | None = None
    begun: int = 0
    targets: list[tuple[int, str, str, float, str]] = field(default_factory=list)
    stall_monitor: FakeStallMonitor = field(default_factory=FakeStallMonitor)

    async def begin(self, template_uuid: str, macs: Sequence[str] | None, version: int | None = None) -> Rollout:
        if self.hold is not None:
            await self.hold
        rollout = await self.rollouts.begin(template_uuid, macs, time.time(), version)
        self.begun += 1
        return rollout

    async def cancel(self, rollout_id: int, macs: Sequence[str] | None = None) -> list[str]:
        found = await self.rollouts.cancel(rollout_id, Code.CANCEL_SEND, time.time(), macs)
        if found is None:
            raise NotFound(Reason("no_rollout", number=rollout_id))
        return found[0]

    def open_targets(self) -> list[tuple[int, str, str, float, str]]:
        return list(self.targets)

    def open_progress(self, rollout_id: int) -> float:
        return sum(progress for number, _, _, progress, _ in self.targets if number == rollout_id)

    async def retry(self, rollout_id: int) -> list[str]:
        return [target.mac for target in await self.rollouts.retry(rollout_id, time.time())]

    def progress(self, target: Target) -> float:
        return 0.25


@dataclass
class FakeRecorder:
    """What is known of rollouts that run, and the real book of those that ended."""

    courses: RolloutHistories
    paces: dict[tuple[int, str], TransferRate] = field(default_factory=dict)
    running: dict[int, Throughput] = field(default_factory=dict)

    def pace(self, rollout_id: int, mac: str) -> TransferRate | None:
        return self.paces.get((rollout_id, mac))

    def now(self, rollout_id: int) -> Throughput | None:
        return self.running.get(rollout_id)

    def course(self, rollout_id: int) -> Deferred[RolloutHistory | None]:
        return self.courses.get(rollout_id)


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
