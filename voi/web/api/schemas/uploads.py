"""Uploads: disks on their way to being published, as the API takes and answers them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from voi.errors import Malformed
from voi.messages.reason import Reason
from voi.names import DiskName, canonical_uuid
from voi.web.api.schemas.fields import (
    MOST_DISKS,
    DiskType,
    Mac,
    Name,
    Offset,
    Search,
    Some,
    SysType,
    Text,
    Uuid,
    disk_type_of,
)
from voi.web.http.reasons import Why

DiskNameText = Annotated[str, Meta(max_length=64, description="voi_<level>_<uuid>")]


class TemplateToUpload(Struct, frozen=True, forbid_unknown_fields=True):
    """A template that the server does not know yet; without a uuid it gets a new one."""

    name: Name
    uuid: Uuid | None = None
    sys_type: SysType = 0
    desc: Text = ""


class DiskToUpload(Struct, frozen=True, forbid_unknown_fields=True):
    """A level of a disk; the level goes by any of its three names, and is 0 without one."""

    uuid: Uuid
    type: DiskType | None = None
    level: Annotated[int, Meta(ge=0, le=5)] | None = None
    diff_level: Annotated[int, Meta(ge=0, le=5)] | None = None
    dif_level: Annotated[int, Meta(ge=0, le=5)] | None = None


class UploadRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Disks to fetch from a terminal; without `disks`, all it reported of the template that the server lacks.

    `remark` is kept with the versions that they become; without one, that of a new template stands there.
    """

    mac: Mac
    template: Uuid | TemplateToUpload
    disks: Annotated[list[DiskNameText | DiskToUpload], Meta(min_length=1, max_length=MOST_DISKS)] | None = None
    remark: Text = ""


class UploadFilter(Struct, frozen=True, forbid_unknown_fields=True):
    """Uploads and imports: `q` is a part of the template's name or of the MAC; `open` are those under way."""

    q: Search = ""
    state: Literal["open", "published", "failed"] | None = None
    template: Uuid | None = None
    mac: Mac | None = None
    sort: Literal["created", "name", "-created", "-name"] = "-created"
    limit: Some = 100
    offset: Offset = 0


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


def disk_of(value: str | DiskToUpload, field: str) -> tuple[DiskName, int | None]:
    """A disk's name, and its type where the request tells it.

    :raises Malformed: names the field.
    """
    if isinstance(value, str):
        return DiskName.parse(value, field), None
    levels = {x for x in (value.level, value.diff_level, value.dif_level) if x is not None}
    if len(levels) > 1:
        raise Malformed(Reason("levels_differ", field=field), field=field)
    name = DiskName(canonical_uuid(value.uuid, f"{field}.uuid"), levels.pop() if levels else 0)
    return name, None if value.type is None else disk_type_of(value.type)
