"""Uploads and imports: written down before a byte is fetched, and ended in the transaction that publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.uploads import Ending, Upload, UploadDisk, UploadState
from voi.names import DiskName

MOST_FAILED: Final = 100
"""Uploads that failed and need attention, newest first: who has more of them looks at the first ones first."""


class Dismissed(NamedTuple):
    """An upload that needs no attention any more; `was_wanted`: it did before."""

    upload: Upload
    was_wanted: bool


class Uploads(Protocol):
    """All uploads, open and ended. A level is received by one upload at a time."""

    def begin(
        self, upload: Upload, *, instead_of: int | None = None, audit: Audit[Upload] | None = None
    ) -> Deferred[Upload]:
        """Write down a new upload with its disks; the numbers in it are given here.

        :param instead_of: one that failed and is tried again with this, so that it is dismissed in the same step.
        :raises Conflict: one of its disks is being received by another already; nothing is written then.
        """

    def receive(
        self,
        disk_id: str,
        info_hash: bytes,
        size: int,
        real_size: int,
        reserve_size: int,
        now: float,
        *,
        audit: Audit[None] | None = None,
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
    ) -> Deferred[None]:
        """Note a stage; `info_hash` replaces the one known, where the torrent was made anew.

        A disk that has ended stays ended; `fail` is what ends it.
        """

    def explain(self, disk_ids: Sequence[str], reason: str) -> Deferred[None]:
        """Say why disks that were asked for are not received yet; an empty reason takes that back.

        Disks that are past that are left as they are.
        """

    def fail(
        self,
        disk_ids: Sequence[str],
        reason: str,
        now: float,
        *,
        ending: Ending = Ending.FAILED,
        audit: Audit[list[str]] | None = None,
    ) -> Deferred[list[str]]:
        """End disks that are under way, all of them in one step; the ids of those that were.

        What has ended keeps its reason and its ending.
        """

    def told(self, disk_id: str) -> Deferred[None]:
        """The uploader knows how it ended."""

    def open_disks(self) -> Deferred[list[UploadDisk]]:
        """Everything that is under way, oldest first."""

    def untold(self, mac: str) -> Deferred[list[UploadDisk]]:
        """Ended uploads of a terminal that it was not told of, oldest first."""

    def failed(self, template_uuid: str | None = None) -> Deferred[list[Upload]]:
        """Uploads and imports that failed and need attention, newest first: all, or those of a template.

        Not one that is still under way, whose ending somebody wanted (`voi.domain.uploads.WANTED`), that was dismissed,
        or whose disks were retried after that. `MOST_FAILED` at most.
        """

    def dismiss(self, upload_id: int, *, audit: Audit[Dismissed] | None = None) -> Deferred[Dismissed]:
        """Dismiss a failed upload, so that it needs no attention any more; the upload as it is then.

        One that was dismissed already stays so.

        :raises UnknownUpload: none has this number.
        :raises Conflict: it has not failed.
        """

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
