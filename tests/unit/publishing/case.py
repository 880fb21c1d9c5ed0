"""An intake and a publisher on a real database and real files, with a seed that only plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock

from tests.unit.fakes import FakeSession
from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE
from voi.catalogue.catalogue import Catalogue
from voi.catalogue.contents import ContentMonitor, any_room
from voi.catalogue.repairs import CheckRoom
from voi.catalogue.torrent_files import TorrentFiles
from voi.demo.image import write_image
from voi.domain import metainfo
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import UploadDisk
from voi.errors import (
    TorrentRefused,
)
from voi.files.directory import DataDirectory
from voi.files.hashing import hash_file
from voi.names import DiskName
from voi.publishing.admission import UploadAdmission
from voi.publishing.image_check import ImageCheck
from voi.publishing.intake import UploadIntake
from voi.publishing.publisher import Publisher
from voi.publishing.requests import UploadRequests
from voi.publishing.space import Space
from voi.seeding.interfaces import BitTorrentSession, FileScan, Trust
from voi.store.interfaces.repositories import Repositories
from voi.tasks import InThread
from voi.tracker.peers import PeerState
from voi.tracker.tracker import Tracker
from voi.wire.messages import Disk, TemplateBody
from voi.wire.torrent_body import TorrentBody

BASE, DIFF, SECOND, THIRD = (DiskName(DISK, level) for level in range(4))
VIRTUAL = 4 << 20
NAMED = {DISK: ReportedTemplate(TEMPLATE, "Office", 1, "a remark")}


class FakeSeeder(FakeSession):
    """A BitTorrent session that moves no bytes: the test puts the file into place."""

    def __init__(self) -> None:
        super().__init__()
        self.downloading: dict[bytes, Path] = {}
        self.seeding: dict[bytes, Path] = {}

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Trust]:
        """Offer a file."""
        self.seeding[metainfo.parse(torrent).info_hash] = directory
        return succeed(Trust.WHOLE)

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        """Fetch a file."""
        self.downloading[metainfo.parse(torrent).info_hash] = directory
        return succeed(None)

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Let go."""
        self.downloading.pop(info_hash, None)
        self.seeding.pop(info_hash, None)
        return succeed(None)


def catalogue_of(
    repositories: Repositories,
    directory: DataDirectory,
    seeder: BitTorrentSession,
    tracker: Tracker,
    in_thread: InThread,
    *,
    clock: Clock | None = None,
    check_room: CheckRoom = any_room,
) -> Catalogue:
    """A catalogue whose contents are watched when a test says so."""
    torrents = TorrentFiles(
        directory=directory, kept=repositories.torrents, in_thread=in_thread, in_disk_thread=in_thread
    )
    contents = ContentMonitor(
        templates=repositories.templates,
        torrents=torrents,
        entries=repositories.audit_entries,
        directory=directory,
        seeder=seeder,
        tracker=tracker,
        in_thread=in_thread,
        in_disk_thread=in_thread,
        clock=clock or Clock(),
        check_room=check_room,
    )
    return Catalogue(
        templates=repositories.templates,
        uploads=repositories.uploads,
        entries=repositories.audit_entries,
        contents=contents,
        torrents=torrents,
    )


@dataclass
class Announced:
    """Where a peer is, and whose; `left` is what it lacks."""

    host: str
    port: int
    left: int = 0
    terminal: str = MAC


class FakeTracker(Tracker):
    """The torrents that are admitted."""

    def __init__(self) -> None:
        self.admitted: set[bytes] = set()
        self.announced: list[Announced] = []
        self.full = False

    def admit(self, info_hash: bytes) -> None:
        """Let a torrent in."""
        if self.full:
            raise TorrentRefused("full")
        self.admitted.add(info_hash)

    def known(self, info_hash: bytes) -> bool:
        """Whether it is in."""
        return info_hash in self.admitted

    def retire(self, info_hash: bytes) -> None:
        """Let it go."""
        self.admitted.discard(info_hash)

    def peers(self, info_hash: bytes) -> list[PeerState]:
        """Who announced a torrent that is in."""
        return cast("list[PeerState]", self.announced if info_hash in self.admitted else [])


