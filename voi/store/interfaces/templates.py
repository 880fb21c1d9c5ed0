"""Templates, their published levels and versions. Levels come into being by `Templates.publish` alone."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.templates import PublishedLevel, Template, Version
from voi.domain.uploads import Upload, UploadDisk


class ChangedTemplate(NamedTuple):
    """A template before a change and after it."""

    before: Template
    after: Template


class Templates(Protocol):
    """What can be sent to terminals. A published level is never replaced; levels of a template come parents first."""

    def versions(self, template_uuid: str) -> Deferred[list[Version]]:
        """The versions of a template, newest first, each with who asked for its upload and the remark."""

    def get(self, template_uuid: str) -> Deferred[Template | None]:
        """One template with its levels, or None."""

    def levels_of(self, template: Template, version: int) -> Deferred[list[PublishedLevel]]:
        """The levels of one of its versions, to be sent, parents first.

        :raises NotFound: there is no such version (field `version`).
        """

    def by_group(self, group_uuid: str) -> Deferred[Template | None]:
        """The template of a desktop group, or None."""

    def by_disk(self, disk_uuid: str) -> Deferred[Template | None]:
        """The template that a published disk belongs to, or None."""

    def all(self) -> Deferred[list[Template]]:
        """All templates by name, with their levels."""

    def publish(
        self,
        level: PublishedLevel,
        disk: UploadDisk,
        upload: Upload,
        *,
        torrent: bytes = b"",
        audit: Audit[Template] | None = None,
    ) -> Deferred[Template]:
        """Make the disk of an upload a level of its template, which ends the upload, all in one step; the template.

        Its torrent is kept in the same step (`LevelTorrents`), where it is given.

        The template comes into being with its first level and a group of its own. Each level makes a version, which
        has all levels that are published by then. The uploader, if it is a terminal, has the level from now on.

        :raises Conflict: the level is published already; nothing is changed then.
        """

    def change(
        self,
        template_uuid: str,
        *,
        name: str | None = None,
        desc: str | None = None,
        auto_update: bool | None = None,
        audit: Audit[ChangedTemplate] | None = None,
    ) -> Deferred[Template | None]:
        """Rename a template with its group, give it another remark, switch automatic updates.

        None leaves a value as it is. The template then, None where there is none.

        :param audit: of the template before and after.
        """
