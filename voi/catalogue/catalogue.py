"""The catalogue: templates with their versions and levels, and which of them tracker and seed offer.

Nobody else changes what is published: uploads and imports hand a finished level over, and administrators change a
template here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from voi.domain.actors import SERVER, Actor
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.domain.templates import PublishedLevel, Template
from voi.domain.uploads import Upload, UploadDisk
from voi.errors import Conflict, UnknownTemplate, VoiError
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason
from voi.seeding.interfaces import BitTorrentSession
from voi.store.interfaces.templates import ChangedTemplate, Templates
from voi.store.interfaces.uploads import Uploads
from voi.tasks import InThread
from voi.tracker.tracker import Tracker

log = Logger()


class Catalogue:
    """What is published, offered and retired; `now` is the time since the epoch."""

    def __init__(
        self,
        *,
        templates: Templates,
        uploads: Uploads,
        directory: DataDirectory,
        seeder: BitTorrentSession,
        tracker: Tracker,
        in_thread: InThread,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._templates = templates
        self._uploads = uploads
        self._directory = directory
        self._seeder = seeder
        self._tracker = tracker
        self._in_thread = in_thread
        self._now = now
        self._unavailable: set[bytes] = set()  # info-hashes; no more than there are levels

    @property
    def unavailable(self) -> int:
        """How many published levels are not seeded, because a file of theirs is gone or cannot be read."""
        return len(self._unavailable)

    async def publish(self, level: PublishedLevel, disk: UploadDisk, upload: Upload) -> Template:
        """Make a level public whose file and torrent are in their places: its template's next version.

        The upload that it was is ended in the same transaction.
        """
        template = await self._templates.publish(level, disk, upload, audit=self._published(level, upload))
        await self.offer(level, verified=True)
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

    async def offer_all(self) -> int:
        """After a start: offer every level; how many there are."""
        levels = [level for template in await self._templates.all() for level in template.levels]
        await gatherResults([Deferred.fromCoroutine(self.offer(level)) for level in levels])
        return len(levels)

    async def offer(self, level: PublishedLevel, *, verified: bool = False) -> None:
        """Offer a level to whoever may have it; one whose files are gone is reported, and holds nothing else up.

        :param verified: its file was hashed a moment ago, and need not be again.
        """
        try:
            self._tracker.admit(level.info_hash)
            torrent = await self._in_thread(self._directory.torrent(level.info_hash).read_bytes)
            if verified:
                await self._seeder.mark_verified(level.info_hash, self._directory.disk(level.name))
            await self._seeder.seed(torrent, self._directory.disks)
            self._unavailable.discard(level.info_hash)
        except (VoiError, OSError) as error:  # it is published all the same, and offered at the next start
            self._unavailable.add(level.info_hash)
            log.error("{name} cannot be seeded: {error}", name=str(level.name), error=str(error))  # noqa: TRY400 - a line, no trace

    def refuse(self, info_hash: bytes) -> None:
        """Answer no more for a torrent that was let in and is not taken after all; nothing of it is here yet."""
        self._tracker.retire(info_hash)

    async def retire(self, info_hash: bytes) -> None:
        """Offer a torrent no more: the tracker does not answer for it, and the seed has let go of its file."""
        self._tracker.retire(info_hash)
        self._unavailable.discard(info_hash)
        await self._seeder.remove(info_hash, forget=True)

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
