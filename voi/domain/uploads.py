"""Uploads: a disk on its way from a terminal, or from a file on the server, to being a published level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from voi.domain.actors import Actor
from voi.domain.terminals import ReportedTemplate
from voi.errors import VoiError
from voi.names import DiskName


class UploadState(StrEnum):
    """The stages of one disk's upload; every change is on disk before its work begins."""

    REQUESTED = "requested"  # the terminal was, or will be, asked for it (1020); no torrent yet
    RECEIVING = "receiving"  # from the terminal by BitTorrent, or from a local file by copying
    VERIFYING = "verifying"  # complete: hashes, image header
    PUBLISHING = "publishing"  # checked and hashed: renamed into place, then made a level
    PUBLISHED = "published"
    FAILED = "failed"


OPEN_STATES = (UploadState.REQUESTED, UploadState.RECEIVING, UploadState.VERIFYING, UploadState.PUBLISHING)
"""States in which an upload still wants something; PUBLISHED and FAILED are final."""


class Ending(StrEnum):
    """How an upload ended that was not published. Kept beside its state: its reason is a sentence for people."""

    FAILED = "failed"  # something stood in its way: an administrator should look
    CANCELLED = "cancelled"  # by an administrator
    ASKED_AGAIN = "asked_again"  # an administrator asked for the same disk anew


WANTED: Final = (Ending.CANCELLED, Ending.ASKED_AGAIN)
"""Endings that an administrator brought about: the audit log has that already, and nobody needs to look."""


@dataclass(frozen=True, slots=True)
class UploadDisk:
    """One disk of an upload.

    `id` is the torrent id of 9014 and 1021. `upload_id` groups the disks of one request. `source` is the path
    of an import's image file, None for uploads from terminals. `size` is the file's bytes, 0 until known.
    `told` says that the uploader was told of the end (1021 or 1018). `reason` is a `voi.messages.reason.Reason`
    where it is known of what it is made. `ending` is None while it is open, and when it was published.
    """

    id: str
    upload_id: int
    template_uuid: str
    mac: str | None
    source: str | None
    name: DiskName
    type: int
    real_size: int
    reserve_size: int
    state: UploadState
    reason: str
    info_hash: bytes | None
    size: int
    told: bool
    created: float
    updated: float
    ending: Ending | None = None

    @property
    def open(self) -> bool:
        """Whether the upload still wants something."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Upload:
    """A request to make a template's disks known: an administrator's (1020), a terminal's, or an import.

    `desc` is the remark of a template that comes into being with it, `remark` that of this upload alone. `actor` is
    who requested it, None where nobody noted it. One that failed needs attention until it is `dismissed`.
    """

    id: int
    template_uuid: str
    name: str
    sys_type: int
    desc: str
    mac: str | None
    created: float
    disks: tuple[UploadDisk, ...] = ()
    remark: str = ""
    actor: Actor | None = None
    dismissed: bool = False

    @property
    def state(self) -> str:
        """`open` while any disk is, `failed` if any failed, else `published`."""
        if any(disk.open for disk in self.disks):
            return "open"
        if any(disk.state is UploadState.FAILED for disk in self.disks):
            return "failed"
        return "published"


@dataclass(frozen=True, slots=True)
class ImportDisk:
    """A disk to import: `type` 0 system, 1 data, 2 shared (protocol section 2); an absolute path on the server."""

    type: int
    path: str


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer to "may I upload?"; `reason` says why not, and `refusal` is the error that it comes from.

    `listed` names the template of each disk uuid that was asked about: a torrent names only its disk.
    """

    allowed: bool
    reason: str
    listed: Mapping[str, ReportedTemplate]
    refusal: VoiError | None = None


@dataclass(frozen=True, slots=True)
class ReceiveProgress:
    """How far the server is with an upload: per cent, bytes a second, a stage of `UploadState`."""

    progress: float
    rate: int
    state: str
