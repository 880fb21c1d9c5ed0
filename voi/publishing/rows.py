"""Rows of uploads before they are written down."""

from __future__ import annotations

import time
import uuid

from voi.domain.actors import Actor
from voi.domain.uploads import Upload, UploadDisk, UploadState
from voi.names import DiskName


def new_upload(
    mac: str | None,
    template_uuid: str,
    name: str,
    sys_type: int,
    desc: str,
    *,
    remark: str = "",
    actor: Actor | None = None,
) -> Upload:
    """An upload without disks; its number is given when it is written down. `actor` is who wants it."""
    return Upload(
        id=0,
        template_uuid=template_uuid,
        name=name or f"template {template_uuid[:8]}",
        sys_type=sys_type,
        desc=desc,
        mac=mac,
        created=time.time(),
        remark=remark,
        actor=actor,
    )


def new_disk(upload: Upload, name: DiskName, kind: int, now: float) -> UploadDisk:
    """A disk of an upload that nobody has begun; one without an uploader has nobody to be told of its end."""
    return UploadDisk(
        id=str(uuid.uuid4()),
        upload_id=upload.id,
        template_uuid=upload.template_uuid,
        mac=upload.mac,
        source=None,
        name=name,
        type=kind,
        real_size=0,
        reserve_size=0,
        state=UploadState.REQUESTED,
        reason="",
        info_hash=None,
        size=0,
        told=upload.mac is None,
        created=now,
        updated=now,
    )
