"""Whole images are checked by our own reader and by QEMU, before they are copied and before they are published."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import Mock

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.files.qcow2 import Plan
from tests.unit.publishing.case import BASE, DIFF, VIRTUAL, PublishingCase, image
from tests.unit.store.values import TEMPLATE
from voi.domain.actors import SERVER
from voi.domain.image import ImageHeader
from voi.domain.uploads import ImportDisk, Upload, UploadState
from voi.errors import BadImage
from voi.files.hashing import IsCancelled
from voi.files.qemu_img import CannotStart
from voi.messages.reason import Reason
from voi.publishing.image_check import ImageCheck


class CheckTests(SynchronousTestCase):
    """The two of them together."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        Plan().make().write(self.path)

    def test_both_have_a_say(self) -> None:
        """QEMU is asked after our reader, with the header that it read."""
        qemu = Mock()
        header = ImageCheck(qemu)(self.path)
        qemu.check.assert_called_once_with(self.path, header, None)
        qemu.check.side_effect = BadImage(Reason("qemu_crashed", signal=11))
        self.assertRaises(BadImage, ImageCheck(qemu), self.path)

    def test_broken_for_our_reader(self) -> None:
        """QEMU never sees what our reader refuses."""
        qemu = Mock()
        with self.path.open("r+b") as file:
            file.truncate(self.path.stat().st_size // 2)
        self.assertRaises(BadImage, ImageCheck(qemu), self.path)
        qemu.check.assert_not_called()

    def test_cannot_start(self) -> None:
        """Where QEMU cannot be started, our reader's word counts, and the log says so."""
        qemu = Mock()
        qemu.check.side_effect = CannotStart("no memory")
        self.assertEqual(ImageCheck(qemu)(self.path).cluster_bits, 16)

    def test_looked_for_once(self) -> None:
        """Without QEMU a server begins all the same."""
        self.patch(os, "environ", {**os.environ, "PATH": "/nowhere"})
        self.assertEqual(ImageCheck.with_qemu()(self.path).cluster_bits, 16)


def half(path: Path) -> Path:
    """Cut a file off, as a copy leaves it that was broken off."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    return path


class ImportTests(PublishingCase):
    """Image files on the server."""

    async def imported(self, path: Path) -> Upload:
        """Import one."""
        return await self.requests.import_files(SERVER, "Lab", 0, "", [ImportDisk(0, str(path.absolute()))])

    async def refusal(self, path: Path) -> str:
        """Why a file is refused at once."""
        error = await self.assertFailure(Deferred.fromCoroutine(self.imported(path)), BadImage)
        self.assertEqual(await self.uploads.open_disks(), [])
        return str(error)

    async def test_cut_in_half(self) -> None:
        """The header's own tables are gone: refused before anything is written down."""
        self.assertRegex(await self.refusal(half(image(self.made / "half"))), "cut off: at least [0-9]+ bytes are mis")

    async def test_symbolic_link(self) -> None:
        """A link is refused at once, not after hours of copying."""
        link = self.made / "link"
        link.symlink_to(image(self.made / "good").absolute())
        why = await self.refusal(link)
        self.assertIn(f"{link.absolute()} is a symbolic link", why)

    async def test_checked_before_it_is_copied(self) -> None:
        """A fault that only the tables show ends the import before a byte is copied."""
        made = Plan().make()
        made.put(made.slots()[0], 1 << 63 | 1 << 40)
        upload = await self.imported(made.write(self.made / "bad"))
        await self.settle()
        disk = await self.last(upload.disks[0].name)
        self.assertEqual(disk.state, UploadState.FAILED)
        self.assertIn("entry 0 of its level 2 table 0 points outside the file", disk.reason)
        self.assertEqual(self.publisher.progress(disk), 0.0)
        self.assertFalse(self.directory.upload(disk.name).exists())

    async def test_changed_after_the_check(self) -> None:
        """What was checked is what is published: a file that changes in between is refused."""
        path = image(self.made / "image")

        class Changing(ImageCheck):
            def __call__(self, path: Path, cancelled: IsCancelled | None = None) -> ImageHeader:
                header = super().__call__(path, cancelled)
                os.utime(path, ns=(1, 1))
                return header

        self.patch(self.publisher, "_check_image", Changing(None))
        upload = await self.imported(path)
        await self.settle()
        self.assertIn("changed while it was being read", (await self.last(upload.disks[0].name)).reason)


class UploadTests(PublishingCase):
    """What terminals upload."""

    async def test_damaged(self) -> None:
        """It is refused with what is wrong, and its files go."""
        made = Plan().make()
        path = made.count(made.contents[0], 0).write(self.made / "bad")
        await self.offer(path)
        await self.arrive(path)
        disk = await self.last()
        self.assertEqual(disk.state, UploadState.FAILED)
        self.assertIn("its reference count is 0", disk.reason)
        self.assertFalse(self.directory.upload(BASE).exists())
        self.assertIsNone(await self.templates.get(TEMPLATE))

    async def test_difference_is_never_opened_through_its_parent(self) -> None:
        """A difference is checked by itself, whatever file it names."""
        await self.publish()
        pipe = self.made / "pipe"
        os.mkfifo(pipe)
        self.patch(self.publisher, "_check_image", ImageCheck.with_qemu())
        await self.publish(DIFF, backing=str(pipe.absolute()), virtual=VIRTUAL)
        self.assertEqual((await self.last(DIFF)).state, UploadState.PUBLISHED)
