"""Who may upload what: answers 9018, takes 9014, requests and imports; nothing is fetched before it is allowed.

One question at a time is decided, so that two terminals cannot both be the first.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from voi.domain import metainfo
from voi.domain.metainfo import Metainfo
from voi.domain.templates import Template, check_next_level, check_room_for_diff
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import ImportDisk, Permission, ReceiveProgress, Upload, UploadDisk, UploadState
from voi.errors import (
    BadImage,
    BadTorrent,
    Conflict,
    Malformed,
    TorrentRefused,
    UnknownDisk,
    UnknownTerminal,
    UnknownUpload,
    VoiError,
)
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName
from voi.publishing.examine import check_parent, read_header
from voi.publishing.publisher import Publisher
from voi.publishing.seams import InThread
from voi.publishing.space import Space
from voi.store.directory import DataDirectory, write_atomically
from voi.store.templates import Templates
from voi.store.terminals import Terminals
from voi.store.uploads import Uploads
from voi.wire.messages import SECTOR, Disk, GroupUpload, TemplateBody
from voi.wire.torrent_body import TorrentBody

log = Logger()
T = TypeVar("T")

ABSENT_SECONDS: Final = 600.0
"""An uploader that has been offline this long loses its template to the next one who asks."""


class UploadDesk:
    """Decides about uploads and writes them down."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        templates: Templates,
        terminals: Terminals,
        publisher: Publisher,
        directory: DataDirectory,
        space: Space,
        in_thread: InThread,
        online: Callable[[str], bool],
        told_again: Callable[[UploadDisk], None],
    ) -> None:
        self._uploads = uploads
        self._templates = templates
        self._terminals = terminals
        self._publisher = publisher
        self._directory = directory
        self._space = space
        self._in_thread = in_thread
        self._online = online
        self._told_again = told_again
        self._left: dict[str, float] = {}
        self._started = time.time()
        self._lock = DeferredLock()

    def terminal_left(self, mac: str) -> None:
        """A terminal went offline: from now on its absence is counted."""
        self._left[mac] = time.time()

    def terminal_came(self, mac: str) -> None:
        """A terminal is back."""
        self._left.pop(mac, None)

    # 9018.

    async def may_upload(self, mac: str, granted: bool, body: TemplateBody | GroupUpload) -> Permission:
        """Whether a terminal may upload these disks now; a refusal says why."""
        listed: dict[str, ReportedTemplate] = {}
        try:
            template, asked = await self._asked(body)
            named = ReportedTemplate(asked.uuid, asked.name, asked.sys_type, asked.desc)
            listed = {disk.uuid: named for disk in asked.disks}
            open_disks = await self._uploads.open_disks()
            if not granted and not _requested(open_disks, mac, {disk.uuid for disk in asked.disks}):
                raise TorrentRefused("an administrator must log in at this terminal first (9008)")
            await self._check_free(asked.uuid, mac, open_disks)
            self._check_disks(template, asked, open_disks)
        except VoiError as error:
            return Permission(False, error.message, listed)
        return Permission(True, "", listed)

    async def _asked(self, body: TemplateBody | GroupUpload) -> tuple[Template | None, TemplateBody]:
        """The template that is asked about, and the question in the seed's form."""
        if isinstance(body, TemplateBody):
            return await self._templates.get(body.uuid), body
        template = await self._templates.by_group(body.desktop_group_uuid)
        if template is None:
            raise UnknownDisk(f"no desktop group {body.desktop_group_uuid}", field="desktop_group_uuid")
        disks = {level.name.uuid: Disk(uuid=level.name.uuid, type=level.type) for level in template.levels}
        return template, TemplateBody(uuid=template.uuid, name=template.name, disks=list(disks.values()))

    def _check_disks(self, template: Template | None, body: TemplateBody, open_disks: Sequence[UploadDisk]) -> None:
        levels = template.levels if template else ()
        published = {level.name for level in levels}
        for disk_uuid in {disk.uuid for disk in body.disks}:
            check_room_for_diff((x.name.level for x in levels if x.name.uuid == disk_uuid), disk_uuid)
        new = [disk for disk in body.disks if DiskName(disk.uuid, disk.diff_level) not in published]
        self._check_space(sum(_needed(disk) for disk in new), open_disks)

    async def _check_free(self, template_uuid: str, mac: str, open_disks: Iterable[UploadDisk]) -> None:
        """Nobody else may be at the template; who has been away for long gives way."""
        for disk in open_disks:
            if disk.template_uuid != template_uuid or disk.mac == mac:
                continue
            if disk.mac is None or not self._absent(disk.mac):
                who = f"terminal {disk.mac}" if disk.mac else "an import"
                raise Conflict(f"{who} is uploading {disk.name} of this template now")
            await self._publisher.fail(disk, f"{disk.mac} has been offline for long, and {mac} takes over")

    def _absent(self, mac: str) -> bool:
        return not self._online(mac) and time.time() - self._left.get(mac, self._started) >= ABSENT_SECONDS

    def _check_space(self, needed: int, open_disks: Sequence[UploadDisk]) -> None:
        self._space.check(needed, [(disk, self._publisher.progress(disk)) for disk in open_disks])

    # 9014.

    async def take_torrent(
        self, mac: str, granted: bool, listed: Mapping[str, ReportedTemplate], body: TorrentBody
    ) -> str:
        """Begin to receive a disk; its torrent id, the same again for a torrent that is known.

        :raises TorrentRefused: no administrator allowed it, or the torrent is not one to take.
        :raises Conflict: somebody else is at the template, or the level does not fit.
        :raises UnknownDisk: nothing says which template the disk belongs to.
        :raises NoSpace: says what is needed and what there is.
        """
        torrent: Metainfo = await self._in_thread(_parse, body)
        return await self._alone(self._take(mac, granted, listed, body, torrent))

    async def _take(
        self,
        mac: str,
        granted: bool,
        listed: Mapping[str, ReportedTemplate],
        body: TorrentBody,
        torrent: Metainfo,
    ) -> str:
        name = torrent.name
        open_disks = await self._uploads.open_disks()
        request = next((x for x in open_disks if x.mac == mac and x.name == name), None)
        known = await self._uploads.last_of(name)
        if known is not None and known.mac == mac and known.info_hash == torrent.info_hash:
            if known.state is UploadState.PUBLISHED:
                self._told_again(known)
            if known.state is not UploadState.FAILED:
                return known.id  # allowed long ago; a terminal that was away offers it again
        if not granted and request is None:
            raise TorrentRefused("an administrator must log in at this terminal first (9008)")
        owner = await self._templates.by_disk(name.uuid)
        upload = await self._upload_for(mac, name, listed, request, owner)
        if owner is not None and owner.uuid != upload.template_uuid:
            raise Conflict(f"disk {name.uuid} belongs to template {owner.name}")
        await self._check_free(upload.template_uuid, mac, open_disks)
        check_next_level(owner.levels if owner else (), name)
        if request is not None and request.state is not UploadState.REQUESTED:
            await self._publisher.fail(request, "replaced by a newer torrent of the same terminal")
            request = None
        self._check_space(torrent.length, [x for x in await self._uploads.open_disks() if x.name != name])
        await self._in_thread(write_atomically, self._directory.torrent(torrent.info_hash), body.torrent)
        disk = await self._write_down(upload, request, body, torrent)
        self._publisher.receive(disk)
        return disk.id

    async def _upload_for(
        self,
        mac: str,
        name: DiskName,
        listed: Mapping[str, ReportedTemplate],
        request: UploadDisk | None,
        owner: Template | None,
    ) -> Upload:
        """The template by this session's 9018, by our 1020, or by who owns the disk (protocol section 3)."""
        if request is not None:
            found = await self._uploads.get(request.upload_id)
            assert found is not None
            return found
        told = listed.get(name.uuid)
        if told is not None:
            return _upload(mac, told.uuid, told.name, told.sys_type, told.desc)
        if owner is not None:
            return _upload(mac, owner.uuid, owner.name, owner.sys_type, owner.desc)
        raise UnknownDisk(f"{name}: ask with 9018 first, so that its template is known")

    async def _write_down(
        self, upload: Upload, request: UploadDisk | None, body: TorrentBody, torrent: Metainfo
    ) -> UploadDisk:
        now = time.time()
        if request is not None:
            await self._uploads.receive(
                request.id,
                torrent.info_hash,
                torrent.length,
                body.real_size or request.real_size,
                body.reserve_size or request.reserve_size,
                now,
            )
            found = await self._uploads.disk(request.id)
            assert found is not None
            return found
        disk = _disk(upload, torrent.name, body.type, now)
        disk = replace(
            disk,
            state=UploadState.RECEIVING,
            real_size=body.real_size,
            reserve_size=body.reserve_size,
            info_hash=torrent.info_hash,
            size=torrent.length,
        )
        written = await self._uploads.begin(replace(upload, id=0, disks=(disk,)))
        return written.disks[0]

    # 9027.

    async def progress(self, mac: str, name: DiskName) -> ReceiveProgress:
        """How far an upload of this terminal is.

        :raises UnknownUpload: it uploads no such disk.
        """
        disk = await self._uploads.last_of(name)
        if disk is None or disk.mac != mac:
            raise UnknownUpload(f"{mac} uploads no {name}", field="torrent_name")
        percent = round(self._publisher.progress(disk) * 100, 2)
        return ReceiveProgress(percent, self._publisher.rate(disk), str(disk.state))

    # Requests (1020) and imports.

    async def request(self, mac: str, template: ReportedTemplate, names: Sequence[tuple[DiskName, int]]) -> Upload:
        """Write down that an administrator wants these disks, each with its type, from a terminal.

        A request for the same disk that is still waiting is replaced.

        :raises UnknownTerminal: the MAC never logged in.
        :raises Conflict: a level does not fit, or somebody else is at the template.
        """
        return await self._alone(self._request(mac, template, names))

    async def _request(self, mac: str, template: ReportedTemplate, names: Sequence[tuple[DiskName, int]]) -> Upload:
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(f"{mac} never logged in", field="mac")
        if not names:
            raise Conflict(f"{mac} reported no disk of this template that is not published yet", field="disks")
        open_disks = await self._uploads.open_disks()
        await self._check_free(template.uuid, mac, open_disks)
        planned: list[tuple[DiskName, int]] = []
        for name, kind in sorted(names):
            owner = await self._templates.by_disk(name.uuid)
            if owner is not None and owner.uuid != template.uuid:
                raise Conflict(f"disk {name.uuid} belongs to template {owner.name}", field="disks")
            if name.level > HIGHEST_PUBLISHED_LEVEL:
                raise Conflict(f"{name}: only levels 0 to {HIGHEST_PUBLISHED_LEVEL} are published", field="disks")
            if DiskName(name.uuid, name.level - 1) not in [x for x, _ in planned]:
                check_next_level(owner.levels if owner else (), name)
            planned.append((name, kind))
        for disk in open_disks:
            if disk.mac == mac and disk.name in {name for name, _ in planned}:
                if disk.state is not UploadState.REQUESTED:
                    raise Conflict(f"{mac} is uploading {disk.name} already", field="disks")
                await self._publisher.fail(disk, "asked for again")
        upload = _upload(mac, template.uuid, template.name, template.sys_type, template.desc)
        now = time.time()
        disks = tuple(_disk(upload, name, kind, now) for name, kind in planned)
        return await self._uploads.begin(replace(upload, disks=disks))

    async def import_files(self, name: str, sys_type: int, desc: str, disks: Sequence[ImportDisk]) -> Upload:
        """Make a new template of image files on the server; copying goes on after this returns.

        :raises Malformed: no disk, or a path that is not absolute.
        :raises BadImage: a file that cannot be read, or is no image to distribute.
        :raises NoSpace: says what is needed and what there is.
        """
        if not disks:
            raise Malformed("disks: at least one image file is needed", field="disks")
        upload = _upload(None, str(uuid.uuid4()), name, sys_type, desc)
        now = time.time()
        rows: list[UploadDisk] = []
        for index, one in enumerate(disks):
            disk_name = DiskName(str(uuid.uuid4()), 0)
            size = await self._in_thread(_check_image, Path(one.path), disk_name, f"disks[{index}].path")
            row = _disk(upload, disk_name, one.type, now)
            rows.append(replace(row, source=one.path, size=size, state=UploadState.RECEIVING))
        self._check_space(sum(row.size for row in rows), await self._uploads.open_disks())
        written = await self._uploads.begin(replace(upload, disks=tuple(rows)))
        for disk in written.disks:
            self._publisher.copy(disk)
        return written

    async def cancel(self, upload_id: int) -> Upload:
        """End an upload that is not wanted any more.

        :raises UnknownUpload: there is none of this number.
        """
        upload = await self._uploads.get(upload_id)
        if upload is None:
            raise UnknownUpload(f"no upload {upload_id}")
        for disk in upload.disks:
            if disk.open and disk.state is not UploadState.PUBLISHING:
                await self._publisher.fail(disk, "cancelled by an administrator")
        found = await self._uploads.get(upload_id)
        assert found is not None
        return found

    async def _alone(self, work: Coroutine[Any, Any, T]) -> T:
        await self._lock.acquire()
        try:
            return await work
        finally:
            self._lock.release()


