"""Tests of voi.publishing: intake and publisher on a real database and real files, with a seed that only plays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed

from tests.unit.fakes import FakeSession, torrent_status
from tests.unit.store.base import StoreCase
from tests.unit.store.values import DISK, MAC, OTHER, TEMPLATE, upload
from voi.catalogue.catalogue import Catalogue
from voi.demo.image import write_image
from voi.domain import metainfo
from voi.domain.actors import SERVER, Actor
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import ImportDisk, Upload, UploadDisk, UploadState
from voi.errors import (
    BadImage,
    BadTorrent,
    Conflict,
    Malformed,
    NoSpace,
    NotSaved,
    StorageMissing,
    TorrentRefused,
    UnknownDisk,
    UnknownTerminal,
    UnknownUpload,
)
from voi.files.directory import DataDirectory
from voi.files.hashing import hash_file
from voi.messages.reason import plain
from voi.names import DiskName
from voi.publishing import publisher as publisher_module
from voi.publishing import verification as examine
from voi.publishing.admission import ABSENT_SECONDS, UploadAdmission
from voi.publishing.intake import UploadIntake
from voi.publishing.publisher import FETCH_AGAIN, IDLE_SECONDS, Publisher
from voi.publishing.refusals import AGAIN_SECONDS
from voi.publishing.requests import UploadRequests
from voi.publishing.space import MARGIN, Space
from voi.publishing.verification import read_header
from voi.seeding.interfaces import FileScan, Trust
from voi.tracker.peers import PeerState
from voi.tracker.tracker import Tracker
from voi.wire.messages import Disk, GroupUpload, TemplateBody
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


@dataclass
class Announced:
    """Where a peer is."""

    host: str
    port: int


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

        self.catalogue = Catalogue(
            templates=self.templates,
            uploads=self.uploads,
            directory=self.directory,
            seeder=self.seeder,
            tracker=self.tracker,
            in_thread=in_thread,
        )
        self.publisher = Publisher(
            uploads=self.uploads,
            templates=self.templates,
            catalogue=self.catalogue,
            directory=self.directory,
            seeder=self.seeder,
            tracker=self.tracker,
            in_thread=in_thread,
            in_disk_thread=in_thread,
        )
        self.publisher.ended.connect(self.ended.append)
        space = Space(self.directory.root, lambda _path: self.free)
        self.admission = UploadAdmission(self.publisher, space, self.online.__contains__)
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


class PublishTests(PublishingCase):
    """From a complete file to a version."""

    async def test_base(self) -> None:
        """A base becomes level 0 of a new template, is seeded from its place, and the uploader is told."""
        path = image(self.made / "base")
        torrent_id = await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual(self.seeder.downloading, {info_hash: self.directory.incoming})
        self.assertEqual(self.tracker.admitted, {info_hash})
        await self.arrive(path)
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        (level,) = template.levels
        self.assertEqual((template.name, template.sys_type, template.desc), ("Office", 1, "a remark"))
        self.assertEqual(
            (level.name, level.virtual_size, level.info_hash, level.operate_id), (BASE, VIRTUAL, info_hash, 0)
        )
        self.assertEqual(self.directory.disk(BASE).read_bytes(), path.read_bytes())
        self.assertFalse(self.directory.upload(BASE).exists())
        self.assertEqual(self.seeder.seeding, {info_hash: self.directory.disks})
        self.assertEqual([(d.id, d.state) for d in self.ended], [(torrent_id, UploadState.PUBLISHED)])

    async def test_diff_with_the_right_name(self) -> None:
        """A difference that names its parent is published as it is."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual([(x.name, x.operate_id) for x in template.levels], [(BASE, 0), (DIFF, 1)])
        self.assertEqual(self.directory.disk(DIFF).read_bytes(), (self.made / str(DIFF)).read_bytes())

    async def test_diff_with_another_name(self) -> None:
        """A path of the terminal's own is put right in our copy, and its torrent is made anew."""
        await self.publish()
        await self.publish(DIFF, backing="/mnt/local/elsewhere.qcow2")
        path = self.directory.disk(DIFF)
        self.assertEqual(read_header(path).backing_name, str(BASE))
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        level = template.levels[1]
        old = metainfo.parse(torrent_of(self.made / str(DIFF), DIFF))
        self.assertNotEqual(level.info_hash, old.info_hash)
        new = metainfo.parse(self.directory.torrent(level.info_hash).read_bytes())
        self.assertEqual(hash_file(path, new.piece_length), new.piece_hashes)
        self.assertNotIn(old.info_hash, self.tracker.admitted)
        self.assertFalse(self.directory.torrent(old.info_hash).exists())
        self.assertIn(level.info_hash, self.tracker.admitted)

    async def test_diff_of_another_size(self) -> None:
        """A difference must have its parent's virtual size."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE), virtual=2 * VIRTUAL)
        disk = await self.last(DIFF)
        self.assertEqual(disk.state, UploadState.FAILED)
        self.assertIn("size", disk.reason)
        self.assertEqual([d.state for d in self.ended], [UploadState.PUBLISHED, UploadState.FAILED])

    async def test_no_image(self) -> None:
        """A file that is no qcow2 fails with what it is, and leaves nothing behind."""
        path = self.made / "raw"
        path.write_bytes(b"\0" * 510 + b"\x55\xaa" + b"\0" * 100_000)
        await self.offer(path)
        await self.arrive(path)
        disk = await self.last()
        self.assertEqual(disk.state, UploadState.FAILED)
        self.assertIn("raw", disk.reason)
        self.assertEqual(list(self.directory.incoming.iterdir()), [])
        self.assertEqual(list(self.directory.torrents.iterdir()), [])
        self.assertEqual(self.tracker.admitted, set())
        self.assertIsNone(await self.templates.get(TEMPLATE))

    async def test_a_base_on_something(self) -> None:
        """A base with a backing file would boot half an image."""
        await self.publish(BASE, backing="other")
        self.assertIn("stand alone", (await self.last()).reason)

    async def test_what_the_disk_lost_is_fetched_again(self) -> None:
        """A piece that reads back wrong is not published, but downloaded again; a disk that goes on so has failed."""
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        damaged = bytearray(path.read_bytes())
        damaged[70_000] ^= 1
        for _ in range(FETCH_AGAIN):
            self.seeder.downloading.clear()
            self.directory.upload(BASE).write_bytes(damaged)
            self.publisher.finished(info_hash)
            await self.settle()
            self.assertIn(info_hash, self.seeder.downloading)
            self.assertEqual((await self.last()).state, UploadState.RECEIVING)
        self.publisher.finished(info_hash)
        await self.settle()
        self.assertEqual((await self.last()).state, UploadState.FAILED)

    async def test_the_transfer_fails(self) -> None:
        """A full or broken disk ends the upload with the system's words."""
        path = image(self.made / "base")
        await self.offer(path)
        self.publisher.transfer_failed(metainfo.parse(torrent_of(path, BASE)).info_hash, "No space left on device")
        await self.settle()
        self.assertEqual((await self.last()).reason, "No space left on device")

    async def test_a_bug_is_a_reason_too(self) -> None:
        """Whatever goes wrong, an upload does not hang without a word."""
        path = image(self.made / "base")
        await self.offer(path)
        self.patch(publisher_module, "examine", lambda *_args: 1 // 0)
        await self.arrive(path)
        self.assertIn("log", (await self.last()).reason)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_called_off_while_it_is_verified(self) -> None:
        """Who calls an upload off waits for its check to end; nothing of it is published after that."""
        path = image(self.made / "base")
        await self.offer(path)
        checking: Deferred[None] = Deferred()
        real = self.publisher._in_disk_thread

        def slowly(function: Any, *args: Any) -> Deferred[Any]:
            if function is examine.examine:
                return checking.addCallback(lambda _: real(function, *args))
            return real(function, *args)

        self.patch(self.publisher, "_in_disk_thread", slowly)
        await self.arrive(path)
        failing = Deferred.fromCoroutine(self.publisher.fail(await self.last(), "not wanted"))
        await self.settle()
        self.assertNoResult(failing)
        checking.callback(None)
        await failing
        await self.settle()
        self.assertEqual(((await self.last()).state, (await self.last()).reason), (UploadState.FAILED, "not wanted"))
        self.assertIsNone(await self.templates.get(TEMPLATE))
        self.assertEqual([*self.directory.incoming.iterdir(), *self.directory.disks.iterdir()], [])

    async def test_a_published_file_is_never_written_over(self) -> None:
        """An upload that finds its level published meanwhile fails, and the published file stays as it was."""
        await self.publish()
        published = self.directory.disk(BASE).read_bytes()
        other = image(self.made / "other", seed=9)
        torrent = torrent_of(other, BASE)
        info_hash = metainfo.parse(torrent).info_hash
        self.directory.torrent(info_hash).write_bytes(torrent)
        self.directory.upload(BASE).write_bytes(other.read_bytes())
        late = upload(BASE, mac=OTHER, state=UploadState.PUBLISHING)
        await self.uploads.begin(replace(late, disks=(replace(late.disks[0], info_hash=info_hash),)))
        await self.publisher.recover()
        await self.settle()
        ended = await self.uploads.disk(late.disks[0].id)
        assert ended is not None
        self.assertEqual(ended.state, UploadState.FAILED)
        self.assertEqual(self.directory.disk(BASE).read_bytes(), published)

    async def test_failed_when_its_files_are_gone(self) -> None:
        """Until the session has let go of a failed upload, the same torrent is the same upload, not a new one."""
        path = image(self.made / "base")
        torrent_id = await self.offer(path)
        let_go: Deferred[None] = Deferred()
        self.patch(self.seeder, "remove", lambda _info_hash, *, forget=False: let_go)
        failing = Deferred.fromCoroutine(self.publisher.fail(await self.last(), "not wanted"))
        await self.settle()
        self.assertEqual(await self.offer(path), torrent_id)
        let_go.callback(None)
        await failing
        self.assertEqual((await self.last()).state, UploadState.FAILED)
        self.assertNotEqual(await self.offer(path), torrent_id)

    async def test_published_and_not_seeded(self) -> None:
        """A failure to seed takes nothing back: the level is published, and the uploader is told."""
        path = image(self.made / "base")
        await self.offer(path)
        self.patch(self.seeder, "seed", lambda *_args: fail(StorageMissing("the disk is gone")))
        await self.arrive(path)
        self.assertEqual([d.state for d in self.ended], [UploadState.PUBLISHED])

    async def test_called_off_too_late(self) -> None:
        """What is published stays published."""
        await self.publish()
        await self.publisher.fail(await self.last(), "not wanted")
        self.assertEqual((await self.last()).state, UploadState.PUBLISHED)
        self.assertTrue(self.directory.disk(BASE).exists())
        self.assertEqual(len(self.seeder.seeding), 1)

    async def test_a_day_without_progress(self) -> None:
        """An upload that does not move for a day gives its template free."""
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.seeder.states[info_hash] = torrent_status(progress=0.5)
        await self.publisher.give_up_idle(0.0)
        self.seeder.states[info_hash] = torrent_status(progress=0.6)
        await self.publisher.give_up_idle(IDLE_SECONDS)
        self.assertEqual((await self.last()).state, UploadState.RECEIVING)
        await self.publisher.give_up_idle(2 * IDLE_SECONDS)
        self.assertIn("60%", (await self.last()).reason)

    async def test_connects_to_uploaders(self) -> None:
        """Who announces an upload is connected to at once; other torrents are no concern, which can be seen before."""
        path, receiving = image(self.made / "base"), self.publisher.receiving
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual(set(receiving), {info_hash})
        self.publisher.announced(info_hash, "10.0.0.1", 7000)
        self.publisher.announced(b"x" * 20, "10.0.0.1", 7000)
        self.assertEqual(self.seeder.connected, [(info_hash, "10.0.0.1", 7000)])

    async def test_admitted_before_the_answer(self) -> None:
        """When the terminal knows that its torrent is accepted, it may announce it, and is connected to if it does."""
        self.patch(self.publisher, "_in_thread", lambda *_: Deferred())  # no disk is read before the answer
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual((self.tracker.admitted, set(self.publisher.receiving)), ({info_hash}, {info_hash}))

    async def test_announced_before_the_answer(self) -> None:
        """Who is in the swarm already when the download begins is connected to, and need not announce again."""
        self.tracker.announced = [Announced("10.0.0.1", 7000), Announced("fd00::1", 7001)]
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual(self.seeder.connected, [(info_hash, "10.0.0.1", 7000), (info_hash, "fd00::1", 7001)])

    async def test_the_tracker_is_full(self) -> None:
        """A torrent that the tracker has no room for is refused, and nothing of it is written down."""
        self.tracker.full = True
        await self.assertFailure(self.offered(image(self.made / "base")), TorrentRefused)
        self.assertEqual(await self.uploads.open_disks(), [])

    async def test_not_written_down(self) -> None:
        """A torrent that could not be written down is admitted no more."""
        self.patch(self.uploads, "begin", lambda _upload, **_said: fail(NotSaved("disk full")))
        await self.assertFailure(self.offered(image(self.made / "base")), NotSaved)
        self.assertEqual(self.tracker.admitted, set())


class RecoverTests(PublishingCase):
    """A start after a crash at each stage."""

    async def test_receiving(self) -> None:
        """A download goes on."""
        path = image(self.made / "base")
        await self.offer(path)
        self.start()
        await self.publisher.recover()
        await self.settle()
        self.assertEqual(list(self.seeder.downloading.values()), [self.directory.incoming])
        await self.arrive(path)
        self.assertEqual((await self.last()).state, UploadState.PUBLISHED)

    async def test_what_came_in_meanwhile(self) -> None:
        """An upload that begins before the recovery has run is not taken up a second time."""
        path = image(self.made / "base")
        copied: list[UploadDisk] = []
        never: Deferred[None] = Deferred()

        async def copy(disk: UploadDisk) -> None:
            copied.append(disk)
            await never

        self.patch(self.publisher, "_copy", copy)
        await self.requests.import_files(SERVER, "Lab", 1, "", [ImportDisk(0, str(path.absolute()))])
        await self.publisher.recover()
        await self.settle()
        self.assertEqual(len(copied), 1)

    async def test_verifying(self) -> None:
        """A check is made again, and the upload published."""
        path = image(self.made / "base")
        await self.offer(path)
        self.directory.upload(BASE).write_bytes(path.read_bytes())
        disk = await self.last()
        await self.uploads.set_state(disk.id, UploadState.VERIFYING, 1.0)
        self.start()
        await self.publisher.recover()
        await self.settle()
        self.assertEqual((await self.last()).state, UploadState.PUBLISHED)

    async def test_publishing(self) -> None:
        """Before and after the rename, and between patch and rename, a start finishes the work."""
        await self.publish()
        for step in ("nothing", "patched", "renamed"):
            path = image(self.made / step, backing="elsewhere", seed=7)
            self.patch(publisher_module, "install", lambda *_args: 1 // 0)
            await self.offer(path, DIFF)

            async def keep_open(disk_id: str, reason: str) -> None:
                """As if the process had died here."""

            self.patch(self.publisher, "_end", keep_open)
            await self.arrive(path, DIFF)
            self.flushLoggedErrors(ZeroDivisionError)
            self.assertEqual((await self.last(DIFF)).state, UploadState.PUBLISHING)
            if step != "nothing":
                examine.put_right(self.directory.upload(DIFF), DIFF)
            if step == "renamed":
                self.directory.upload(DIFF).rename(self.directory.disk(DIFF))
            self.patch(publisher_module, "install", examine.install)
            self.start()
            await self.publisher.recover()
            await self.settle()
            self.assertEqual((await self.last(DIFF)).state, UploadState.PUBLISHED, step)
            self.assertEqual(read_header(self.directory.disk(DIFF)).backing_name, str(BASE))
            await self.store.write(lambda db: db.execute("DELETE FROM levels WHERE level = 1") and None)

    async def test_importing(self) -> None:
        """A copy that was cut off is made again."""
        path = image(self.made / "base")
        self.patch(self.publisher, "copy", lambda _disk: None)
        upload = await self.requests.import_files(SERVER, "Lab", 1, "", [ImportDisk(0, str(path.absolute()))])
        name = upload.disks[0].name
        self.directory.upload(name).write_bytes(b"half")
        self.start()
        await self.publisher.recover()
        await self.settle()
        self.assertEqual(self.directory.disk(name).read_bytes(), path.read_bytes())


class MayUploadTests(PublishingCase):
    """9018."""

    async def ask(self, body: TemplateBody | GroupUpload, *, mac: str = MAC, granted: bool = True) -> str:
        """The reason why not, empty for yes."""
        permission = await self.intake.may_upload(mac, granted, body)
        self.assertEqual(permission.allowed, not permission.reason)
        return permission.reason

    async def test_new_template(self) -> None:
        """An administrator may upload a new template, and its disks are remembered."""
        permission = await self.intake.may_upload(MAC, True, self.body(Disk(uuid=DISK, real_size=2048)))
        self.assertTrue(permission.allowed)
        self.assertEqual(permission.listed, {DISK: ReportedTemplate(TEMPLATE, "Office", 1, "")})

    async def test_without_an_administrator(self) -> None:
        """No terminal may replace a template by itself, unless an administrator asked it to."""
        disk = Disk(uuid=DISK)
        self.assertIn("administrator", await self.ask(self.body(disk), granted=False))
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        self.assertEqual(await self.ask(self.body(disk), granted=False), "")

    async def test_somebody_else_is_at_it(self) -> None:
        """One terminal at a time; the same one may go on."""
        await self.offer(image(self.made / "base"))
        self.assertIn(MAC, await self.ask(self.body(Disk(uuid=DISK)), mac=OTHER))
        self.assertEqual(await self.ask(self.body(Disk(uuid=DISK))), "")

    async def test_a_dead_uploader_gives_way(self) -> None:
        """Who is offline for long loses its place to the next one."""
        await self.offer(image(self.made / "base"))
        self.online.discard(MAC)
        self.admission.terminal_left(MAC)
        self.assertNotEqual(await self.ask(self.body(Disk(uuid=DISK)), mac=OTHER), "")
        self.admission._left[MAC] -= ABSENT_SECONDS
        self.assertEqual(await self.ask(self.body(Disk(uuid=DISK)), mac=OTHER), "")
        self.assertIn("uploads instead", (await self.last()).reason)

    async def test_no_room(self) -> None:
        """What is needed and what there is, by the file's size where it is told, else by the virtual disk."""
        self.free = MARGIN + (10 << 20)
        disk = Disk(uuid=DISK, real_size=(20 << 20) // 512)
        self.assertIn("the server needs 21.0 MB, but only 10.5 MB are free", await self.ask(self.body(disk)))
        told = Disk(uuid=DISK, real_size=(20 << 20) // 512, file_size=9 << 20)
        self.assertEqual(await self.ask(self.body(told)), "")

    async def test_third_difference(self) -> None:
        """Two differences are published: a third one would need folding."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        await self.publish(SECOND, backing=str(DIFF))
        self.assertIn("merged", await self.ask(self.body(Disk(uuid=DISK, diff_level=2))))

    async def test_family_form(self) -> None:
        """A desktop group stands for its template; an unknown one is refused."""
        await self.publish()
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        permission = await self.intake.may_upload(MAC, True, GroupUpload(desktop_group_uuid=template.group_uuid))
        self.assertTrue(permission.allowed)
        self.assertEqual(set(permission.listed), {DISK})
        self.assertIn("no desktop group", await self.ask(GroupUpload(desktop_group_uuid=TEMPLATE)))


class TakeTests(PublishingCase):
    """9014."""

    async def refused(self, kind: type[Exception], work: Any) -> Exception:
        """The error that refuses, after which nothing is left."""
        error: Exception = await self.assertFailure(Deferred.fromCoroutine(work), kind)
        self.assertEqual(list(self.directory.torrents.iterdir()), [])
        self.assertEqual(self.seeder.downloading, {})
        return error

    async def test_without_an_administrator(self) -> None:
        """Refused before anything is fetched."""
        await self.refused(TorrentRefused, self.offer(image(self.made / "base"), granted=False))

    async def test_an_unknown_disk(self) -> None:
        """Nobody said which template it belongs to."""
        path = image(self.made / "base")
        body = TorrentBody(torrent_of(path, BASE), DISK, 0)
        await self.refused(UnknownDisk, self.intake.take_torrent(MAC, True, {}, body))

    async def test_no_torrent(self) -> None:
        """Bytes that are none, and none at all."""
        for torrent in (b"", b"de", b"i1e"):
            await self.refused(BadTorrent, self.intake.take_torrent(MAC, True, NAMED, TorrentBody(torrent, DISK, 0)))

    async def test_struct_and_torrent_disagree(self) -> None:
        """The struct speaks of another level than the torrent."""
        body = TorrentBody(torrent_of(image(self.made / "base"), BASE), DISK, 1)
        await self.refused(TorrentRefused, self.intake.take_torrent(MAC, True, NAMED, body))

    async def test_no_parent(self) -> None:
        """A difference without its parent is no use to anybody."""
        path = image(self.made / "diff", backing=str(BASE))
        error = await self.refused(Conflict, self.offer(path, DIFF))
        self.assertIn(str(BASE), str(error))

    async def test_terminal_levels(self) -> None:
        """Levels 3 to 5 are the terminal's own."""
        await self.refused(Conflict, self.offer(image(self.made / "own", backing="x"), THIRD))

    async def test_published_already(self) -> None:
        """The same torrent again is answered with its id and told again; another one is refused."""
        await self.publish()
        disk = await self.last()
        self.assertEqual(await self.offer(self.made / str(BASE)), disk.id)
        self.assertEqual(await self.offer(self.made / str(BASE), granted=False), disk.id)
        self.assertEqual([d.id for d in self.told], [disk.id, disk.id])
        other = image(self.made / "other", seed=9)
        await self.assertFailure(Deferred.fromCoroutine(self.offer(other)), Conflict)

    async def test_third_difference(self) -> None:
        """20725 until folding is there."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        await self.publish(SECOND, backing=str(DIFF))
        path = image(self.made / "third", backing=str(DIFF), seed=5)
        error: Any = await self.assertFailure(Deferred.fromCoroutine(self.offer(path, SECOND)), Conflict)
        self.assertEqual(error.wire_code, 20725)

    async def test_no_room(self) -> None:
        """Refused before the first byte, beside what is promised to others."""
        self.free = MARGIN + 1000
        error = await self.refused(NoSpace, self.offer(image(self.made / "base")))
        self.assertIn("the server needs", str(error))

    async def test_the_same_again_while_it_runs(self) -> None:
        """A terminal that reconnects offers its torrent again: one upload, one id."""
        path = image(self.made / "base")
        self.assertEqual(await self.offer(path), await self.offer(path))
        self.assertEqual(len(await self.uploads.of_template(TEMPLATE)), 1)

    async def test_a_newer_torrent(self) -> None:
        """The uploader changed its disk: the newer torrent replaces the older one."""
        first = await self.offer(image(self.made / "one"))
        second = await self.offer(image(self.made / "two", seed=2))
        self.assertNotEqual(first, second)
        old = await self.uploads.disk(first)
        assert old is not None
        self.assertEqual(old.state, UploadState.FAILED)
        self.assertEqual(len(self.seeder.downloading), 1)

    async def test_two_at_once(self) -> None:
        """Of two terminals that offer the same disk at the same moment, one is taken."""
        one = Deferred.fromCoroutine(self.offer(image(self.made / "one")))
        two = Deferred.fromCoroutine(self.offer(image(self.made / "two", seed=2), mac=OTHER))
        await one
        await self.assertFailure(two, Conflict)

    async def test_bare_torrent(self) -> None:
        """A torrent without a struct is taken by its own name."""
        body = TorrentBody(torrent_of(image(self.made / "base"), BASE))
        self.assertTrue(await self.intake.take_torrent(MAC, True, NAMED, body))

    async def test_progress(self) -> None:
        """9027 tells how far it is, and to the uploader alone."""
        path = image(self.made / "base")
        await self.offer(path)
        self.seeder.states[metainfo.parse(torrent_of(path, BASE)).info_hash] = torrent_status(
            progress=0.25, download_rate=1000
        )
        found = await self.intake.progress(MAC, BASE)
        self.assertEqual((found.progress, found.rate, found.state), (25.0, 1000, "receiving"))
        await self.assertFailure(Deferred.fromCoroutine(self.intake.progress(OTHER, BASE)), Exception)


class RequestTests(PublishingCase):
    """Administrators' requests (1020) and imports."""

    async def test_request(self) -> None:
        """It is written down, base before difference, and its torrent needs no further permission."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(DIFF, 0), (BASE, 0)])
        self.assertEqual([d.name for d in upload.disks], [BASE, DIFF])
        path = image(self.made / "base")
        torrent_id = await self.intake.take_torrent(MAC, False, {}, TorrentBody(torrent_of(path, BASE), DISK, 0))
        self.assertEqual(torrent_id, upload.disks[0].id)
        await self.arrive(path)
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual(template.name, "Office")

    async def test_refused(self) -> None:
        """An unknown terminal, nothing to upload, a level that does not fit."""
        request = partial(self.requests.request, SERVER, MAC, NAMED[DISK])
        await self.assertFailure(Deferred.fromCoroutine(request([(BASE, 0)])), UnknownTerminal)
        await self.terminal()
        for names in ([], [(DIFF, 0)], [(THIRD, 0)]):
            await self.assertFailure(Deferred.fromCoroutine(request(names)), Conflict)

    async def test_never_offered(self) -> None:
        """A terminal that does not offer what it was asked for does not hold the template for ever."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        await self.publisher.give_up_idle(upload.created + IDLE_SECONDS - 1)
        self.assertTrue((await self.last()).open)
        await self.publisher.give_up_idle(upload.created + IDLE_SECONDS + 1)
        self.assertIn("did not offer", (await self.last()).reason)

    async def test_refused_says_why_at_the_request(self) -> None:
        """What keeps a terminal from sending what it was asked for stands at the request, until it may; the same
        refusal again is not written again, and other bytes are only now and then.
        """
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        written: list[str] = []
        real = self.uploads.explain

        def explain(disk_ids: Sequence[str], reason: str) -> Deferred[None]:
            written.append(reason)
            return real(disk_ids, reason)

        self.patch(self.uploads, "explain", explain)
        body = self.body(Disk(uuid=DISK, real_size=(20 << 20) // 512))
        for free in (10 << 20, 10 << 20, 11 << 20):
            self.free = MARGIN + free
            permission = await self.intake.may_upload(MAC, False, body)
            self.assertIsInstance(permission.refusal, NoSpace)
        self.assertEqual(plain((await self.last()).reason)["data"]["available"], 10 << 20)
        self.now += AGAIN_SECONDS
        await self.intake.may_upload(MAC, False, body)
        self.assertEqual(plain((await self.last()).reason)["data"]["available"], 11 << 20)
        self.free = 1 << 40
        await self.intake.may_upload(MAC, False, body)
        self.assertEqual((len(written), (await self.last()).reason), (3, ""))

    async def test_refused_torrent_says_why_at_the_request(self) -> None:
        """A torrent that is refused says so at the request too; once it is taken nothing of that is left."""
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        path, self.free = image(self.made / "base"), 0
        await self.assertFailure(Deferred.fromCoroutine(self.offer(path, granted=False)), NoSpace)
        self.assertIn("the server needs", (await self.last()).reason)
        self.free = 1 << 40
        await self.offer(path, granted=False)
        self.assertEqual(((await self.last()).state, (await self.last()).reason), (UploadState.RECEIVING, ""))

    async def test_retry_of_an_upload(self) -> None:
        """What failed of an upload is asked for again, with its remark, by who wants it now; the old one is past."""
        await self.terminal()
        old = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)], remark="new CAD")
        await self.assertFailure(Deferred.fromCoroutine(self.requests.retry(SERVER, old.id)), Conflict)
        await self.publisher.fail(old.disks[0], "torn")
        self.assertEqual([x.id for x in await self.uploads.failed()], [old.id])
        new = await self.requests.retry(Actor("account", "li", "10.9.9.9"), old.id)
        self.assertEqual((new.state, new.remark, new.actor), ("open", "new CAD", Actor("account", "li", "10.9.9.9")))
        self.assertEqual(await self.uploads.failed(), [])
        await self.publisher.fail(new.disks[0], "torn")
        self.assertEqual([x.id for x in await self.uploads.failed(TEMPLATE)], [new.id])
        await self.assertFailure(Deferred.fromCoroutine(self.requests.retry(SERVER, 99)), UnknownUpload)

    async def test_retry_of_an_import(self) -> None:
        """What failed of an import is copied again into the same template; what was published of it stays."""
        paths = [image(self.made / "system"), image(self.made / "data", seed=3)]
        old = await self.imported(*paths)
        await self.settle()
        await self.store.write(
            lambda db: db.execute("DELETE FROM levels WHERE disk_uuid = ?", (old.disks[1].name.uuid,))
        )
        self.directory.disk(old.disks[1].name).unlink()
        await self.store.write(
            lambda db: db.execute("UPDATE upload_disks SET state = 'failed' WHERE id = ?", (old.disks[1].id,))
        )
        new = await self.requests.retry(SERVER, old.id)
        await self.settle()
        self.assertEqual((new.template_uuid, [d.name for d in new.disks]), (old.template_uuid, [old.disks[1].name]))
        template = await self.templates.get(old.template_uuid)
        assert template is not None
        self.assertEqual({level.name for level in template.levels}, {disk.name for disk in old.disks})

    async def test_asked_again(self) -> None:
        """A request that is still waiting is replaced by the next one."""
        await self.terminal()
        first = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        found = await self.uploads.get(first.id)
        assert found is not None
        self.assertEqual(found.state, "failed")

    async def imported(self, *paths: Path) -> Upload:
        """Import image files."""
        disks = [ImportDisk(index, str(path.absolute())) for index, path in enumerate(paths)]
        return await self.requests.import_files(SERVER, "Lab", 3, "remark", disks)

    async def test_import(self) -> None:
        """Image files become a template with a disk each."""
        paths = [image(self.made / "system"), image(self.made / "data", seed=3)]
        upload = await self.imported(*paths)
        await self.settle()
        template = await self.templates.get(upload.template_uuid)
        assert template is not None
        self.assertEqual((template.name, template.sys_type, template.version), ("Lab", 3, 2))
        self.assertEqual({x.type for x in template.levels}, {0, 1})
        for disk, path in zip(upload.disks, paths, strict=True):
            self.assertEqual(self.directory.disk(disk.name).read_bytes(), path.read_bytes())
            self.assertEqual(self.publisher.progress(await self.last(disk.name)), 1.0)

    async def test_import_refused(self) -> None:
        """No file, no image, a relative path, a difference, no room: each says why."""
        text = self.made / "text"
        text.write_text("not an image")
        diff = image(self.made / "diff", backing="base")
        for path, kind in ((text, BadImage), (self.made / "gone", BadImage), (self.made, BadImage), (diff, BadImage)):
            await self.assertFailure(Deferred.fromCoroutine(self.imported(path)), kind)
        relative = self.requests.import_files(SERVER, "Lab", 0, "", [ImportDisk(0, "disk.qcow2")])
        await self.assertFailure(Deferred.fromCoroutine(relative), Malformed)
        await self.assertFailure(Deferred.fromCoroutine(self.imported()), Malformed)
        self.free = 0
        await self.assertFailure(Deferred.fromCoroutine(self.imported(image(self.made / "good"))), NoSpace)
        self.assertEqual(await self.uploads.open_disks(), [])

    async def test_cancel(self) -> None:
        """An upload that is cancelled is over, with that reason."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        ended = await self.requests.cancel(SERVER, upload.id)
        self.assertEqual(ended.state, "failed")
        self.assertIn("cancelled", ended.disks[0].reason)
        await self.assertFailure(Deferred.fromCoroutine(self.requests.cancel(SERVER, 99)), Exception)
