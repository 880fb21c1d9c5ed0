"""How uploads end that are not published: their files go, and why is written down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from twisted.logger import Logger
from twisted.python.failure import Failure

from voi.catalogue.catalogue import Catalogue
from voi.domain.audit import Audit, AuditEntry
from voi.domain.uploads import Ending, UploadDisk, UploadState
from voi.errors import VoiError
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason, of_system
from voi.publishing import audit as entries
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread

log = Logger()


class UploadEndings:
    """Ends uploads; `receiving` are those that come in, by their info-hash, of which those that end are taken out."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        catalogue: Catalogue,
        directory: DataDirectory,
        receiving: dict[bytes, UploadDisk],
        in_thread: InThread,
    ) -> None:
        self._uploads = uploads
        self._catalogue = catalogue
        self._directory = directory
        self._receiving = receiving
        self._in_thread = in_thread

    async def end(
        self, disk_ids: Sequence[str], reason: str, ending: Ending, audit: Audit[list[str]] | None
    ) -> list[UploadDisk]:
        """End those of these disks that are open; as they are then. `audit` is as `Publisher.end` takes it."""
        # All are read before the first loses its files: one that cannot be read leaves each as it was.
        disks = [await self._uploads.disk(disk_id) for disk_id in disk_ids]
        ended = [disk for disk in disks if disk is not None and disk.open]
        if not ended:
            return []
        for disk in ended:
            await self._clean_up(disk, reason)
        # Last: only then may the same disk be offered again, and its files have the same names.
        now = time.time()
        if audit is None and ending is Ending.FAILED:  # else who wanted it is told of what they did
            audit = await self._failed(ended, reason, now)
        await self._uploads.fail([disk.id for disk in ended], reason, now, ending=ending, audit=audit)
        return [replace(disk, state=UploadState.FAILED, reason=reason, ending=ending) for disk in ended]

    async def _failed(self, disks: Sequence[UploadDisk], reason: str, now: float) -> Audit[list[str]]:
        """An entry for each of these disks that ends."""
        made: dict[str, AuditEntry] = {}
        for disk in disks:
            upload = await self._uploads.get(disk.upload_id)
            assert upload is not None
            made[disk.id] = entries.failed(now, upload, disk, reason)
        return lambda ended: [made[disk_id] for disk_id in ended]

    async def _clean_up(self, disk: UploadDisk, reason: str) -> None:
        log.warn("upload of {name} from {mac} failed: {reason}", name=str(disk.name), mac=disk.mac, reason=reason)
        if disk.info_hash is not None:
            self._receiving.pop(disk.info_hash, None)
        try:
            if disk.info_hash is not None:
                await self._catalogue.retire(disk.info_hash)
            await self._in_thread(self._remove_files, disk)
        except (VoiError, OSError) as error:  # a sick disk must not keep the end from being told
            log.warn("{name}: files may be left behind: {error}", name=str(disk.name), error=str(error))

    def _remove_files(self, disk: UploadDisk) -> None:
        self._directory.upload(disk.name).unlink(missing_ok=True)
        if disk.info_hash is not None:
            self._directory.torrent(disk.info_hash).unlink(missing_ok=True)
            self._directory.blocks(disk.info_hash).unlink(missing_ok=True)


def reason_of(error: Exception, disk: UploadDisk) -> str:
    """Why a stage of an upload failed; a fault of the program itself is in the log."""
    if isinstance(error, VoiError):
        return error.reason
    if isinstance(error, OSError):
        return Reason(
            "file_failed", text=of_system(error.strerror or str(error)), path=str(error.filename or disk.name)
        )
    log.failure("upload of {name}", Failure(error), name=str(disk.name))
    return Reason("server_failed")