def _parse(body: TorrentBody) -> Metainfo:
    """Read the torrent of a 9014; what its struct says of the disk must be what the torrent says."""
    if not body.torrent:
        raise BadTorrent("the torrent is empty")
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


def _requested(open_disks: Iterable[UploadDisk], mac: str, disk_uuids: set[str]) -> bool:
    """Whether an administrator asked this terminal for one of these disks."""
    return any(disk.mac == mac and disk.name.uuid in disk_uuids for disk in open_disks)


def _upload(mac: str | None, template_uuid: str, name: str, sys_type: int, desc: str) -> Upload:
    return Upload(
        id=0,
        template_uuid=template_uuid,
        name=name or f"template {template_uuid[:8]}",
        sys_type=sys_type,
        desc=desc,
        mac=mac,
        created=time.time(),
    )


def _disk(upload: Upload, name: DiskName, kind: int, now: float) -> UploadDisk:
    return UploadDisk(
        id=str(uuid.uuid4()),
        upload_id=upload.id,
        template_uuid=upload.template_uuid,
        mac=upload.mac,
        source=None,
        name=name,
        type=kind,
        real_size=0,
        reserve_size=0,
        state=UploadState.REQUESTED,
        reason="",
        info_hash=None,
        size=0,
        told=upload.mac is None,
        created=now,
        updated=now,
    )


def _check_image(path: Path, name: DiskName, field: str) -> int:
    """The size of an image file that can be imported as `name`."""
    if not path.is_absolute():
        raise Malformed(f"{field}: {path} is not an absolute path on the server", field=field)
    try:
        if not path.is_file():
            raise BadImage("there is no such file on the server")
        check_parent(read_header(path), name, None)
        return path.stat().st_size
    except OSError as error:
        raise BadImage(f"{field}: {path}: {error.strerror}", field=field) from error
    except BadImage as error:
        raise BadImage(f"{field}: {path}: {error.message}", field=field) from error
