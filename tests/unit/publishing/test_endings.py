"""Tests of voi.publishing.endings and voi.publishing.idle, as the publisher uses them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail

from tests.unit.fakes import torrent_status
from tests.unit.publishing.case import BASE, NAMED, PublishingCase, image, torrent_of
from tests.unit.store.values import DISK, MAC, TEMPLATE
from voi.domain import metainfo
from voi.domain.uploads import UploadState
from voi.errors import NotSaved
from voi.names import DiskName
from voi.publishing import publisher as publisher_module
from voi.publishing import verification as examine
from voi.publishing.idle import IDLE_SECONDS
from voi.wire.torrent_body import TorrentBody

ANOTHER = DiskName("ffffffff-5b7d-4e2f-8a6b-1c2d3e4f5a6b", 0)


class EndingTests(PublishingCase):
    """Uploads that are not published: why, and what is left."""

    async def test_ended_in_vain(self) -> None:
        """Disks that could not be ended, because the database did not answer, go on, all of them."""
        paths = {name: image(self.made / name.uuid, seed=seed) for seed, name in enumerate((BASE, ANOTHER), 1)}
        listed = dict.fromkeys((DISK, ANOTHER.uuid), NAMED[DISK])
        for name, path in paths.items():
            await self.intake.take_torrent(MAC, True, listed, TorrentBody(torrent_of(path, name), name.uuid, 0))
        both = await self.uploads.open_disks()
        read = self.uploads.disk
        last = max(disk.id for disk in both)
        busy = self.patch(
            self.uploads, "disk", lambda disk_id: fail(NotSaved("too busy")) if disk_id == last else read(disk_id)
        )
        await self.assertFailure(Deferred.fromCoroutine(self.publisher.end(both, "not wanted")), NotSaved)
        busy.restore()
        for name, path in paths.items():
            await self.arrive(path, name)
            self.assertEqual((await self.last(name)).state, UploadState.PUBLISHED)

    async def test_the_transfer_fails(self) -> None:
        """A full or broken disk ends the upload with the system's words."""
        path = image(self.made / "base")
        await self.offer(path)
        self.publisher.transfer_failed(metainfo.parse(torrent_of(path, BASE)).info_hash, "No space left on device")
        await self.settle()
        self.assertEqual((await self.last()).reason, "No space left on device")

    async def test_a_bug_is_a_reason_too(self) -> None:
        """Whatever goes wrong, an upload does not hang without a word."""
        path = image(self.made / "base")
        await self.offer(path)
        self.patch(publisher_module, "examine", lambda *_args: 1 // 0)
        await self.arrive(path)
        self.assertIn("log", (await self.last()).reason)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_ended_while_it_is_verified(self) -> None:
        """Who calls an upload off waits for its check to end; nothing of it is published after that."""
        path = image(self.made / "base")
        await self.offer(path)
        checking: Deferred[None] = Deferred()
        real = self.publisher._in_disk_thread

        def slowly(function: Any, *args: Any) -> Deferred[Any]:
            if function is examine.examine:
                return checking.addCallback(lambda _: real(function, *args))
            return real(function, *args)

        self.patch(self.publisher, "_in_disk_thread", slowly)
        await self.arrive(path)
        failing = Deferred.fromCoroutine(self.publisher.fail(await self.last(), "not wanted"))
        await self.settle()
        self.assertNoResult(failing)
        checking.callback(None)
        await failing
        await self.settle()
        self.assertEqual(((await self.last()).state, (await self.last()).reason), (UploadState.FAILED, "not wanted"))
        self.assertIsNone(await self.templates.get(TEMPLATE))
        self.assertEqual([*self.directory.incoming.iterdir(), *self.directory.disks.iterdir()], [])

    async def test_failed_when_its_files_are_gone(self) -> None:
        """Until the session has let go of a failed upload, the same torrent is the same upload, not a new one."""
        path = image(self.made / "base")
        torrent_id = await self.offer(path)
        let_go: Deferred[None] = Deferred()
        self.patch(self.seeder, "remove", lambda _info_hash, *, forget=False: let_go)
        failing = Deferred.fromCoroutine(self.publisher.fail(await self.last(), "not wanted"))
        await self.settle()
        self.assertEqual(await self.offer(path), torrent_id)
        let_go.callback(None)
        await failing
        self.assertEqual((await self.last()).state, UploadState.FAILED)
        self.assertNotEqual(await self.offer(path), torrent_id)

    async def test_ended_too_late(self) -> None:
        """What is published stays published."""
        await self.publish()
        await self.publisher.fail(await self.last(), "not wanted")
        self.assertEqual((await self.last()).state, UploadState.PUBLISHED)
        self.assertTrue(self.directory.disk(BASE).exists())
        self.assertEqual(len(self.seeder.seeding), 1)

    async def test_a_day_without_progress(self) -> None:
        """An upload that does not move for a day gives its template free."""
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.seeder.states[info_hash] = torrent_status(progress=0.5)
        await self.publisher.give_up_idle(0.0, 0.0)
        self.seeder.states[info_hash] = torrent_status(progress=0.6)
        await self.publisher.give_up_idle(IDLE_SECONDS, 0.0)
        self.assertEqual((await self.last()).state, UploadState.RECEIVING)
        await self.publisher.give_up_idle(2 * IDLE_SECONDS, 0.0)
        self.assertIn("60%", (await self.last()).reason)
