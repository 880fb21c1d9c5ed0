"""Tests of voi.publishing.requests: what administrators ask for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from twisted.internet.defer import Deferred

from tests.unit.publishing.case import (
    BASE,
    DIFF,
    NAMED,
    THIRD,
    PublishingCase,
    image,
    torrent_of,
)
from tests.unit.store.values import DISK, MAC, TEMPLATE
from voi.domain.actors import SERVER, Actor
from voi.domain.uploads import ImportDisk, Upload, UploadState
from voi.errors import (
    BadImage,
    Conflict,
    Malformed,
    NoSpace,
    UnknownTerminal,
    UnknownUpload,
)
from voi.messages.reason import plain
from voi.publishing.idle import IDLE_SECONDS
from voi.publishing.refusals import AGAIN_SECONDS
from voi.publishing.space import MARGIN
from voi.wire.messages import Disk
from voi.wire.torrent_body import TorrentBody


class RequestTests(PublishingCase):
    """Administrators' requests (1020) and imports."""

    async def test_request(self) -> None:
        """It is written down, base before difference, and its torrent needs no further permission."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(DIFF, 0), (BASE, 0)])
        self.assertEqual([d.name for d in upload.disks], [BASE, DIFF])
        path = image(self.made / "base")
        torrent_id = await self.intake.take_torrent(MAC, False, {}, TorrentBody(torrent_of(path, BASE), DISK, 0))
        self.assertEqual(torrent_id, upload.disks[0].id)
        await self.arrive(path)
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual(template.name, "Office")

    async def test_refused(self) -> None:
        """An unknown terminal, nothing to upload, a level that does not fit."""
        request = partial(self.requests.request, SERVER, MAC, NAMED[DISK])
        await self.assertFailure(Deferred.fromCoroutine(request([(BASE, 0)])), UnknownTerminal)
        await self.terminal()
        for names in ([], [(DIFF, 0)], [(THIRD, 0)]):
            await self.assertFailure(Deferred.fromCoroutine(request(names)), Conflict)

    async def test_never_offered(self) -> None:
        """A terminal that does not offer what it was asked for does not hold the template for ever."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        await self.publisher.give_up_idle(5.0, upload.created)
        await self.publisher.give_up_idle(5.0 + IDLE_SECONDS - 1, upload.created + IDLE_SECONDS - 1)
        self.assertTrue((await self.last()).open)
        await self.publisher.give_up_idle(5.0 + IDLE_SECONDS, upload.created + IDLE_SECONDS)
        self.assertIn("did not offer", (await self.last()).reason)

    async def test_never_offered_and_the_clock_is_set(self) -> None:
        """A clock that is set, before the first look or after it, gives a terminal at least half a day to offer."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        for now, jump in ((5.0, 700 * IDLE_SECONDS), (6.0, -700 * IDLE_SECONDS), (5.0 + IDLE_SECONDS / 2 - 1, 0.0)):
            await self.publisher.give_up_idle(now, upload.created + jump)
            self.assertTrue((await self.last()).open)
        await self.publisher.give_up_idle(5.0 + IDLE_SECONDS / 2, upload.created)
        self.assertIn("did not offer", (await self.last()).reason)

    async def test_refused_says_why_at_the_request(self) -> None:
        """What keeps a terminal from sending what it was asked for stands at the request, until it may; the same
        refusal again is not written again, and other bytes are only now and then.
        """
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        written: list[str] = []
        real = self.uploads.explain

        def explain(disk_ids: Sequence[str], reason: str) -> Deferred[None]:
            written.append(reason)
            return real(disk_ids, reason)

        self.patch(self.uploads, "explain", explain)
        body = self.body(Disk(uuid=DISK, real_size=(20 << 20) // 512))
        for free in (10 << 20, 10 << 20, 11 << 20):
            self.free = MARGIN + free
            permission = await self.intake.may_upload(MAC, False, body)
            self.assertIsInstance(permission.refusal, NoSpace)
        self.assertEqual(plain((await self.last()).reason)["data"]["available"], 10 << 20)
        self.now += AGAIN_SECONDS
        await self.intake.may_upload(MAC, False, body)
        self.assertEqual(plain((await self.last()).reason)["data"]["available"], 11 << 20)
        self.free = 1 << 40
        await self.intake.may_upload(MAC, False, body)
        self.assertEqual((len(written), (await self.last()).reason), (3, ""))

    async def test_refused_torrent_says_why_at_the_request(self) -> None:
        """A torrent that is refused says so at the request too; once it is taken nothing of that is left."""
        await self.terminal()
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        path, self.free = image(self.made / "base"), 0
        await self.assertFailure(Deferred.fromCoroutine(self.offer(path, granted=False)), NoSpace)
        self.assertIn("the server needs", (await self.last()).reason)
        self.free = 1 << 40
        await self.offer(path, granted=False)
        self.assertEqual(((await self.last()).state, (await self.last()).reason), (UploadState.RECEIVING, ""))

    async def test_retry_of_an_upload(self) -> None:
        """What failed of an upload is asked for again, with its remark, by who wants it now; the old one is past."""
        await self.terminal()
        old = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)], remark="new CAD")
        await self.assertFailure(Deferred.fromCoroutine(self.requests.retry(SERVER, old.id)), Conflict)
        await self.publisher.fail(old.disks[0], "torn")
        self.assertEqual([x.id for x in await self.uploads.failed()], [old.id])
        new = await self.requests.retry(Actor("account", "li", "10.9.9.9"), old.id)
        self.assertEqual((new.state, new.remark, new.actor), ("open", "new CAD", Actor("account", "li", "10.9.9.9")))
        self.assertEqual(await self.uploads.failed(), [])
        await self.publisher.fail(new.disks[0], "torn")
        self.assertEqual([x.id for x in await self.uploads.failed(TEMPLATE)], [new.id])
        await self.assertFailure(Deferred.fromCoroutine(self.requests.retry(SERVER, 99)), UnknownUpload)

    async def test_retry_of_an_import(self) -> None:
        """What failed of an import is copied again into the same template; what was published of it stays."""
        paths = [image(self.made / "system"), image(self.made / "data", seed=3)]
        old = await self.imported(*paths)
        await self.settle()
        await self.store.write(
            lambda db: db.execute("DELETE FROM levels WHERE disk_uuid = ?", (old.disks[1].name.uuid,))
        )
        self.directory.disk(old.disks[1].name).unlink()
        await self.store.write(
            lambda db: db.execute("UPDATE upload_disks SET state = 'failed' WHERE id = ?", (old.disks[1].id,))
        )
        new = await self.requests.retry(SERVER, old.id)
        await self.settle()
        self.assertEqual((new.template_uuid, [d.name for d in new.disks]), (old.template_uuid, [old.disks[1].name]))
        template = await self.templates.get(old.template_uuid)
        assert template is not None
        self.assertEqual({level.name for level in template.levels}, {disk.name for disk in old.disks})

    async def test_asked_again(self) -> None:
        """A request that is still waiting is replaced by the next one."""
        await self.terminal()
        first = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        found = await self.uploads.get(first.id)
        assert found is not None
        self.assertEqual(found.state, "failed")

    async def imported(self, *paths: Path) -> Upload:
        """Import image files."""
        disks = [ImportDisk(index, str(path.absolute())) for index, path in enumerate(paths)]
        return await self.requests.import_files(SERVER, "Lab", 3, "remark", disks)

    async def test_import(self) -> None:
        """Image files become a template with a disk each."""
        paths = [image(self.made / "system"), image(self.made / "data", seed=3)]
        upload = await self.imported(*paths)
        await self.settle()
        template = await self.templates.get(upload.template_uuid)
        assert template is not None
        self.assertEqual((template.name, template.sys_type, template.version), ("Lab", 3, 2))
        self.assertEqual({x.type for x in template.levels}, {0, 1})
        for disk, path in zip(upload.disks, paths, strict=True):
            self.assertEqual(self.directory.disk(disk.name).read_bytes(), path.read_bytes())
            self.assertEqual(self.publisher.progress(await self.last(disk.name)), 1.0)

    async def test_import_refused(self) -> None:
        """No file, no image, a relative path, a difference, no room: each says why."""
        text = self.made / "text"
        text.write_text("not an image")
        diff = image(self.made / "diff", backing="base")
        for path, kind in ((text, BadImage), (self.made / "gone", BadImage), (self.made, BadImage), (diff, BadImage)):
            await self.assertFailure(Deferred.fromCoroutine(self.imported(path)), kind)
        relative = self.requests.import_files(SERVER, "Lab", 0, "", [ImportDisk(0, "disk.qcow2")])
        await self.assertFailure(Deferred.fromCoroutine(relative), Malformed)
        await self.assertFailure(Deferred.fromCoroutine(self.imported()), Malformed)
        self.free = 0
        await self.assertFailure(Deferred.fromCoroutine(self.imported(image(self.made / "good"))), NoSpace)
        self.assertEqual(await self.uploads.open_disks(), [])

    async def test_cancel(self) -> None:
        """An upload that is cancelled is over, with that reason."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        ended = await self.requests.cancel(SERVER, upload.id)
        self.assertEqual(ended.state, "failed")
        self.assertIn("cancelled", ended.disks[0].reason)
        await self.assertFailure(Deferred.fromCoroutine(self.requests.cancel(SERVER, 99)), Exception)
