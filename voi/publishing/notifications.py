"""What uploaders are told: send these disks (1020), published (1021), failed (1018); now or at their next login."""

from __future__ import annotations

from twisted.logger import Logger

from voi.domain.uploads import UploadDisk, UploadState
from voi.errors import ConnectionEnded, NoAnswer, TerminalOffline
from voi.messages.reason import Reason
from voi.publishing.publisher import Publisher
from voi.store.interfaces.uploads import Uploads
from voi.tasks import spawn
from voi.terminals.interfaces import Connections
from voi.wire.codes import Code
from voi.wire.messages import Disk, TemplateBody

log = Logger()


class UploaderNotifications:
    """Speaks to uploaders."""

    def __init__(self, uploads: Uploads, publisher: Publisher, registry: Connections) -> None:
        self._uploads = uploads
        self._publisher = publisher
        self._registry = registry
        self._telling: set[str] = set()

    def tell_end(self, disk: UploadDisk) -> None:
        """Tell the uploader how its upload ended, now or later."""
        if disk.mac is not None and disk.mac in self._registry and disk.id not in self._telling:
            self._telling.add(disk.id)
            spawn(self._tell_end(disk), log, "telling {mac}", mac=disk.mac)

    def request(self, upload_id: int, mac: str) -> None:
        """Ask a terminal for the disks of an upload, now or at its login."""
        if mac in self._registry:
            spawn(self._request(upload_id, mac), log, "telling {mac}", mac=mac)

    def terminal_came(self, mac: str) -> None:
        """A terminal is online: it is told and asked what it was not while it was off."""
        spawn(self._catch_up(mac), log, "telling {mac}", mac=mac)

    async def _catch_up(self, mac: str) -> None:
        for disk in await self._uploads.untold(mac):
            self.tell_end(disk)
        asked = {
            disk.upload_id
            for disk in await self._uploads.open_disks()
            if disk.mac == mac and disk.state is UploadState.REQUESTED
        }
        for upload_id in sorted(asked):
            self.request(upload_id, mac)

    async def _tell_end(self, disk: UploadDisk) -> None:
        assert disk.mac is not None
        try:
            if disk.state is UploadState.PUBLISHED:
                await self._registry.request(disk.mac, Code.HAVE_DISK, {"torrent_id": disk.id})
            else:
                fields = {"torrent_id": disk.id, "msg": str(disk.reason), "result": 1}
                await self._registry.request(disk.mac, Code.TASK_RESULT, fields)
        except (TerminalOffline, NoAnswer) as error:
            log.info(
                "{mac} is told of {name} at its next login: {error}", mac=disk.mac, name=str(disk.name), error=error
            )
            return
        finally:
            self._telling.discard(disk.id)
        await self._uploads.told(disk.id)

    async def _request(self, upload_id: int, mac: str) -> None:
        upload = await self._uploads.get(upload_id)
        if upload is None:
            return
        wanted = [disk for disk in upload.disks if disk.state is UploadState.REQUESTED]
        if not wanted:
            return
        body = TemplateBody(
            uuid=upload.template_uuid,
            sys_type=upload.sys_type,
            name=upload.name,
            desc=upload.desc,
            disks=[
                Disk(uuid=disk.name.uuid, type=disk.type, diff_level=disk.name.level, real_size=disk.real_size)
                for disk in wanted
            ],
        ).to_wire()
        try:
            reply = await self._registry.request(mac, Code.UPLOAD_DISKS, {**body, "desktop": body})
        except (TerminalOffline, ConnectionEnded):
            return  # asked again at its next login
        except NoAnswer as error:
            reason = error.reason
        else:
            if reply.code == 0:
                return
            reason = Reason("terminal_answered", code=reply.code, text=reply.msg)
        log.info("{mac} does not upload: {reason}", mac=mac, reason=reason)
        for disk in wanted:
            now = await self._uploads.disk(disk.id)
            if now is not None and now.state is UploadState.REQUESTED:  # else it came in spite of its answer
                await self._publisher.fail(disk, reason)
