"""The stages of an upload: received or copied, verified, published; each written down before it begins.

Whatever stage a crash interrupts, `recover` takes it up again: a download goes on with what is there, a check
is made again, a half-done rename is finished.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, KeysView, Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.logger import Logger

from voi.catalogue.block_tables import keep_table
from voi.catalogue.catalogue import Catalogue
from voi.domain import metainfo
from voi.domain.audit import Audit
from voi.domain.templates import PublishedLevel, check_next_level
from voi.domain.uploads import Ending, UploadDisk, UploadState
from voi.errors import StorageMissing
from voi.files.directory import DataDirectory
from voi.files.hashing import Cancelled
from voi.messages.reason import Reason, of_system
from voi.names import DiskName
from voi.publishing.copying import copy_disk, keep_torrent
from voi.publishing.endings import UploadEndings, reason_of
from voi.publishing.idle import IdleUploads
from voi.publishing.image_check import ImageCheck
from voi.publishing.locks import DiskLocks
from voi.publishing.verification import WrongPieces, examine, install, read_header
from voi.seeding.interfaces import BitTorrentSession
from voi.signals import Signal
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread, spawn
from voi.tracker.tracker import Tracker
from voi.units import sectors

log = Logger()

FETCH_AGAIN: Final = 3
"""Times that pieces which the disk lost are fetched again before the disk is called broken."""


class Publisher:
    """Takes each upload through its stages.

    `in_disk_thread` is for work as long as a disk is large, `in_thread` for what must not wait behind it.
    `ended` is called with an upload that was published or failed.
    """

    def __init__(
        self,
        *,
        uploads: Uploads,
        templates: Templates,
        catalogue: Catalogue,
        directory: DataDirectory,
        seeder: BitTorrentSession,
        tracker: Tracker,
        check_image: ImageCheck,
        in_thread: InThread,
        in_disk_thread: InThread,
    ) -> None:
        self.ended: Signal[[UploadDisk]] = Signal("an upload of a disk has ended")
        self._uploads = uploads
        self._templates = templates
        self._catalogue = catalogue
        self._directory = directory
        self._seeder = seeder
        self._tracker = tracker
        self._check_image = check_image
        self._in_thread = in_thread
        self._in_disk_thread = in_disk_thread
        self._receiving: dict[bytes, UploadDisk] = {}
        self._copied: dict[str, float] = {}
        self._fetched_again: dict[str, int] = {}
        self._endings = UploadEndings(
            uploads=uploads,
            catalogue=catalogue,
            directory=directory,
            receiving=self._receiving,
            in_thread=in_thread,
        )
        self._idle = IdleUploads(self.progress, self.fail)
        self._ending: set[str] = set()
        self._locks = DiskLocks()
        self._stopping = False

    def stop(self) -> None:
        """Let threads end; what they did not finish is taken up at the next start."""
        self._stopping = True

    async def recover(self) -> None:
        """Go on with everything that was under way."""
        for disk in await self._uploads.open_disks():
            begun = disk.id in self._locks or disk.info_hash in self._receiving  # it came in since the start
            if disk.state is not UploadState.REQUESTED and not begun:
                log.info("upload of {name} goes on ({state})", name=str(disk.name), state=disk.state)
                self._spawn(disk, self._resume(disk))

    async def _resume(self, disk: UploadDisk) -> None:
        if disk.state is UploadState.PUBLISHING:
            await self._publish(disk)
        elif disk.source is not None:
            await self._copy(disk)
        elif disk.state is UploadState.VERIFYING:
            await self._verify(disk)
        else:
            await self._receive(disk)

    # Beginnings.

    def admit(self, info_hash: bytes) -> bool:
        """Let a torrent be announced from now on, before anybody is told that it is taken; False where it was already.

        :raises TorrentRefused: the tracker holds as many as it may.
        """
        known = self._tracker.known(info_hash)
        self._tracker.admit(info_hash)
        return not known

    def refuse(self, info_hash: bytes) -> None:
        """The torrent that was admitted is not received after all."""
        self._catalogue.refuse(info_hash)

    def receive(self, disk: UploadDisk) -> None:
        """Begin to fetch a disk whose torrent was admitted, lies in the torrents directory, and whose row says so."""
        assert disk.info_hash is not None
        self._receiving[disk.info_hash] = disk
        self._spawn(disk, self._receive(disk))

    def copy(self, disk: UploadDisk) -> None:
        """Begin to import a disk from a file on the server."""
        self._spawn(disk, self._copy(disk))

    async def _receive(self, disk: UploadDisk) -> None:
        assert disk.info_hash is not None
        torrent = await self._torrent(disk.info_hash)
        self._receiving[disk.info_hash] = disk
        self._tracker.admit(disk.info_hash)
        await self._seeder.download(torrent, self._directory.incoming)
        for peer in self._tracker.peers(disk.info_hash):  # who announced before there was anything to connect
            self._seeder.connect(disk.info_hash, peer.host, peer.port)

    async def _copy(self, disk: UploadDisk) -> None:
        def progress(part: float) -> None:
            self._copied[disk.id] = part

        torrent = await self._in_disk_thread(
            copy_disk, disk, self._directory, self._check_image, progress, lambda: self._cancelled(disk.id)
        )
        info_hash = metainfo.parse(torrent, disk.name).info_hash
        await self._set_state(disk, UploadState.PUBLISHING, info_hash=info_hash)
        await self._publish(replace(disk, info_hash=info_hash))

    # What the BitTorrent session and the tracker tell.

    @property
    def receiving(self) -> KeysView[bytes]:
        """The info-hashes of uploads that come in, as they are whenever it is looked into."""
        return self._receiving.keys()

    def announced(self, info_hash: bytes, host: str, port: int) -> None:
        """A peer of an upload announced itself: connect at once instead of waiting for it."""
        if info_hash in self._receiving:
            self._seeder.connect(info_hash, host, port)

    def finished(self, info_hash: bytes) -> None:
        """The last piece of a download is there."""
        disk = self._receiving.pop(info_hash, None)
        if disk is not None:
            self._spawn(disk, self._verify(disk))

    def transfer_failed(self, info_hash: bytes, reason: str) -> None:
        """A download cannot go on, for a reason of this server's disk."""
        disk = self._receiving.get(info_hash)
        if disk is not None:
            self._spawn(disk, self._end([disk.id], reason))

    # Stages.

    async def _verify(self, disk: UploadDisk) -> None:
        assert disk.info_hash is not None
        await self._set_state(disk, UploadState.VERIFYING)
        await self._seeder.remove(disk.info_hash, forget=True)
        torrent = await self._torrent(disk.info_hash)
        parent = await self._parent_size(disk.name)
        try:
            examined = await self._in_disk_thread(
                examine,
                self._directory.upload(disk.name),
                torrent,
                disk.name,
                parent,
                self._check_image,
                lambda: self._cancelled(disk.id),
            )
        except WrongPieces as error:
            await self._fetch_again(disk, error)
            return
        info_hash: bytes = examined.metainfo.info_hash
        if info_hash != disk.info_hash:
            log.info("{name} named another backing file: put right, torrent made anew", name=str(disk.name))
            await self._in_thread(keep_torrent, self._directory, examined.torrent)
            await self._catalogue.retire(disk.info_hash)
        await self._in_thread(keep_table, self._directory, examined.metainfo, examined.sums)
        await self._set_state(disk, UploadState.PUBLISHING, info_hash=info_hash)
        if info_hash != disk.info_hash:
            await self._in_thread(self._directory.torrent(disk.info_hash).unlink, True)
        await self._publish(replace(disk, info_hash=info_hash))

    async def _fetch_again(self, disk: UploadDisk, error: WrongPieces) -> None:
        times = self._fetched_again.get(disk.id, 0) + 1
        if times > FETCH_AGAIN:
            raise error
        self._fetched_again[disk.id] = times
        log.warn("{error}: fetched again", error=error.message)
        await self._set_state(disk, UploadState.RECEIVING)
        await self._receive(disk)

    async def _publish(self, disk: UploadDisk) -> None:
        assert disk.info_hash is not None
        target = self._directory.disk(disk.name)
        torrent = await self._torrent(disk.info_hash)
        owner = await self._templates.by_disk(disk.name.uuid)
        check_next_level(owner.levels if owner else (), disk.name)  # a published file is never written over
        await self._in_thread(install, self._directory.upload(disk.name), target, disk.name)
        header = await self._in_thread(read_header, target)
        upload = await self._uploads.get(disk.upload_id)
        assert upload is not None
        level = PublishedLevel(
            template_uuid=disk.template_uuid,
            name=disk.name,
            type=disk.type,
            operate_id=min(disk.name.level, 1),  # a difference's first content is its first change (section 5)
            info_hash=disk.info_hash,
            file_size=metainfo.parse(torrent, disk.name).length,
            virtual_size=header.virtual_size,
            reserve_size=disk.reserve_size or sectors(header.virtual_size),
            published=time.time(),
            uploader=disk.mac,
        )
        await self._catalogue.publish(level, disk, upload)
        self._forget(disk)
        self.ended(replace(disk, state=UploadState.PUBLISHED))

    async def fail(self, disk: UploadDisk, reason: str, ending: Ending = Ending.FAILED) -> None:
        """End one disk of an upload, as `end` does."""
        await self.end([disk], reason, ending)

    async def end(
        self,
        disks: Sequence[UploadDisk],
        reason: str,
        ending: Ending = Ending.FAILED,
        audit: Audit[list[str]] | None = None,
    ) -> None:
        """End disks of an upload that are not published: their work under way ends first, their files go, their
        uploader is told why.

        One that has ended meanwhile, published or not, stays as it is. The others end in one transaction, with what
        `audit` makes of their ids, or, without one, an entry for each that failed.
        """
        ids = sorted({disk.id for disk in disks})
        self._ending.update(ids)
        await self._locks.alone(ids, self._end(ids, reason, ending, audit))

    async def _end(
        self,
        disk_ids: Sequence[str],
        reason: str,
        ending: Ending = Ending.FAILED,
        audit: Audit[list[str]] | None = None,
    ) -> None:
        self._ending.difference_update(disk_ids)  # all, also where one cannot be read below
        for disk in await self._endings.end(disk_ids, reason, ending, audit):
            self._forget(disk)
            self.ended(disk)

    # What others ask.

    def progress(self, disk: UploadDisk) -> float:
        """How much of an upload is here, 0 to 1."""
        if disk.state in (UploadState.REQUESTED, UploadState.FAILED):
            return 0.0
        if disk.state is not UploadState.RECEIVING:
            return 1.0
        if disk.source is not None:
            return self._copied.get(disk.id, 0.0)
        status = self._seeder.status(disk.info_hash) if disk.info_hash else None
        return status.progress if status else 0.0

    def rate(self, disk: UploadDisk) -> int:
        """Bytes a second that arrive of an upload."""
        status = self._seeder.status(disk.info_hash) if disk.info_hash else None
        return status.download_rate if status and disk.state is UploadState.RECEIVING else 0

    async def give_up_idle(self, now: float, wall: float) -> None:
        """Fail what has not moved for a day; the times are as `IdleUploads.give_up` takes them."""
        await self._idle.give_up(await self._uploads.open_disks(), self._receiving.values(), now, wall)

    # Small things.

    async def _parent_size(self, name: DiskName) -> int | None:
        if name.level == 0:
            return None
        template = await self._templates.by_disk(name.uuid)
        levels = template.levels_of(name.uuid) if template else []
        return next((x.virtual_size for x in levels if x.name == name.parent), None)

    async def _torrent(self, info_hash: bytes) -> bytes:
        path = self._directory.torrent(info_hash)
        try:
            data: bytes = await self._in_thread(path.read_bytes)
        except OSError as error:
            raise StorageMissing(
                Reason("torrent_file_failed", name=path.name, text=of_system(error.strerror))
            ) from error
        return data

    async def _set_state(self, disk: UploadDisk, state: UploadState, *, info_hash: bytes | None = None) -> None:
        if self._cancelled(disk.id):
            raise Cancelled(Reason("called_off"))
        await self._uploads.set_state(disk.id, state, time.time(), info_hash=info_hash)

    def _cancelled(self, disk_id: str) -> bool:
        return self._stopping or disk_id in self._ending

    def _forget(self, disk: UploadDisk) -> None:
        self._copied.pop(disk.id, None)
        self._fetched_again.pop(disk.id, None)
        self._idle.forget(disk)

    def _spawn(self, disk: UploadDisk, work: Coroutine[Any, Any, None]) -> None:
        spawn(self._locks.alone([disk.id], self._guard(disk, work)), log, "the upload of {name}", name=str(disk.name))

    async def _guard(self, disk: UploadDisk, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Cancelled:
            return
        except Exception as error:  # whatever it is, an upload must not hang without a reason
            if not self._cancelled(disk.id):
                await self._end([disk.id], reason_of(error, disk))
