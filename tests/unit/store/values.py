"""Values that tests of what is kept write down."""

from __future__ import annotations

from hashlib import sha1

from voi.domain.templates import PublishedLevel
from voi.domain.uploads import Upload, UploadDisk, UploadState
from voi.names import DiskName

MAC = "AA:BB:CC:DD:EE:01"
OTHER = "AA:BB:CC:DD:EE:02"
DISK = "0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b"
DATA_DISK = "1f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b"
TEMPLATE = "11111111-2222-4333-8444-555555555555"


def level(
    number: int = 0, disk: str = DISK, *, operate_id: int | None = None, template: str = TEMPLATE, size: int = 1000
) -> PublishedLevel:
    """A published level."""
    return PublishedLevel(
        template_uuid=template,
        name=DiskName(disk, number),
        type=0,
        operate_id=min(number, 1) if operate_id is None else operate_id,
        info_hash=sha1(f"{disk}{number}{operate_id}".encode()).digest(),
        file_size=size,
        virtual_size=1 << 20,
        reserve_size=2048,
        published=5.0,
        uploader=None,
    )


def upload(
    *names: DiskName,
    mac: str | None = MAC,
    template: str = TEMPLATE,
    state: UploadState = UploadState.REQUESTED,
    name: str = "Office",
    created: float = 1.0,
) -> Upload:
    """An upload that is not written down yet."""
    disks = tuple(
        UploadDisk(
            id=f"id-{disk}-{mac}-{created:g}",
            upload_id=0,
            template_uuid=template,
            mac=mac,
            source=None,
            name=disk,
            type=0,
            real_size=0,
            reserve_size=0,
            state=state,
            reason="",
            info_hash=str(disk).encode()[-20:] if state is not UploadState.REQUESTED else None,
            size=100,
            told=False,
            created=created,
            updated=created,
        )
        for disk in names
    )
    return Upload(0, template, name, 1, "a remark", mac, created, disks)
