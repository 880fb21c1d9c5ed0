"""The catalogue: templates with their versions and levels.

Nobody else changes what is published: uploads and imports hand a finished level over, and administrators change a
template here. What becomes of the levels' files then is in `voi.catalogue.contents`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from twisted.logger import Logger

from voi.catalogue.contents import ContentMonitor
from voi.catalogue.torrent_files import TorrentFiles
from voi.domain.actors import SERVER, Actor
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.domain.templates import PublishedLevel, Template
from voi.domain.uploads import Upload, UploadDisk
from voi.errors import Conflict, UnknownTemplate
from voi.messages.reason import Reason
from voi.store.interfaces.audit import AuditEntries
from voi.store.interfaces.templates import ChangedTemplate, Templates
from voi.store.interfaces.uploads import Uploads

log = Logger()


class Catalogue:
    """What is published and retired; `now` is the time since the epoch."""

    def __init__(
        self,
        *,
        templates: Templates,
        uploads: Uploads,
        entries: AuditEntries,
        contents: ContentMonitor,
        torrents: TorrentFiles,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._templates = templates
        self._uploads = uploads
        self._entries = entries
        self.contents = contents
        self._torrents = torrents
        self._now = now

    async def publish(self, level: PublishedLevel, disk: UploadDisk, upload: Upload) -> Template:
        """Make a level public whose file and torrent are in their places: its template's next version.

        The upload that it was is ended in the same transaction.
        """
        torrent = await self._torrents.read(level)
        template = await self._templates.publish(
            level, disk, upload, torrent=torrent or b"", audit=self._published(level, upload)
        )
        await self.contents.add(level, template)
        log.info(
            "{name} published: {template}, version {version}",
            name=str(level.name),
            template=template.name,
            version=template.version,
        )
        return template

    def _published(self, level: PublishedLevel, upload: Upload) -> Audit[Template]:
        return lambda template: make_entry(
            "upload.published",
            upload.actor or SERVER,
            self._now(),
            mac=upload.mac,
            template=template.uuid,
            data={"disk": str(level.name), "name": upload.name, "version": template.version},
        )

    def refuse(self, info_hash: bytes) -> None:
        """Answer no more for a torrent that was let in and is not taken after all; nothing of it is here yet."""
        self.contents.offering.refuse(info_hash)

    async def retire(self, info_hash: bytes) -> None:
        """Offer a torrent no more: the tracker does not answer for it, and the seed has let go of its file."""
        await self.contents.retire(info_hash)

    async def check(self, actor: Actor, template_uuid: str) -> int:
        """Read the files of a template from end to end, whatever is known of them; how many there are.

        It goes on after this: `ContentMonitor.status` tells how far it is.

        :raises UnknownTemplate: none has this uuid, or nothing of it is published.
        """
        template = await self._templates.get(template_uuid)
        if template is None:
            raise UnknownTemplate(Reason("no_published_template", uuid=template_uuid))
        data = {"name": template.name, "count": len(template.levels)}
        await self._entries.add(make_entry("template.checked", actor, self._now(), template=template.uuid, data=data))
        self.contents.check(template.levels)
        return len(template.levels)

    async def change(
        self,
        actor: Actor,
        template_uuid: str,
        *,
        name: str | None = None,
        desc: str | None = None,
        auto_update: bool | None = None,
    ) -> Template:
        """Rename a template, give it another remark, switch automatic updates; None leaves a value as it is.

        :raises UnknownTemplate: none has this uuid.
        :raises Conflict: nothing of it is published yet.
        """
        changed = await self._templates.change(
            template_uuid,
            name=name,
            desc=desc,
            auto_update=auto_update,
            audit=lambda changed: list(self._changed(actor, changed)),
        )
        if changed is None and await self._uploads.of_template(template_uuid):
            raise Conflict(Reason("nothing_published", name=template_uuid))
        if changed is None:
            raise UnknownTemplate(Reason("no_template", uuid=template_uuid))
        return changed

    def _changed(self, actor: Actor, changed: ChangedTemplate) -> Iterator[AuditEntry]:
        before, after = changed
        now = self._now()
        if before.name != after.name:
            data = {"old": before.name, "name": after.name}
            yield make_entry("template.renamed", actor, now, template=after.uuid, data=data)
        if before.desc != after.desc:
            data = {"name": after.name, "desc": after.desc}
            yield make_entry("template.remark", actor, now, template=after.uuid, data=data)
        if before.auto_update != after.auto_update:
            kind = "template.auto_update_on" if after.auto_update else "template.auto_update_off"
            yield make_entry(kind, actor, now, template=after.uuid, data={"name": after.name})
