"""A BitTorrent session, a server and small disks, for testing a terminal without a network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock

from tests.unit.fakes import FakeSession
from voi.agent.client import ServerRefused
from voi.agent.disk_checks import DiskChecks
from voi.agent.disk_reports import DiskReports
from voi.agent.downloads import Downloads
from voi.agent.library import Library
from voi.agent.own_work import OwnWork
from voi.agent.uploads import UploadQueue
from voi.domain import metainfo
from voi.domain.blocks import BlockTable
from voi.domain.metainfo import Metainfo
from voi.errors import ConnectionEnded, VoiError
from voi.names import DiskName
from voi.seeding.interfaces import FileScan, TorrentStatus, Trust
from voi.wire.codes import Code
from voi.wire.torrent_body import TorrentBody

MAC = "02:00:00:00:00:01"
UUID = "11111111-2222-3333-4444-555555555555"
OTHER = "99999999-2222-3333-4444-555555555555"
GROUP = "aaaaaaaa-2222-3333-4444-555555555555"
TEMPLATE = "bbbbbbbb-2222-3333-4444-555555555555"
TASK = "cccccccc-2222-3333-4444-555555555555"
TASK2 = "dddddddd-2222-3333-4444-555555555555"
BASE = DiskName(UUID, 0)
DIFF = DiskName(UUID, 1)
CONTENT = b"a disk" * 20_000


def torrent_of(content: bytes = CONTENT, name: DiskName = BASE, size: int = 64 << 10) -> bytes:
    """A torrent of some content, in pieces of `size` bytes."""
    pieces = b"".join(
        hashlib.sha1(content[at : at + size], usedforsecurity=False).digest() for at in range(0, len(content), size)
    )
    return metainfo.build(name, len(content), size, pieces, "http://server:8080/key/announce")


def key_of(torrent: bytes) -> bytes:
    """Its info-hash."""
    return metainfo.parse(torrent).info_hash


def task(torrent: bytes, task_uuid: str = TASK, name: DiskName = BASE, operate_id: int = 0) -> TorrentBody:
    """What a 1015 carries."""
    return TorrentBody(
        torrent=torrent,
        disk_uuid=name.uuid,
        level=name.level,
        real_size=2048,
        reserve_size=2048,
        task_uuid=task_uuid,
        group_uuid=GROUP,
        operate_id=operate_id,
    )


class FakeSeeder(FakeSession):
    """Remembers what it was asked for; the test writes the files and fires the events."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[bytes, str] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.trackers: dict[bytes, Sequence[str]] = {}
        self.flushing: Deferred[None] | None = None
        self.refusal: VoiError | None = None
        self.port = 6881
        self.doubtful = False
        self.scans: list[FileScan | None] = []

    def start(self) -> Deferred[int]:
        return succeed(self.port)

    def stop(self) -> Deferred[None]:
        self.calls.append(("stop",))
        return succeed(None)

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Trust]:
        return self._add("seed", torrent, ()).addCallback(lambda _: Trust.WHOLE)

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        self.scans.append(scan)
        return self._add("download", torrent, trackers)

    def doubts(self, torrent: bytes, directory: Path) -> Deferred[bool]:
        return succeed(self.doubtful)

    def _add(self, what: str, torrent: bytes, trackers: Sequence[str]) -> Deferred[None]:
        if self.refusal is not None:
            return fail(self.refusal)
        key = key_of(torrent)
        assert key not in self.held, "added twice"
        self.held[key] = what
        self.trackers[key] = trackers
        self.calls.append((what, key))
        return succeed(None)

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        self.calls.append(("verified", info_hash))
        return succeed(None)

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        self.held.pop(info_hash, None)
        self.calls.append(("remove", info_hash, forget))
        return succeed(None)

    def flush(self, info_hash: bytes) -> Deferred[None]:
        self.calls.append(("flush", info_hash))
        return self.flushing or succeed(None)

    def set_trackers(self, info_hash: bytes, urls: Sequence[str]) -> None:
        self.trackers[info_hash] = urls

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self.held


