"""What terminals want to upload: answers 9018 and 9027, takes 9014; nothing is fetched before it is allowed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from twisted.logger import Logger

from voi.domain import metainfo
from voi.domain.actors import Actor
from voi.domain.metainfo import Metainfo
from voi.domain.templates import Template, check_next_level
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import Permission, ReceiveProgress, Upload, UploadDisk, UploadState
from voi.errors import (
    BadTorrent,
    StorageMissing,
    UnknownDisk,
    UnknownUpload,
    VoiError,
)
from voi.files.atomic import write_atomically
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason, of_system
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName
from voi.publishing import audit
from voi.publishing.admission import OfferedDisk, UploadAdmission
from voi.publishing.publisher import Publisher
from voi.publishing.refusals import Refusals
from voi.publishing.rows import new_disk, new_upload
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread
from voi.units import SECTOR
from voi.wire.messages import Disk, GroupUpload, TemplateBody
from voi.wire.torrent_body import TorrentBody, UnreadableTorrent, named

log = Logger()
T = TypeVar("T")


class UploadIntake:
    """Decides about uploads and writes them down."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        templates: Templates,
        publisher: Publisher,
        admission: UploadAdmission,
        directory: DataDirectory,
        in_thread: InThread,
        told_again: Callable[[UploadDisk], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._uploads = uploads
        self._templates = templates
        self._publisher = publisher
        self._admission = admission
        self._directory = directory
        self._in_thread = in_thread
        self._told_again = told_again
        self._refusals = Refusals(uploads, now)

    # 9018.

    async def may_upload(self, mac: str, granted: bool, body: TemplateBody | GroupUpload) -> Permission:
        """Whether a terminal may upload these disks now; a refusal says why, and is what 9014 would be refused with."""
        listed: dict[str, ReportedTemplate] = {}
        try:
            asked = await self._asked(body)
            named = ReportedTemplate(asked.uuid, asked.name, asked.sys_type, asked.desc)
            listed = {disk.uuid: named for disk in asked.disks}
            await self._admission.check(mac, granted, await self._meant(mac, granted, asked))
        except VoiError as error:
            await self._refusals.note(mac, body, error.reason)
            return Permission(False, error.reason, listed, error)
        await self._refusals.note(mac, body, "")
        return Permission(True, "", listed)

    async def _asked(self, body: TemplateBody | GroupUpload) -> TemplateBody:
        """The question in the seed's form; of a desktop group, the next level of each of its disks."""
        if isinstance(body, TemplateBody):
            return body
        template = await self._templates.by_group(body.desktop_group_uuid)
        if template is None:
            raise UnknownDisk(Reason("no_group", uuid=body.desktop_group_uuid), field="desktop_group_uuid")
        tops = {level.name.uuid: level for level in sorted(template.levels, key=lambda level: level.name.level)}
        disks = [Disk(uuid=uuid, type=top.type, diff_level=top.name.level + 1) for uuid, top in tops.items()]
        return TemplateBody(uuid=template.uuid, name=template.name, disks=disks)

    async def _meant(self, mac: str, granted: bool, asked: TemplateBody) -> list[OfferedDisk]:
        """Of the disks that a terminal lists, those that it wants to upload: what is published, and its own write
        layers, it may list beside them, and without an administrator's login also what nobody asked it for.
        """
        disks = sorted(asked.disks, key=lambda disk: (disk.uuid, disk.diff_level))
        offered = [OfferedDisk(DiskName(x.uuid, x.diff_level), asked.uuid, _needed(x)) for x in disks]
        published: set[DiskName] = set()
        for disk_uuid in {disk.uuid for disk in disks}:
            owner = await self._templates.by_disk(disk_uuid)
            published.update(level.name for level in (owner.levels if owner else ()))
        new = [one for one in offered if one.name not in published and one.name.level <= HIGHEST_PUBLISHED_LEVEL]
        if not granted:
            requested = {disk.name for disk in await self._uploads.open_disks() if disk.mac == mac}
            new = [one for one in new if one.name in requested] or new
        return new or offered[-1:]

    # 9014.

    async def take_torrent(
        self,
        mac: str,
        granted: bool,
        listed: Mapping[str, ReportedTemplate],
        body: TorrentBody | UnreadableTorrent,
        *,
        actor: Actor | None = None,
        address: str = "",
    ) -> str:
        """Begin to receive a disk; its torrent id, the same again for a torrent that is known.

        `actor` is the administrator who allowed it at the terminal, `address` where the terminal is. Why it is refused,
        whatever the reason, stands at what the terminal was asked for.

        :raises TorrentRefused: no administrator allowed it, or the torrent is not one to take.
        :raises Conflict: somebody else is at the template, or the level does not fit.
        :raises UnknownDisk: nothing says which template the disk belongs to.
        :raises NoSpace: says what is needed and what there is.
        :raises StorageMissing: the torrent cannot be written down.
        :raises Malformed: the body cannot be read.
        """
        name = _offered(body)
        try:
            if isinstance(body, UnreadableTorrent):
                raise body.error
            torrent: Metainfo = await self._in_thread(_parse, body)
            name = torrent.name
            terminal = Actor("terminal", mac, address)
            return await self._admission.alone(self._take(terminal, granted, listed, body, torrent, actor))
        except VoiError as error:
            await self._refusals.note_torrent(mac, name, error.reason)
            raise
        except Exception:  # a fault of ours: the terminal is answered, and the administrator should not wait in vain
            await self._refusals.note_torrent(mac, name, Reason("server_failed"))
            raise

    async def not_read(self, mac: str, reason: str) -> None:
        """A torrent (9014) got no further than its frame: say why at what the terminal was asked for."""
        await self._refusals.note_torrent(mac, None, reason)

    async def _take(
        self,
        terminal: Actor,
        granted: bool,
        listed: Mapping[str, ReportedTemplate],
        body: TorrentBody,
        torrent: Metainfo,
        actor: Actor | None,
    ) -> str:
        name, mac = torrent.name, terminal.name
        open_disks = await self._uploads.open_disks()
        request = next((x for x in open_disks if x.mac == mac and x.name == name), None)
        known = await self._uploads.last_of(name)
        if known is not None and known.mac == mac and known.info_hash == torrent.info_hash:
            if known.state is UploadState.PUBLISHED:
                self._told_again(known)
            if known.state is not UploadState.FAILED:
                return known.id  # allowed long ago; a terminal that was away offers it again
        told = listed.get(name.uuid)
        offered = OfferedDisk(name, told.uuid if told is not None else None, torrent.length)
        await self._admission.check(mac, granted, [offered])
        owner = await self._templates.by_disk(name.uuid)
        upload = await self._upload_for(mac, name, told, request, owner, actor)
        if request is not None and request.state is not UploadState.REQUESTED:
            await self._publisher.fail(request, Reason("newer_torrent"))
            request = None
        # Again, because others were waited for: what they did counts.
        owner = await self._templates.by_disk(name.uuid)
        check_next_level(owner.levels if owner else (), name)
        self._admission.check_space(torrent.length, [x for x in await self._uploads.open_disks() if x.name != name])
        # Before the answer, after which the terminal announces: refused once, its client would wait for minutes.
        admitted = self._publisher.admit(torrent.info_hash)
        try:
            await self._keep(self._directory.torrent(torrent.info_hash), body.torrent)
            disk = await self._write_down(terminal, upload, request, body, torrent)
        except BaseException:
            if admitted:  # else it is another upload's swarm: cloned terminals have the same disks
                self._publisher.refuse(torrent.info_hash)
            raise
        self._publisher.receive(disk)
        return disk.id

    async def _keep(self, path: Path, torrent: bytes) -> None:
        try:
            await self._in_thread(write_atomically, path, torrent)
        except OSError as error:
            text = of_system(error.strerror or str(error))
            raise StorageMissing(Reason("file_failed", text=text, path=path.name)) from error

    async def _upload_for(
        self,
        mac: str,
        name: DiskName,
        told: ReportedTemplate | None,
        request: UploadDisk | None,
        owner: Template | None,
        actor: Actor | None,
    ) -> Upload:
        """The template by this session's 9018, by our 1020, or by who owns the disk (protocol section 3)."""
        if request is not None:
            found = await self._uploads.get(request.upload_id)
            assert found is not None
            return found
        if told is not None:
            return new_upload(mac, told.uuid, told.name, told.sys_type, told.desc, remark=told.desc, actor=actor)
        if owner is not None:
            return new_upload(mac, owner.uuid, owner.name, owner.sys_type, owner.desc, actor=actor)
        raise UnknownDisk(Reason("ask_first", disk=str(name)))

    async def _write_down(
        self, terminal: Actor, upload: Upload, request: UploadDisk | None, body: TorrentBody, torrent: Metainfo
    ) -> UploadDisk:
        now = time.time()
        entry = audit.begun(terminal, now, upload, torrent.name)
        if request is not None:
            await self._uploads.receive(
                request.id,
                torrent.info_hash,
                torrent.length,
                body.real_size or request.real_size,
                body.reserve_size or request.reserve_size,
                now,
                audit=entry,
            )
            found = await self._uploads.disk(request.id)
            assert found is not None
            return found
        disk = new_disk(upload, torrent.name, body.type, now)
        disk = replace(
            disk,
            state=UploadState.RECEIVING,
            real_size=body.real_size,
            reserve_size=body.reserve_size,
            info_hash=torrent.info_hash,
            size=torrent.length,
        )
        written = await self._uploads.begin(replace(upload, id=0, disks=(disk,)), audit=entry)
        return written.disks[0]

    # 9027.

    async def progress(self, mac: str, name: DiskName) -> ReceiveProgress:
        """How far an upload of this terminal is.

        :raises UnknownUpload: it uploads no such disk.
        """
        disk = await self._uploads.last_of(name)
        if disk is None or disk.mac != mac:
            raise UnknownUpload(Reason("no_such_upload", mac=mac, disk=str(name)), field="torrent_name")
        percent = round(self._publisher.progress(disk) * 100, 2)
        return ReceiveProgress(percent, self._publisher.rate(disk), str(disk.state))


def _offered(body: TorrentBody | UnreadableTorrent) -> DiskName | None:
    """The disk that a 9014 is of, before its torrent is read; None where that cannot be told."""
    if isinstance(body, UnreadableTorrent):
        return body.disk
    if body.disk_uuid is None or body.level is None:
        return named(body.torrent)
    return DiskName(body.disk_uuid, body.level)


def _parse(body: TorrentBody) -> Metainfo:
    """Read the torrent of a 9014; what its struct says of the disk must be what the torrent says."""
    if not body.torrent:
        raise BadTorrent(Reason("torrent_empty"))
    expected = None
    if body.disk_uuid is not None and body.level is not None:
        expected = DiskName(body.disk_uuid, body.level)
    return metainfo.parse(body.torrent, expected)


def _needed(disk: Disk) -> int:
    """Bytes to keep free for a disk that is asked about.

    Its file's size where the terminal tells; else a base may fill its virtual size, and of a difference
    nothing is known before its torrent comes.
    """
    if disk.file_size is not None:
        return disk.file_size
    return disk.real_size * SECTOR if disk.diff_level == 0 else 0
