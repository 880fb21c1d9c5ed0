"""Uploads taken up after a crash, in whatever stage it met them."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from tests.unit.publishing.case import BASE, DIFF, PublishingCase, image
from voi.domain.actors import SERVER
from voi.domain.uploads import ImportDisk, UploadDisk, UploadState
from voi.publishing import publisher as publisher_module
from voi.publishing import verification as examine
from voi.publishing.verification import read_header


class RecoverTests(PublishingCase):
    """A start after a crash at each stage."""

    async def test_receiving(self) -> None:
        """A download goes on."""
        path = image(self.made / "base")
        await self.offer(path)
        self.start()
        await self.publisher.recover()
        await self.settle()
        self.assertEqual(list(self.seeder.downloading.values()), [self.directory.incoming])
        await self.arrive(path)
        self.assertEqual((await self.last()).state, UploadState.PUBLISHED)

    async def test_what_came_in_meanwhile(self) -> None:
        """An upload that begins before the recovery has run is not taken up a second time."""
        path = image(self.made / "base")
        copied: list[UploadDisk] = []
        never: Deferred[None] = Deferred()

        async def copy(disk: UploadDisk) -> None:
            copied.append(disk)
            await never

        self.patch(self.publisher, "_copy", copy)
        await self.requests.import_files(SERVER, "Lab", 1, "", [ImportDisk(0, str(path.absolute()))])
        await self.publisher.recover()
        await self.settle()
        self.assertEqual(len(copied), 1)

    async def test_verifying(self) -> None:
        """A check is made again, and the upload published."""
        path = image(self.made / "base")
        await self.offer(path)
        self.directory.upload(BASE).write_bytes(path.read_bytes())
        disk = await self.last()
        await self.uploads.set_state(disk.id, UploadState.VERIFYING, 1.0)
        self.start()
        await self.publisher.recover()
        await self.settle()
        self.assertEqual((await self.last()).state, UploadState.PUBLISHED)

    async def test_publishing(self) -> None:
        """Before and after the rename, and between patch and rename, a start finishes the work."""
        await self.publish()
        for step in ("nothing", "patched", "renamed"):
            path = image(self.made / step, backing="elsewhere", seed=7)
            self.patch(publisher_module, "install", lambda *_args: 1 // 0)
            await self.offer(path, DIFF)

            async def keep_open(disk_id: str, reason: str) -> None:
                """As if the process had died here."""

            self.patch(self.publisher, "_end", keep_open)
            await self.arrive(path, DIFF)
            self.flushLoggedErrors(ZeroDivisionError)
            self.assertEqual((await self.last(DIFF)).state, UploadState.PUBLISHING)
            if step != "nothing":
                examine.put_right(self.directory.upload(DIFF), DIFF)
            if step == "renamed":
                self.directory.upload(DIFF).rename(self.directory.disk(DIFF))
            self.patch(publisher_module, "install", examine.install)
            self.start()
            await self.publisher.recover()
            await self.settle()
            self.assertEqual((await self.last(DIFF)).state, UploadState.PUBLISHED, step)
            self.assertEqual(read_header(self.directory.disk(DIFF)).backing_name, str(BASE))
            await self.store.write(lambda db: db.execute("DELETE FROM levels WHERE level = 1") and None)

    async def test_importing(self) -> None:
        """A copy that was cut off is made again."""
        path = image(self.made / "base")
        self.patch(self.publisher, "copy", lambda _disk: None)
        upload = await self.requests.import_files(SERVER, "Lab", 1, "", [ImportDisk(0, str(path.absolute()))])
        name = upload.disks[0].name
        self.directory.upload(name).write_bytes(b"half")
        self.start()
        await self.publisher.recover()
        await self.settle()
        self.assertEqual(self.directory.disk(name).read_bytes(), path.read_bytes())
