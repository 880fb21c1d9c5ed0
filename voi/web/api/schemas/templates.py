"""Templates, their versions, and disks on their way to being published, as the API answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from voi.web.http.reasons import Why


class UploadDiskView(Struct, frozen=True):
    """One disk of an upload; `torrent_id` is the id that its terminal knows, `source` the path of an imported file.

    `reason` says why it failed, or why what was asked for does not come yet.
    """

    torrent_id: str
    name: str
    type: int
    state: str
    progress: float
    rate: int
    size: int
    reason: str
    why: Why | None
    source: str | None


class UploadView(Struct, frozen=True):
    """Disks on their way to being published: from a terminal, or, without `mac`, from files on the server.

    `who` requested it, as in events, from the address `from`; both are empty where that is not known. `remark` was
    given with the request. One that failed needs attention until it is retried or `dismissed`.
    """

    id: int
    state: str
    template: str
    name: str
    mac: str | None
    progress: float
    created: datetime
    disks: list[UploadDiskView]
    who: str
    origin: str = msgspec.field(name="from")
    remark: str
    dismissed: bool


class UploadList(Struct, frozen=True):
    """Uploads and imports, open and ended; `total` is how many were asked for, `offset` how many of them were left out
    first.
    """

    uploads: list[UploadView]
    total: int
    offset: int


class GroupView(Struct, frozen=True):
    """What terminals call a desktop group."""

    uuid: str
    name: str


class TemplateDisk(Struct, frozen=True):
    """A published level; `uploader` is the MAC it came from, null for an import."""

    uuid: str
    level: int
    name: str
    type: int
    operate_id: int
    info_hash: str
    size: int
    virtual_size: int
    published: datetime
    uploader: str | None


class TemplateView(Struct, frozen=True):
    """A template with its published levels.

    `progress` and `reason` belong to `state`: how far an import or upload is, and why one failed. One that
    has nothing published yet has version 0 and no group. `uploads` are under way, `failed` are those that failed and
    need attention. `terminals_current`, `terminals_outdated` and `terminals_unknown` are how many terminals have the
    newest version, an older one, and none that is known: they have something else of it, or are being sent it.
    """

    uuid: str
    name: str
    sys_type: int
    desc: str
    state: Literal["ready", "importing", "uploading", "failed"]
    progress: float
    reason: str
    why: Why | None
    version: int
    auto_update: bool
    group: GroupView | None
    created: datetime
    updated: datetime
    disks: list[TemplateDisk]
    uploads: list[UploadView]
    failed: list[UploadView]
    terminals_current: int = 0
    terminals_outdated: int = 0
    terminals_unknown: int = 0


class TemplateList(Struct, frozen=True):
    """Templates, with those of which a first import or upload is under way, or has failed; `total` is how many were
    asked for, `offset` how many of them were left out first.
    """

    templates: list[TemplateView]
    total: int
    offset: int


class VersionDisk(Struct, frozen=True):
    """A level of a version, with the count of its changes."""

    name: str
    operate_id: int


class VersionView(Struct, frozen=True):
    """One version: when it came, from where (a MAC, null for an import), its bytes and levels, how many have it.

    `who` requested it, as in events, and `remark` was given with the request; both may be empty.
    """

    number: int
    created: datetime
    uploader: str | None
    who: str
    remark: str
    size: int
    disks: list[VersionDisk]
    terminals: int


class VersionList(Struct, frozen=True):
    """Versions of a template; `total` is how many were asked for, `offset` how many of them were left out first."""

    versions: list[VersionView]
    total: int
    offset: int
