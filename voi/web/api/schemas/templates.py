"""Templates and their versions, as the API takes and answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from voi.web.api.schemas.fields import MOST_DISKS, DiskType, ListQuery, Name, SysType, Text
from voi.web.api.schemas.uploads import UploadView
from voi.web.http.reasons import Why


class DiskToImport(Struct, frozen=True, forbid_unknown_fields=True):
    """An image file on the server, by its absolute path."""

    type: DiskType
    path: Annotated[str, Meta(min_length=1, max_length=4096)]


class TemplateRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new template, made of image files on the server."""

    name: Name
    disks: Annotated[list[DiskToImport], Meta(min_length=1, max_length=MOST_DISKS)]
    sys_type: SysType = 0
    desc: Text = ""


class TemplateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a template; what is left out stays."""

    name: Name | None = None
    desc: Text | None = None
    auto_update: bool | None = None


class TemplateQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Templates: `q` is a part of name or remark."""

    state: Literal["ready", "incomplete", "checking", "importing", "uploading", "failed"] | None = None
    sort: Literal[
        "name", "state", "version", "created", "updated", "-name", "-state", "-version", "-created", "-updated"
    ] = "name"


class VersionQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Versions of a template: `q` is a part of the uploader's MAC or of a disk's name."""

    sort: Literal["number", "size", "terminals", "-number", "-size", "-terminals"] = "-number"


class GroupView(Struct, frozen=True):
    """What terminals call a desktop group."""

    uuid: str
    name: str


class ContentView(Struct, frozen=True):
    """The server's own copy of a published level.

    `offered`: terminals can fetch it from the server. `progress` is 0 to 1 of what is being checked or fetched back
    from terminals, null where nothing is. `reason` says what is wrong and what is done about it; empty if nothing is.
    """

    state: Literal["ready", "checking", "damaged", "missing", "unreadable", "fetching"]
    offered: bool
    progress: float | None
    reason: str
    why: Why | None


class TemplateDisk(Struct, frozen=True):
    """A published level; `uploader` is the MAC it came from, null for an import; `content` is the server's copy."""

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
    content: ContentView


class TemplateView(Struct, frozen=True):
    """A template with its published levels.

    `progress` and `reason` belong to `state`: how far an import or upload is, and why one failed. `incomplete` is one
    that is published, and of which the server lacks a whole file; the reason says which; of one that is `checking`
    that is not known yet. One that has nothing published yet has version 0 and no group. `uploads` are under way,
    `failed` are those that failed and need attention.

    `terminals_current`, `terminals_outdated`, `terminals_incomplete` and `terminals_unknown` are how many terminals
    have the newest version, an older one, none that is whole, and of how many that is not known: they have not said
    since their login what they have. `terminals_running` is how many were seen to run the newest.
    """

    uuid: str
    name: str
    sys_type: int
    desc: str
    state: Literal["ready", "incomplete", "checking", "importing", "uploading", "failed"]
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
    terminals_incomplete: int = 0
    terminals_unknown: int = 0
    terminals_running: int = 0


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