def image(path: Path, *, backing: str | None = None, virtual: int = VIRTUAL, seed: int = 1) -> Path:
    """A small qcow2 image with content."""
    write_image(path, virtual, backing=backing, seed=seed, data_bytes=256 << 10)
    return path


def torrent_of(path: Path, name: DiskName) -> bytes:
    """The torrent that an uploader makes of a file."""
    return metainfo.build(name, path.stat().st_size, 65536, hash_file(path, 65536), "http://uploader/secret/announce")


class PublishingCase(StoreCase):
    """An intake and a publisher on a data directory of their own."""

    def setUp(self) -> None:
        """Put them together."""
        super().setUp()
        self.directory = DataDirectory(self.path.absolute())
        self.directory.create()
        self.made = self.path / "made"
        self.made.mkdir()
        self.online = {MAC, OTHER}
        self.free = 1 << 40
        self.now = 0.0
        self.start()

    def start(self) -> None:
        """As at a start of the server."""
        self.seeder, self.tracker = FakeSeeder(), FakeTracker()
        self.ended: list[UploadDisk] = []
        self.told: list[UploadDisk] = []
        self.asked: list[tuple[int, str]] = []

        def in_thread(function: Any, *args: Any) -> Deferred[Any]:
            return maybeDeferred(function, *args)

        self.catalogue = catalogue_of(self.repositories, self.directory, self.seeder, self.tracker, in_thread)
        self.contents = self.catalogue.contents
        self.publisher = Publisher(
            uploads=self.uploads,
            templates=self.templates,
            catalogue=self.catalogue,
            directory=self.directory,
            seeder=self.seeder,
            tracker=self.tracker,
            check_image=ImageCheck(None),
            in_thread=in_thread,
            in_disk_thread=in_thread,
        )
        self.publisher.ended.connect(self.ended.append)
        self.clock = Clock()
        space = Space(self.directory.root, lambda _path: self.free)
        self.admission = UploadAdmission(
            uploads=self.uploads,
            templates=self.templates,
            publisher=self.publisher,
            space=space,
            online=self.online.__contains__,
            clock=self.clock,
        )
        self.intake = UploadIntake(
            uploads=self.uploads,
            templates=self.templates,
            publisher=self.publisher,
            admission=self.admission,
            directory=self.directory,
            in_thread=in_thread,
            told_again=self.told.append,
            now=lambda: self.now,
        )
        self.requests = UploadRequests(
            uploads=self.uploads,
            templates=self.templates,
            terminals=self.terminals,
            publisher=self.publisher,
            admission=self.admission,
            tell=lambda number, mac: self.asked.append((number, mac)),
            in_thread=in_thread,
        )

    async def settle(self) -> None:
        """Wait until nothing is under way: each pass goes through the store's threads."""
        for _ in range(20):
            await self.store.write(lambda _db: None)
            await self.store.read(lambda _db: None)

    async def offer(self, path: Path, name: DiskName = BASE, *, mac: str = MAC, granted: bool = True) -> str:
        """A 9014."""
        return await self.intake.take_torrent(
            mac, granted, NAMED, TorrentBody(torrent_of(path, name), name.uuid, name.level), address="10.0.0.1"
        )

    def offered(self, path: Path) -> Deferred[str]:
        """A 9014, to be refused."""
        return Deferred.fromCoroutine(self.offer(path))

    async def arrive(self, path: Path, name: DiskName = BASE) -> None:
        """The last piece of an upload is here."""
        self.directory.upload(name).write_bytes(path.read_bytes())
        self.publisher.finished(metainfo.parse(torrent_of(path, name)).info_hash)
        await self.settle()

    async def publish(self, name: DiskName = BASE, **kwargs: Any) -> None:  # type: ignore[override]  # by upload here
        """Upload a level all the way."""
        path = image(self.made / str(name), **kwargs)
        await self.offer(path, name)
        await self.arrive(path, name)

    async def last(self, name: DiskName = BASE) -> UploadDisk:
        """The newest upload of a level."""
        found = await self.uploads.last_of(name)
        assert found is not None
        return found

    def body(self, *disks: Disk) -> TemplateBody:
        """A 9018."""
        return TemplateBody(uuid=TEMPLATE, name="Office", sys_type=1, disks=list(disks))