def status(info_hash: bytes, done: int, state: str = "downloading") -> TorrentStatus:
    """A status with so many bytes done."""
    return TorrentStatus(info_hash, state, 0.5, done, len(CONTENT), 10, 20, 0, 0, 1, 1, 0, 0)


class FakeServer:
    """Answers what it was told to answer, else an empty success; offline it fails."""

    def __init__(self) -> None:
        self.mac = MAC
        self.address = "10.0.0.5"
        self.trackers: Sequence[str] = ("http://server:8080/mine/announce",)
        self.hosts = {"10.0.0.1"}
        self.online = True
        self.asked: list[tuple[int, Any]] = []
        self.answers: dict[int, dict[str, Any] | ServerRefused | Deferred[dict[str, Any]]] = {
            Code.MAY_UPLOAD: {"can_update": 1},
            Code.UPLOAD_TORRENT: {"torrent_id": "7"},
        }

    async def ask(self, code: int, body: Mapping[str, Any] | bytes) -> dict[str, Any]:
        if not self.online:
            raise ConnectionEnded("offline")
        self.asked.append((code, body))
        answer = self.answers.get(code, {})
        if isinstance(answer, Deferred):
            return await answer
        if isinstance(answer, ServerRefused):
            raise answer
        return answer

    def bodies(self, code: int) -> list[Any]:
        """What was asked under a code."""
        return [body for asked, body in self.asked if asked == code]


class FakeTables:
    """Has the tables that the test gives it; `answer` may also be a Deferred or what is raised."""

    def __init__(self) -> None:
        self.answer: BlockTable | Deferred[BlockTable | None] | Exception | None = None
        self.asked: list[bytes] = []

    async def fetch(self, torrent: Metainfo, trackers: Sequence[str], wanted: Callable[[], bool]) -> BlockTable | None:
        self.asked.append(torrent.info_hash)
        if isinstance(self.answer, Exception):
            raise self.answer
        return await self.answer if isinstance(self.answer, Deferred) else self.answer


class Terminal:
    """The parts of a terminal over one directory; made again for a restart."""

    def __init__(self, directory: Path, piece_length: int = 0) -> None:
        self.clock = Clock()
        self.reading: Callable[[], object] = lambda: None
        self.seeder = FakeSeeder()
        self.server = FakeServer()
        self.tables = FakeTables()
        self.library = Library(directory, maybeDeferred)
        self.own_work = OwnWork(self.library, self.seeder, self.server, maybeDeferred, lambda: 1_700_000_000.0)
        self.uploads = UploadQueue(
            library=self.library,
            seeder=self.seeder,
            server=self.server,
            in_thread=maybeDeferred,
            clock=self.clock,
            piece_length=piece_length,
        )
        self.downloads = Downloads(
            library=self.library,
            seeder=self.seeder,
            server=self.server,
            in_thread=maybeDeferred,
            clock=self.clock,
            busy_with=self.uploads.busy_with,
            tables=self.tables,
            own_work=self.own_work,
            own_changed=self.uploads.changed,
        )
        self.checks = DiskChecks(
            library=self.library,
            server=self.server,
            idle=self.idle,
            look=self.downloads.look,
            mend=self.downloads.mend,
        )
        self.reports = DiskReports(
            library=self.library,
            server=self.server,
            in_thread=maybeDeferred,
            clock=self.clock,
            look=self.downloads.look,
        )
        self.downloads.told = self.reports.told

    def idle(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """The thread that gives way: `reading` is told before it reads."""
        self.reading()
        return maybeDeferred(function, *args)

    async def open(self) -> None:
        """Start, logged in."""
        await self.library.open()
        await self.own_work.open()
        await self.uploads.open()
        await self.reports.open()
        await self.downloads.resume()
        if self.server.online:
            await self.log_in()

    async def log_in(self) -> None:
        """Report everything, as after a login."""
        self.downloads.online()
        await self.reports.online()
        self.uploads.online()
        self.checks.online()
        await self.own_work.tell()

    def stop(self) -> None:
        """End as if killed: nothing more is written."""
        self.downloads.stop()
        self.uploads.stop()
        self.reports.stop()
        self.checks.stop()
        self.library.close()
