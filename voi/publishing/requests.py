"""What administrators want: disks from a terminal (1020), image files imported, an upload cancelled."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from voi.domain.actors import Actor
from voi.domain.audit import Audit
from voi.domain.templates import Template, check_next_level, check_room_for_diff
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.domain.uploads import Ending, ImportDisk, Upload, UploadDisk, UploadState
from voi.errors import (
    BadImage,
    Conflict,
    Malformed,
    StorageMissing,
    UnknownTemplate,
    UnknownTerminal,
    UnknownUpload,
)
from voi.messages.reason import Reason, of_system
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName
from voi.publishing import audit
from voi.publishing.admission import UploadAdmission
from voi.publishing.publisher import Publisher
from voi.publishing.rows import new_disk, new_upload
from voi.publishing.verification import check_parent, read_header
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread


class UploadRequests:
    """Writes administrators' wishes down and begins them; `tell` asks a terminal for the disks of an upload."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        templates: Templates,
        terminals: Terminals,
        publisher: Publisher,
        admission: UploadAdmission,
        tell: Callable[[int, str], None],
        in_thread: InThread,
    ) -> None:
        self._uploads = uploads
        self._templates = templates
        self._terminals = terminals
        self._publisher = publisher
        self._admission = admission
        self._tell = tell
        self._in_thread = in_thread

    async def ask(
        self,
        actor: Actor,
        mac: str,
        template: str | ReportedTemplate,
        disks: Sequence[tuple[DiskName, int | None]] | None,
        *,
        remark: str = "",
    ) -> Upload:
        """Ask a terminal for disks, now or at its next login.

        :param template: the uuid of one that the server or the terminal knows, or what a new one is to be called.
        :param disks: names, each with its type where that is told; None for all that it reported of the template and
            that the server lacks.
        :raises UnknownTerminal: the MAC never logged in.
        :raises UnknownTemplate: neither the server nor the terminal knows it.
        :raises Conflict: a level does not fit, or somebody else is at the template.
        """
        if await self._terminals.get(mac) is None:
            raise UnknownTerminal(Reason("never_logged_in", mac=mac), field="mac")
        meant, known = await self._meant(mac, template)
        reported = {level.name: level for level in await self._terminals.disks(mac)}
        if disks is None:
            names = _unpublished(meant.uuid, reported, known)
            if not names:
                _refuse_nothing(mac, meant, reported, known)
        else:
            types = {level.name.uuid: level.type for level in known.levels} if known else {}
            names = {name: _type(name, kind, reported, types) for name, kind in disks}
        return await self.request(actor, mac, meant, list(names.items()), remark=remark)

    async def _meant(self, mac: str, asked: str | ReportedTemplate) -> tuple[ReportedTemplate, Template | None]:
        """The template as it is to be called, and what of it the server has."""
        if isinstance(asked, ReportedTemplate):
            return asked, await self._templates.get(asked.uuid)
        known = await self._templates.get(asked)
        if known is not None:
            return ReportedTemplate(asked, known.name, known.sys_type, known.desc), known
        told = await self._terminals.reported_template(mac, asked)
        if told is None:
            raise UnknownTemplate(Reason("strange_template", mac=mac, uuid=asked), field="template")
        return told, None

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
        """Write down that an administrator, `actor`, wants these disks, each with its type, and ask for them.

        A request for the same disk that is still waiting is replaced. `remark` is what they say of this upload,
        `instead_of` the one that failed and is tried again by it.

        :raises UnknownTerminal: the MAC never logged in.
        :raises Conflict: a level does not fit, or somebody else is at the template.
        """
        upload = new_upload(
            mac, template.uuid, template.name, template.sys_type, template.desc, remark=remark, actor=actor
        )
        entry = (audit.requested if instead_of is None else audit.retried)(actor, time.time())
        written = await self._admission.alone(self._request(mac, template, names, upload, instead_of, entry))
        self._tell(written.id, mac)
        return written

    async def _request(
        self,
        mac: str,
        template: ReportedTemplate,
        names: Sequence[tuple[DiskName, int]],
        upload: Upload,
        instead_of: int | None,
        entry: Audit[Upload],
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
        return await self._uploads.begin(replace(upload, disks=disks), instead_of=instead_of, audit=entry)

    async def import_files(
        self, actor: Actor, name: str, sys_type: int, desc: str, disks: Sequence[ImportDisk]
    ) -> Upload:
        """Make a new template of image files on the server; copying goes on after this returns.

        :raises Malformed: no disk, or a path that is not absolute.
        :raises BadImage: a file that cannot be read, or is no image to distribute.
        :raises NoSpace: says what is needed and what there is.
        """
        if not disks:
            raise Malformed(Reason("no_image_file"), field="disks")
        upload = new_upload(None, str(uuid.uuid4()), name, sys_type, desc, remark=desc, actor=actor)
        named = [(DiskName(str(uuid.uuid4()), 0), one) for one in disks]
        return await self._import(upload, named, None, audit.imported(actor, time.time()))

    async def _import(
        self,
        upload: Upload,
        disks: Sequence[tuple[DiskName, ImportDisk]],
        instead_of: int | None,
        entry: Audit[Upload],
    ) -> Upload:
        now = time.time()
        rows: list[UploadDisk] = []
        for index, (disk_name, one) in enumerate(disks):
            size = await self._in_thread(_check_image, Path(one.path), disk_name, f"disks[{index}].path")
            row = new_disk(upload, disk_name, one.type, now)
            rows.append(replace(row, source=one.path, size=size, state=UploadState.RECEIVING))
        self._admission.check_space(sum(row.size for row in rows), await self._uploads.open_disks())
        written = await self._uploads.begin(replace(upload, disks=tuple(rows)), instead_of=instead_of, audit=entry)
        for disk in written.disks:
            self._publisher.copy(disk)
        return written

    async def retry(self, actor: Actor, upload_id: int) -> Upload:
        """Begin what failed of an upload or import again, as a new one; the old one needs no attention any more.

        :raises UnknownUpload: none has this number.
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
            return await self.request(actor, old.mac, template, names, remark=old.remark, instead_of=old.id)
        return await self._admission.alone(self._import_again(actor, old, failed))

    async def _import_again(self, actor: Actor, old: Upload, failed: Sequence[UploadDisk]) -> Upload:
        """The same files under the same names: of a disk that failed nothing is left, and nobody else has its name."""
        under_way = {disk.name for disk in await self._uploads.open_disks()}
        for disk in failed:
            owner = await self._templates.by_disk(disk.name.uuid)
            check_next_level(owner.levels if owner else (), disk.name)
            if disk.name in under_way:
                raise Conflict(Reason("disk_uploaded_already", disk=str(disk.name)))
        upload = new_upload(None, old.template_uuid, old.name, old.sys_type, old.desc, remark=old.remark, actor=actor)
        disks = [(disk.name, ImportDisk(disk.type, disk.source or "")) for disk in failed]
        return await self._import(upload, disks, old.id, audit.retried(actor, time.time()))

    async def cancel(self, actor: Actor, upload_id: int) -> Upload:
        """End an upload that is not wanted any more; one that has ended stays as it is.

        :raises UnknownUpload: none has this number.
        """
        upload = await self._uploads.get(upload_id)
        if upload is None:
            raise UnknownUpload(Reason("no_upload", number=upload_id))
        disks = [disk for disk in upload.disks if disk.open and disk.state is not UploadState.PUBLISHING]
        entry = audit.cancelled(actor, time.time(), upload)
        await self._publisher.end(disks, Reason("cancelled"), Ending.CANCELLED, entry)
        found = await self._uploads.get(upload_id)
        assert found is not None
        return found

    async def dismiss(self, actor: Actor, upload_id: int) -> Upload:
        """Somebody has seen that an upload or import failed: it needs no attention any more.

        :raises UnknownUpload: none has this number.
        :raises Conflict: it has not failed.
        """
        return (await self._uploads.dismiss(upload_id, audit=audit.dismissed(actor, time.time()))).upload


def _refuse_nothing(
    mac: str, template: ReportedTemplate, reported: Mapping[DiskName, ReportedLevel], known: Template | None
) -> NoReturn:
    """Say why there is nothing to ask a terminal for.

    :raises Conflict: always.
    """
    disks = sorted({name.uuid for name, level in reported.items() if level.template_uuid == template.uuid})
    if not disks:
        raise Conflict(Reason("nothing_reported", mac=mac, name=template.name), field="template")
    for disk_uuid in disks:  # as the terminal itself would be answered
        levels = known.levels_of(disk_uuid) if known else []
        check_room_for_diff((level.name.level for level in levels), disk_uuid)
    raise Conflict(Reason("nothing_to_upload", mac=mac), field="disks")


def _unpublished(
    template_uuid: str, reported: Mapping[DiskName, ReportedLevel], known: Template | None
) -> dict[DiskName, int]:
    """What a terminal has of a template and the server has not; its own write layers are its own."""
    published = {level.name for level in known.levels} if known else set()
    return {
        name: level.type
        for name, level in reported.items()
        if level.template_uuid == template_uuid and name not in published and name.level <= HIGHEST_PUBLISHED_LEVEL
    }


def _type(
    name: DiskName, told: int | None, reported: Mapping[DiskName, ReportedLevel], published: Mapping[str, int]
) -> int:
    """A disk's type: as the request says, else as the terminal says, else that of its published levels."""
    if told is not None:
        return told
    level = reported.get(name)
    return level.type if level is not None else published.get(name.uuid, 0)


def _check_image(path: Path, name: DiskName, field: str) -> int:
    """The size of an image file that can be imported as `name`."""
    if not path.is_absolute():
        raise Malformed(Reason("not_absolute", path=str(path)), field=field)
    try:
        if not path.is_symlink() and not path.is_file():
            raise BadImage(Reason("no_such_file"))
        check_parent(read_header(path), name, None)
        return path.stat().st_size
    except OSError as error:
        raise BadImage(Reason("file_of_field", path=str(path), why=of_system(error.strerror)), field=field) from error
    except (Conflict, StorageMissing) as error:  # a link, or what cannot be read: they name the path themselves
        raise BadImage(error.reason, field=field) from error
    except BadImage as error:
        raise BadImage(Reason("file_of_field", path=str(path), why=error.reason), field=field) from error
