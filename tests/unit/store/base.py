"""A real database in a directory of its own, for tests of what is kept."""

from __future__ import annotations

from pathlib import Path

from sqlite_utils import Database
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from voi.domain.templates import PublishedLevel, Template
from voi.domain.uploads import Upload, UploadDisk, UploadState
from voi.names import DiskName
from voi.store.database import Store, prepare
from voi.store.repositories import sql_repositories
from voi.store.templates import publish_level

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
        info_hash=f"{disk}{number}{operate_id}".encode()[-20:],
        file_size=size,
        virtual_size=1 << 20,
        reserve_size=2048,
        published=5.0,
        uploader=None,
    )


def upload(
    *names: DiskName, mac: str | None = MAC, template: str = TEMPLATE, state: UploadState = UploadState.REQUESTED
) -> Upload:
    """An upload that is not written down yet."""
    disks = tuple(
        UploadDisk(
            id=f"id-{name}-{mac}",
            upload_id=0,
            template_uuid=template,
            mac=mac,
            source=None,
            name=name,
            type=0,
            real_size=0,
            reserve_size=0,
            state=state,
            reason="",
            info_hash=str(name).encode()[-20:] if state is not UploadState.REQUESTED else None,
            size=100,
            told=False,
            created=1.0,
            updated=1.0,
        )
        for name in names
    )
    return Upload(0, template, "Office", 1, "a remark", mac, 1.0, disks)


class StoreCase(TestCase):
    """A test with an open store."""

    def setUp(self) -> None:
        """Make a database."""
        self.path = Path(self.mktemp())
        self.path.mkdir()
        prepare(self.path / "voi.sqlite")
        self.store = Store(self.path / "voi.sqlite", reactor)  # type: ignore[arg-type]  # the module is the reactor
        self.addCleanup(self.store.close)
        self.repositories = repositories = sql_repositories(self.store)
        self.terminals, self.templates = repositories.terminals, repositories.templates
        self.uploads, self.rollouts = repositories.uploads, repositories.rollouts

    async def publish(self, *levels: PublishedLevel) -> Template:
        """Put levels into the catalogue."""

        def job(db: Database) -> Template:
            for one in levels:
                template = publish_level(db, one, name="Office", sys_type=1, desc="")
            return template

        return await self.store.write(job)

    async def terminal(self, mac: str = MAC) -> str:
        """Make a terminal's row; its tracker key."""
        return (await self.terminals.touch(mac, "10.0.0.1", 1, 1.0)).tracker_key
