"""Writes into the journal what becomes of uploads."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from voi.domain.events import SERVER, Author
from voi.domain.uploads import ASKED_AGAIN, CANCELLED, UploadDisk, UploadState
from voi.publishing.publisher import Publisher
from voi.store.journal import Notes
from voi.store.templates import Templates
from voi.store.uploads import Uploads

log = Logger()


class UploadChronicle:
    """Listens to the publisher."""

    def __init__(self, publisher: Publisher, uploads: Uploads, templates: Templates, journal: Notes) -> None:
        self._uploads = uploads
        self._templates = templates
        self._journal = journal
        publisher.begun.append(self._begun)
        publisher.ended.append(self._ended)

    def _begun(self, disk: UploadDisk) -> None:
        _spawn(self._note_begun(disk))

    def _ended(self, disk: UploadDisk) -> None:
        if disk.reason not in (CANCELLED, ASKED_AGAIN):  # who wanted that is in the journal
            _spawn(self._note_ended(disk))

    async def _note_begun(self, disk: UploadDisk) -> None:
        assert disk.mac is not None
        await self._journal.note(
            "upload.begun",
            Author("terminal", disk.mac),
            mac=disk.mac,
            template=disk.template_uuid,
            disk=str(disk.name),
            name=await self._name(disk),
        )

    async def _note_ended(self, disk: UploadDisk) -> None:
        name, said = await self._name(disk), str(disk.name)
        if disk.state is UploadState.PUBLISHED:
            template = await self._templates.get(disk.template_uuid)
            version = template.version if template else 0
            await self._journal.note(
                "upload.published",
                SERVER,
                mac=disk.mac,
                template=disk.template_uuid,
                disk=said,
                name=name,
                version=version,
            )
        else:
            await self._journal.note(
                "upload.failed",
                SERVER,
                mac=disk.mac,
                template=disk.template_uuid,
                disk=said,
                name=name,
                reason=disk.reason,
            )

    async def _name(self, disk: UploadDisk) -> str:
        upload = await self._uploads.get(disk.upload_id)
        return upload.name if upload else disk.template_uuid


def _spawn(work: Coroutine[Any, Any, None]) -> None:
    Deferred.fromCoroutine(work).addErrback(lambda failure: log.failure("an upload is not in the journal", failure))
