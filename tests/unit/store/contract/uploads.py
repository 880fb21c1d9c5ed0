"""The contract of uploads."""

from __future__ import annotations

from typing import Any

from tests.unit.store.contract.case import BASE, DIFF, Contract, there
from tests.unit.store.values import DATA_DISK, DISK, MAC, OTHER, TEMPLATE, level, upload
from voi.domain.uploads import WANTED, Ending, Upload, UploadState
from voi.errors import UnknownUpload
from voi.messages.reason import Reason, plain
from voi.names import DiskName
from voi.store.interfaces.uploads import MOST_FAILED


class UploadsContract(Contract):
    """`Uploads`."""

    async def test_written_down(self) -> None:
        """An upload comes back as it was written, with its number."""
        written = await self.uploads.begin(upload(BASE, DIFF))
        self.assertEqual(await self.uploads.get(written.id), written)
        self.assertEqual([d.upload_id for d in written.disks], [written.id] * 2)
        self.assertEqual(written.state, "open")
        self.assertEqual(await self.uploads.open_disks(), list(written.disks))
        self.assertEqual(await self.uploads.of_template(TEMPLATE), [written])

    async def test_one_at_a_time(self) -> None:
        """A level that is being received cannot be received a second time."""
        await self.uploads.begin(upload(BASE, state=UploadState.RECEIVING))
        again = upload(BASE, mac=OTHER, state=UploadState.RECEIVING)
        await self.refused(self.uploads.begin(again), "disk_uploaded_already", disk=str(BASE))
        self.assertEqual(len(await self.uploads.of_template(TEMPLATE)), 1)

    async def test_received(self) -> None:
        """A requested disk becomes one that is received when its torrent comes."""
        written = await self.uploads.begin(upload(BASE))
        await self.uploads.receive(written.disks[0].id, b"h" * 20, 500, 7, 8, 2.0)
        disk = await self.uploads.disk(written.disks[0].id)
        assert disk is not None
        found = (disk.state, disk.info_hash, disk.size, disk.real_size, disk.reserve_size)
        self.assertEqual(found, (UploadState.RECEIVING, b"h" * 20, 500, 7, 8))

    async def test_ended_stays_ended(self) -> None:
        """A late word about a failed upload does not bring it back."""
        written = await self.uploads.begin(upload(BASE))
        await self.uploads.fail([written.disks[0].id], "why", 2.0)
        await self.uploads.set_state(written.disks[0].id, UploadState.VERIFYING, 3.0)
        disk = await self.uploads.disk(written.disks[0].id)
        assert disk is not None
        self.assertEqual((disk.state, disk.reason), (UploadState.FAILED, "why"))

    async def test_untold(self) -> None:
        """An end is kept until the uploader was told of it."""
        written = await self.uploads.begin(upload(BASE))
        self.assertEqual(await self.uploads.untold(MAC), [])
        await self.uploads.fail([written.disks[0].id], "why", 2.0)
        self.assertEqual([d.name for d in await self.uploads.untold(MAC)], [BASE])
        await self.uploads.told(written.disks[0].id)
        self.assertEqual(await self.uploads.untold(MAC), [])

    async def test_not_received_twice(self) -> None:
        """A level that another upload receives is refused, and the request goes on to wait."""
        await self.uploads.begin(upload(BASE, state=UploadState.RECEIVING))
        asked = (await self.uploads.begin(upload(BASE, mac=OTHER))).disks[0]
        await self.refused(self.uploads.receive(asked.id, b"h" * 20, 500, 7, 8, 2.0), "uploaded_already")
        self.assertIs((await self.disk(asked)).state, UploadState.REQUESTED)

    async def test_stages(self) -> None:
        """A stage is noted with its time, and another torrent where one is given."""
        (disk,) = (await self.uploads.begin(upload(BASE, state=UploadState.RECEIVING))).disks
        await self.uploads.set_state(disk.id, UploadState.VERIFYING, 2.0)
        found = await self.disk(disk)
        self.assertEqual((found.state, found.updated, found.info_hash), (UploadState.VERIFYING, 2.0, disk.info_hash))
        await self.uploads.set_state(disk.id, UploadState.PUBLISHING, 3.0, info_hash=b"n" * 20)
        self.assertEqual(((await self.disk(disk)).info_hash, (await self.disk(disk)).ending), (b"n" * 20, None))

    async def test_failed(self) -> None:
        """Disks that are under way end together, and are given; what has ended keeps its reason and its ending."""
        one, two = (await self.uploads.begin(upload(BASE, DIFF))).disks
        self.assertEqual(await self.uploads.fail([one.id], "first", 2.0), [one.id])
        ended = await self.uploads.fail([one.id, two.id, "unknown"], "later", 3.0, ending=Ending.CANCELLED)
        self.assertEqual(ended, [two.id])
        found = [await self.disk(disk) for disk in (one, two)]
        self.assertEqual([(x.reason, x.updated) for x in found], [("first", 2.0), ("later", 3.0)])
        self.assertEqual(
            [(x.state, x.ending) for x in found],
            [(UploadState.FAILED, Ending.FAILED), (UploadState.FAILED, Ending.CANCELLED)],
        )
        self.assertEqual(await self.uploads.fail([one.id, two.id], "late", 4.0), [])

    async def test_explained(self) -> None:
        """What a requested disk waits for is said, and taken back when it comes; one that is received has no reason."""
        asked = (await self.uploads.begin(upload(BASE))).disks[0]
        coming = (await self.uploads.begin(upload(DIFF, state=UploadState.RECEIVING))).disks[0]
        reason = Reason("offline", mac=MAC)
        await self.uploads.explain([asked.id, coming.id], reason)
        self.assertEqual([plain((await self.disk(x)).reason) for x in (asked, coming)], [plain(reason), {}])
        await self.uploads.receive(asked.id, b"h" * 20, 500, 7, 8, 2.0)
        self.assertEqual((await self.disk(asked)).reason, "")
        other = (await self.uploads.begin(upload(DiskName(DATA_DISK, 0)))).disks[0]
        for said in (reason, ""):
            await self.uploads.explain([other.id], said)
        self.assertEqual((await self.disk(other)).reason, "")

    async def test_reason(self) -> None:
        """A disk whose upload failed keeps why."""
        (disk,) = (await self.uploads.begin(upload(BASE))).disks
        reason = Reason("waits_for_login", why=Reason("offline", mac=MAC))
        await self.uploads.fail([disk.id], reason, 2.0)
        self.assertEqual(plain((await self.disk(disk)).reason), plain(reason))

    async def failed_upload(
        self, *names: DiskName, created: float, ending: Ending = Ending.FAILED, **kwargs: Any
    ) -> Upload:
        """An upload that failed."""
        written = await self.uploads.begin(upload(*names, created=created, **kwargs))
        for disk in written.disks:
            await self.uploads.fail([disk.id], "why", created, ending=ending)
        return written

    async def failing(self, template: str | None = None) -> list[int]:
        """Which need attention."""
        return [x.id for x in await self.uploads.failed(template)]

    async def test_needs_attention(self) -> None:
        """Failed uploads come newest first, of all templates or of one, until somebody dismisses them."""
        other = "21111111-2222-4333-8444-555555555555"
        one = await self.failed_upload(BASE, created=1.0)
        two = await self.failed_upload(DiskName(DATA_DISK, 0), created=2.0, template=other)
        self.assertEqual((await self.failing(), await self.failing(TEMPLATE)), ([two.id, one.id], [one.id]))
        await self.uploads.dismiss(one.id)
        self.assertEqual(await self.failing(), [two.id])

    async def test_dismissed(self) -> None:
        """A failed upload is dismissed, and stays so; one that is unknown or has not failed is refused."""
        failed = await self.failed_upload(BASE, created=1.0)
        for wanted in (True, False):
            upload_then, was_wanted = await self.uploads.dismiss(failed.id)
            self.assertEqual((upload_then, was_wanted), (await self.uploads.get(failed.id), wanted))
            self.assertTrue(upload_then.dismissed)
        await self.assertFailure(self.uploads.dismiss(99), UnknownUpload)
        going = await self.uploads.begin(upload(DIFF))
        await self.refused(self.uploads.dismiss(going.id), "upload_not_failed", number=going.id)
        self.assertFalse(there(await self.uploads.get(going.id)).dismissed)

    async def test_instead_of_another(self) -> None:
        """With one that takes its place a failed upload is dismissed; where that is refused it stays as it was."""
        failed = await self.failed_upload(BASE, DIFF, created=1.0)
        await self.uploads.begin(upload(BASE, created=2.0, state=UploadState.RECEIVING))
        taken = upload(BASE, created=3.0, mac=OTHER, state=UploadState.RECEIVING)
        await self.refused(self.uploads.begin(taken, instead_of=failed.id), "disk_uploaded_already")
        self.assertFalse(there(await self.uploads.get(failed.id)).dismissed)
        await self.uploads.begin(upload(DIFF, created=4.0), instead_of=failed.id)
        self.assertTrue(there(await self.uploads.get(failed.id)).dismissed)

    async def test_needs_no_attention(self) -> None:
        """One that is under way still, was called off, or whose disks were tried again after that needs none."""
        under_way = await self.uploads.begin(upload(BASE, DIFF))
        await self.uploads.fail([under_way.disks[0].id], "why", 2.0)
        for number, ending in enumerate(WANTED):
            await self.failed_upload(DiskName(DATA_DISK, 10 + number), created=3.0, ending=ending)
        self.assertEqual(await self.failing(), [])
        again = await self.failed_upload(DiskName(DATA_DISK, 1), created=4.0)
        self.assertEqual(await self.failing(), [again.id])
        await self.uploads.begin(upload(DiskName(DATA_DISK, 1), created=5.0))
        self.assertEqual(await self.failing(), [])

    async def test_attention_is_bounded(self) -> None:
        """The newest come first, and no more than a person can look at."""
        for number in range(MOST_FAILED + 1):
            await self.failed_upload(DiskName(f"{number:08x}{DISK[8:]}", 0), created=1.0 + number)
        self.assertEqual(await self.failing(), list(range(MOST_FAILED + 1, 1, -1)))

    async def test_newest_of_a_level(self) -> None:
        """The newest upload of a level is found, ended or not; an unknown disk is None."""
        self.assertIsNone(await self.uploads.last_of(BASE))
        await self.failed_upload(BASE, created=1.0)
        newer = await self.uploads.begin(upload(BASE, created=2.0))
        self.assertEqual(there(await self.uploads.last_of(BASE)).id, newer.disks[0].id)
        self.assertIsNone(await self.uploads.disk("unknown"))
        self.assertIsNone(await self.uploads.get(99))

    async def test_found(self) -> None:
        """By a part of the template's name or of the MAC, by state, template and MAC; newest first, or by name."""
        office = await self.uploads.begin(upload(BASE, name="Office 100%"))
        lab = await self.failed_upload(DIFF, created=2.0, name="lab", mac=OTHER)
        await self.publish(level(0, DATA_DISK))

        async def found(**wanted: Any) -> list[int]:
            uploads, total = await self.uploads.find(**wanted)
            self.assertEqual(len(uploads), total)
            return [x.id for x in uploads]

        self.assertEqual(await found(), [3, lab.id, office.id])
        self.assertEqual(await found(q="LAB"), [lab.id])
        self.assertEqual(await found(q="%"), [office.id])
        self.assertEqual(await found(q=OTHER[-5:]), [lab.id])
        self.assertEqual([await found(state=x) for x in ("open", "failed", "published")], [[office.id], [lab.id], [3]])
        self.assertEqual((await found(mac=MAC), await found(template_uuid="another")), ([office.id], []))
        self.assertEqual(await found(sort="created"), [office.id, lab.id, 3])
        self.assertEqual((await found(sort="name"))[0], lab.id)
        self.assertEqual((await found(sort="-name"))[-1], lab.id)
        page, total = await self.uploads.find(limit=1, offset=1)
        self.assertEqual(([x.id for x in page], total), ([lab.id], 3))

    async def test_order(self) -> None:
        """Open disks and a template's uploads come oldest first."""
        for number in (1, 0):
            await self.uploads.begin(upload(DiskName(DISK, number), created=5.0 - number))
        self.assertEqual([x.created for x in await self.uploads.open_disks()], [4.0, 5.0])
        self.assertEqual([x.id for x in await self.uploads.of_template(TEMPLATE)], [1, 2])
