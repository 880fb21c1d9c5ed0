"""Uploads and imports: written down before a byte is fetched, and ended in the transaction that publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from voi.domain.templates import PublishedLevel, Template
from voi.domain.uploads import Ending, Upload, UploadDisk, UploadState
from voi.names import DiskName

MOST_FAILED: Final = 100
"""Uploads that failed and need attention, newest first: who has more of them looks at the first ones first."""


class Uploads(Protocol):
    """All uploads, open and ended. A level is received by one upload at a time."""

    def begin(self, upload: Upload) -> Deferred[Upload]:
        """Write down a new upload with its disks; the numbers in it are given here.

        :raises Conflict: one of its disks is being received by another already; nothing is written then.
        """

    def receive(
        self, disk_id: str, info_hash: bytes, size: int, real_size: int, reserve_size: int, now: float
    ) -> Deferred[None]:
        """A requested disk's torrent arrived: it is being received, and no reason keeps it any more.

        :raises Conflict: another upload receives this level.
        """

    def set_state(
        self,
        disk_id: str,
        state: UploadState,
        now: float,
        *,
        reason: str = "",
        info_hash: bytes | None = None,
        ending: Ending = Ending.FAILED,
    ) -> Deferred[None]:
        """Note a stage; `info_hash` replaces the one known, where the torrent was made anew.

        A disk that has ended stays ended. `ending` is kept of one that is not published, and says nothing in other
        states.
        """

    def explain(self, disk_ids: Sequence[str], reason: str) -> Deferred[None]:
        """Say why disks that were asked for are not received yet; an empty reason takes that back.

        Disks that are past that are left as they are.
        """

    def publish(self, disk: UploadDisk, upload: Upload, level: PublishedLevel) -> Deferred[Template]:
        """End an upload by making its disk a level of its template, all in one step; the template then.

        The template comes into being with its first level and a group of its own. Each level makes a version, which
        has all levels that are published by then. The uploader, if it is a terminal, has the level from now on.

        :raises Conflict: the level is published already; nothing is changed then.
        """

    def told(self, disk_id: str) -> Deferred[None]:
        """The uploader knows how it ended."""

    def open_disks(self) -> Deferred[list[UploadDisk]]:
        """Everything that is under way, oldest first."""

    def untold(self, mac: str) -> Deferred[list[UploadDisk]]:
        """Ended uploads of a terminal that it has not heard about, oldest first."""

    def failed(self, template_uuid: str | None = None) -> Deferred[list[Upload]]:
        """Uploads and imports that failed and need attention, newest first: all, or those of a template.

        Not one that is still under way, whose ending somebody wanted (`voi.domain.uploads.WANTED`), that was dismissed,
        or whose disks were retried after that. `MOST_FAILED` at most.
        """

    def dismiss(self, upload_id: int) -> Deferred[Upload | None]:
        """Dismiss a failed upload, so that it needs no attention; the upload as it is then, None if there is none."""

    def disk(self, disk_id: str) -> Deferred[UploadDisk | None]:
        """One disk of an upload by its torrent id."""

    def last_of(self, name: DiskName) -> Deferred[UploadDisk | None]:
        """The newest upload of a level, ended or not."""

    def get(self, upload_id: int) -> Deferred[Upload | None]:
        """One upload with its disks."""

    def find(
        self,
        *,
        q: str = "",
        state: str | None = None,
        template_uuid: str | None = None,
        mac: str | None = None,
        sort: str = "-created",
        limit: int = -1,
        offset: int = 0,
    ) -> Deferred[tuple[list[Upload], int]]:
        """Some uploads with their disks, and how many are meant in all.

        :param q: a part of the template's name or of the terminal's MAC.
        :param state: as `Upload.state` says it of one that was read.
        :param sort: ``created`` or ``name``.
        """

    def of_template(self, template_uuid: str) -> Deferred[list[Upload]]:
        """A template's uploads, oldest first."""
