"""What administrators want: disks from a terminal (1020), image files imported, an upload called off."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from voi.domain.audit import Actor
from voi.domain.templates import check_next_level
from voi.domain.terminals import ReportedTemplate
from voi.domain.uploads import Ending, ImportDisk, Upload, UploadDisk, UploadState
from voi.errors import BadImage, Conflict, Malformed, UnknownTerminal, UnknownUpload
from voi.messages.reason import Reason, of_system
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName
from voi.publishing.admission import UploadAdmission
from voi.publishing.publisher import Publisher
from voi.publishing.rows import new_disk, new_upload
from voi.publishing.verification import check_parent, read_header
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread


class UploadRequests:
    """Writes administrators' wishes down and begins them."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        templates: Templates,
        terminals: Terminals,
        publisher: Publisher,
        admission: UploadAdmission,
        in_thread: InThread,
    ) -> None:
        self._uploads = uploads
        self._templates = templates
        self._terminals = terminals
        self._publisher = publisher
        self._admission = admission
        self._in_thread = in_thread

    async def request(
        self,
        mac: str,
        template: ReportedTemplate,
        names: Sequence[tuple[DiskName, int]],
        *,
        actor: Actor | None = None,
        remark: str = "",
    ) -> Upload:
        """Write down that an administrator, `actor`, wants these disks, each with its type, from a terminal.

        A request for the same disk that is still waiting is replaced. `remark` is what they say of this upload.

        :raises UnknownTerminal: the MAC never logged in.
        :raises Conflict: a level does not fit, or somebody else is at the template.
        """
        upload = new_upload(
            mac, template.uuid, template.name, template.sys_type, template.desc, remark=remark, actor=actor
        )
        return await self._admission.alone(self._request(mac, template, names, upload))

    async def _request(
        self, mac: str, template: ReportedTemplate, names: Sequence[tuple[DiskName, int]], upload: Upload
    ) -> Upload:
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="mac")
        if not names:
            raise Conflict(Reason("nothing_to_upload", mac=mac), field="disks")
        open_disks = await self._uploads.open_disks()
        await self._admission.check_free(template.uuid, mac, open_disks)
        planned: list[tuple[DiskName, int]] = []
        for name, kind in sorted(names):
            owner = await self._templates.by_disk(name.uuid)
            if owner is not None and owner.uuid != template.uuid:
                raise Conflict(Reason("disk_of_another", uuid=name.uuid, name=owner.name), field="disks")
            if name.level > HIGHEST_PUBLISHED_LEVEL:
                reason = Reason("level_too_high", disk=str(name), highest=HIGHEST_PUBLISHED_LEVEL)
                raise Conflict(reason, field="disks")
            if DiskName(name.uuid, name.level - 1) not in [x for x, _ in planned]:
                check_next_level(owner.levels if owner else (), name)
            planned.append((name, kind))
        for disk in open_disks:
            if disk.mac == mac and disk.name in {name for name, _ in planned}:
                if disk.state is not UploadState.REQUESTED:
                    raise Conflict(Reason("uploads_already", mac=mac, disk=str(disk.name)), field="disks")
                await self._publisher.fail(disk, Reason("asked_again"), Ending.ASKED_AGAIN)
        now = time.time()
        disks = tuple(new_disk(upload, name, kind, now) for name, kind in planned)
        return await self._uploads.begin(replace(upload, disks=disks))

    async def import_files(
        self, name: str, sys_type: int, desc: str, disks: Sequence[ImportDisk], *, actor: Actor | None = None
    ) -> Upload:
        """Make a new template of image files on the server; copying goes on after this returns.

        :raises Malformed: no disk, or a path that is not absolute.
        :raises BadImage: a file that cannot be read, or is no image to distribute.
        :raises NoSpace: says what is needed and what there is.
        """
        if not disks:
            raise Malformed(Reason("no_image_file"), field="disks")
        upload = new_upload(None, str(uuid.uuid4()), name, sys_type, desc, remark=desc, actor=actor)
        return await self._import(upload, [(DiskName(str(uuid.uuid4()), 0), one) for one in disks])

    async def _import(self, upload: Upload, disks: Sequence[tuple[DiskName, ImportDisk]]) -> Upload:
        now = time.time()
        rows: list[UploadDisk] = []
        for index, (disk_name, one) in enumerate(disks):
            size = await self._in_thread(_check_image, Path(one.path), disk_name, f"disks[{index}].path")
            row = new_disk(upload, disk_name, one.type, now)
            rows.append(replace(row, source=one.path, size=size, state=UploadState.RECEIVING))
        self._admission.check_space(sum(row.size for row in rows), await self._uploads.open_disks())
        written = await self._uploads.begin(replace(upload, disks=tuple(rows)))
        for disk in written.disks:
            self._publisher.copy(disk)
        return written

    async def retry(self, upload_id: int, *, actor: Actor | None = None) -> Upload:
        """Begin what failed of an upload or import again, as a new one; the old one wants nobody any more.

        :raises UnknownUpload: there is none of this number.
        :raises Conflict: it has not failed, or a level does not fit any more, or somebody else is at the template.
        :raises UnknownTerminal: the terminal that it came from was forgotten.
        :raises BadImage: an image file that cannot be read, or is none to distribute.
        :raises NoSpace: says what is needed and what there is.
        """
        old = await self._uploads.get(upload_id)
        if old is None:
            raise UnknownUpload(Reason("no_upload", number=upload_id))
        failed = [disk for disk in old.disks if disk.state is UploadState.FAILED]
        if not failed or old.state != "failed":
            raise Conflict(Reason("upload_not_failed", number=upload_id))
        if old.mac is not None:
            template = ReportedTemplate(old.template_uuid, old.name, old.sys_type, old.desc)
            names = [(disk.name, disk.type) for disk in failed]
            new = await self.request(old.mac, template, names, actor=actor, remark=old.remark)
        else:
            new = await self._admission.alone(self._import_again(old, failed, actor))
        await self._uploads.dismiss(old.id)
        return new

    async def _import_again(self, old: Upload, failed: Sequence[UploadDisk], actor: Actor | None) -> Upload:
        """The same files under the same names: of a disk that failed nothing is left, and nobody else has its name."""
        under_way = {disk.name for disk in await self._uploads.open_disks()}
        for disk in failed:
            owner = await self._templates.by_disk(disk.name.uuid)
            check_next_level(owner.levels if owner else (), disk.name)
            if disk.name in under_way:
                raise Conflict(Reason("disk_uploaded_already", disk=str(disk.name)))
        upload = new_upload(None, old.template_uuid, old.name, old.sys_type, old.desc, remark=old.remark, actor=actor)
        return await self._import(upload, [(disk.name, ImportDisk(disk.type, disk.source or "")) for disk in failed])

    async def cancel(self, upload_id: int) -> Upload:
        """End an upload that is not wanted any more.

        :raises UnknownUpload: there is none of this number.
        """
        upload = await self._uploads.get(upload_id)
        if upload is None:
            raise UnknownUpload(Reason("no_upload", number=upload_id))
        for disk in upload.disks:
            if disk.open and disk.state is not UploadState.PUBLISHING:
                await self._publisher.fail(disk, Reason("cancelled"), Ending.CANCELLED)
        found = await self._uploads.get(upload_id)
        assert found is not None
        return found


def _check_image(path: Path, name: DiskName, field: str) -> int:
    """The size of an image file that can be imported as `name`."""
    if not path.is_absolute():
        raise Malformed(Reason("not_absolute", field=field, path=str(path)), field=field)
    try:
        if not path.is_file():
            raise BadImage(Reason("no_such_file"))
        check_parent(read_header(path), name, None)
        return path.stat().st_size
    except OSError as error:
        raise BadImage(
            Reason("file_of_field", field=field, path=str(path), why=of_system(error.strerror)), field=field
        ) from error
    except BadImage as error:
        raise BadImage(Reason("file_of_field", field=field, path=str(path), why=error.reason), field=field) from error
