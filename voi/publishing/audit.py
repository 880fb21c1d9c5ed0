"""Writes into the journal what becomes of uploads."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from voi.audit.log import AuditWriter
from voi.domain.audit import SERVER, Actor, Author, author_of
from voi.domain.uploads import WANTED, Upload, UploadDisk, UploadState
from voi.publishing.publisher import Publisher
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.uploads import Uploads
from voi.tasks import spawn

log = Logger()


class UploadAudit:
    """Listens to the publisher; `address` gives where a terminal is, empty while it is offline."""

    def __init__(
        self,
        publisher: Publisher,
        uploads: Uploads,
        templates: Templates,
        audit_log: AuditWriter,
        address: Callable[[str], str],
    ) -> None:
        self._uploads = uploads
        self._templates = templates
        self._audit_log = audit_log
        self._address = address
        publisher.begun.connect(self._begun)
        publisher.ended.connect(self._ended)

    def _begun(self, disk: UploadDisk) -> None:
        assert disk.mac is not None
        spawn(
            self._note_begun(disk, disk.mac, self._address(disk.mac)), log, "an entry of the audit log about an upload"
        )

    def _ended(self, disk: UploadDisk) -> None:
        if disk.ending not in WANTED:  # who wanted that is in the audit log
            spawn(self._note_ended(disk), log, "an entry of the audit log about an upload")

    async def _note_begun(self, disk: UploadDisk, mac: str, address: str) -> None:
        upload = await self._uploads.get(disk.upload_id)
        author: Actor = Author("terminal", mac, address)
        if upload is not None and upload.asked_by and upload.asked_from == address:  # by a login at the terminal
            author = author_of(upload.asked_by, address)
        await self._audit_log.note(
            "upload.begun",
            author,
            mac=mac,
            template=disk.template_uuid,
            disk=str(disk.name),
            name=_name(disk, upload),
            by=upload.asked_by if upload else "",
        )

    async def _note_ended(self, disk: UploadDisk) -> None:
        upload = await self._uploads.get(disk.upload_id)
        name, said, by = _name(disk, upload), str(disk.name), upload.asked_by if upload else ""
        if disk.state is UploadState.PUBLISHED:
            template = await self._templates.get(disk.template_uuid)
            await self._audit_log.note(
                "upload.published",
                author_of(by, upload.asked_from) if upload and by else SERVER,
                mac=disk.mac,
                template=disk.template_uuid,
                disk=said,
                name=name,
                version=template.version if template else 0,
            )
        else:
            await self._audit_log.note(
                "upload.failed",
                SERVER,
                mac=disk.mac,
                template=disk.template_uuid,
                disk=said,
                name=name,
                by=by,
                reason=disk.reason,
            )


def _name(disk: UploadDisk, upload: Upload | None) -> str:
    return upload.name if upload else disk.template_uuid
