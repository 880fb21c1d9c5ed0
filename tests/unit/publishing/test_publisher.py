"""Tests of voi.publishing.publisher: from the first byte to the catalogue, and after a kill at any step."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, fail

from tests.unit.publishing.case import BASE, DIFF, VIRTUAL, Announced, PublishingCase, image, torrent_of
from tests.unit.store.values import OTHER, TEMPLATE, upload
from voi.domain import metainfo
from voi.domain.uploads import UploadState
from voi.errors import NotSaved, StorageMissing, TorrentRefused
from voi.files.hashing import hash_file
from voi.publishing.publisher import FETCH_AGAIN
from voi.publishing.verification import read_header


class PublishTests(PublishingCase):
    """From a complete file to a version."""

    async def test_base(self) -> None:
        """A base becomes level 0 of a new template, is seeded from its place, and the uploader is told."""
        path = image(self.made / "base")
        torrent_id = await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual(self.seeder.downloading, {info_hash: self.directory.incoming})
        self.assertEqual(self.tracker.admitted, {info_hash})
        await self.arrive(path)
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        (level,) = template.levels
        self.assertEqual((template.name, template.sys_type, template.desc), ("Office", 1, "a remark"))
        self.assertEqual(
            (level.name, level.virtual_size, level.info_hash, level.operate_id), (BASE, VIRTUAL, info_hash, 0)
        )
        self.assertEqual(self.directory.disk(BASE).read_bytes(), path.read_bytes())
        self.assertFalse(self.directory.upload(BASE).exists())
        self.assertEqual(self.seeder.seeding, {info_hash: self.directory.disks})
        self.assertEqual([(d.id, d.state) for d in self.ended], [(torrent_id, UploadState.PUBLISHED)])

    async def test_diff_with_the_right_name(self) -> None:
        """A difference that names its parent is published as it is."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual([(x.name, x.operate_id) for x in template.levels], [(BASE, 0), (DIFF, 1)])
        self.assertEqual(self.directory.disk(DIFF).read_bytes(), (self.made / str(DIFF)).read_bytes())

    async def test_diff_with_another_name(self) -> None:
        """A path of the terminal's own is put right in our copy, and its torrent is made anew."""
        await self.publish()
        await self.publish(DIFF, backing="/mnt/local/elsewhere.qcow2")
        path = self.directory.disk(DIFF)
        self.assertEqual(read_header(path).backing_name, str(BASE))
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        level = template.levels[1]
        old = metainfo.parse(torrent_of(self.made / str(DIFF), DIFF))
        self.assertNotEqual(level.info_hash, old.info_hash)
        new = metainfo.parse(self.directory.torrent(level.info_hash).read_bytes())
        self.assertEqual(hash_file(path, new.piece_length), new.piece_hashes)
        self.assertNotIn(old.info_hash, self.tracker.admitted)
        self.assertFalse(self.directory.torrent(old.info_hash).exists())
        self.assertIn(level.info_hash, self.tracker.admitted)

    async def test_diff_of_another_size(self) -> None:
        """A difference must have its parent's virtual size."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE), virtual=2 * VIRTUAL)
        disk = await self.last(DIFF)
        self.assertEqual(disk.state, UploadState.FAILED)
        self.assertIn("size", disk.reason)
        self.assertEqual([d.state for d in self.ended], [UploadState.PUBLISHED, UploadState.FAILED])

    async def test_no_image(self) -> None:
        """A file that is no qcow2 fails with what it is, and leaves nothing behind."""
        path = self.made / "raw"
        path.write_bytes(b"\0" * 510 + b"\x55\xaa" + b"\0" * 100_000)
        await self.offer(path)
        await self.arrive(path)
        disk = await self.last()
        self.assertEqual(disk.state, UploadState.FAILED)
        self.assertIn("raw", disk.reason)
        self.assertEqual(list(self.directory.incoming.iterdir()), [])
        self.assertEqual(list(self.directory.torrents.iterdir()), [])
        self.assertEqual(self.tracker.admitted, set())
        self.assertIsNone(await self.templates.get(TEMPLATE))

    async def test_a_base_on_something(self) -> None:
        """A base with a backing file would boot half an image."""
        await self.publish(BASE, backing="other")
        self.assertIn("stand alone", (await self.last()).reason)

    async def test_what_the_disk_lost_is_fetched_again(self) -> None:
        """A piece that reads back wrong is not published, but downloaded again; a disk that goes on so has failed."""
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        damaged = bytearray(path.read_bytes())
        damaged[70_000] ^= 1
        for _ in range(FETCH_AGAIN):
            self.seeder.downloading.clear()
            self.directory.upload(BASE).write_bytes(damaged)
            self.publisher.finished(info_hash)
            await self.settle()
            self.assertIn(info_hash, self.seeder.downloading)
            self.assertEqual((await self.last()).state, UploadState.RECEIVING)
        self.publisher.finished(info_hash)
        await self.settle()
        self.assertEqual((await self.last()).state, UploadState.FAILED)

    async def test_a_published_file_is_never_written_over(self) -> None:
        """An upload that finds its level published meanwhile fails, and the published file stays as it was."""
        await self.publish()
        published = self.directory.disk(BASE).read_bytes()
        other = image(self.made / "other", seed=9)
        torrent = torrent_of(other, BASE)
        info_hash = metainfo.parse(torrent).info_hash
        self.directory.torrent(info_hash).write_bytes(torrent)
        self.directory.upload(BASE).write_bytes(other.read_bytes())
        late = upload(BASE, mac=OTHER, state=UploadState.PUBLISHING)
        await self.uploads.begin(replace(late, disks=(replace(late.disks[0], info_hash=info_hash),)))
        await self.publisher.recover()
        await self.settle()
        ended = await self.uploads.disk(late.disks[0].id)
        assert ended is not None
        self.assertEqual(ended.state, UploadState.FAILED)
        self.assertEqual(self.directory.disk(BASE).read_bytes(), published)

    async def test_published_and_not_seeded(self) -> None:
        """A failure to seed takes nothing back: the level is published, and the uploader is told."""
        path = image(self.made / "base")
        await self.offer(path)
        self.patch(self.seeder, "seed", lambda *_args: fail(StorageMissing("the disk is gone")))
        await self.arrive(path)
        self.assertEqual([d.state for d in self.ended], [UploadState.PUBLISHED])

    async def test_connects_to_uploaders(self) -> None:
        """Who announces an upload is connected to at once; other torrents are no concern, which can be seen before."""
        path, receiving = image(self.made / "base"), self.publisher.receiving
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual(set(receiving), {info_hash})
        self.publisher.announced(info_hash, "10.0.0.1", 7000)
        self.publisher.announced(b"x" * 20, "10.0.0.1", 7000)
        self.assertEqual(self.seeder.connected, [(info_hash, "10.0.0.1", 7000)])

    async def test_admitted_before_the_answer(self) -> None:
        """When the terminal knows that its torrent is accepted, it may announce it, and is connected to if it does."""
        self.patch(self.publisher, "_in_thread", lambda *_: Deferred())  # no disk is read before the answer
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual((self.tracker.admitted, set(self.publisher.receiving)), ({info_hash}, {info_hash}))

    async def test_announced_before_the_answer(self) -> None:
        """Who is in the swarm already when the download begins is connected to, and need not announce again."""
        self.tracker.announced = [Announced("10.0.0.1", 7000), Announced("fd00::1", 7001)]
        path = image(self.made / "base")
        await self.offer(path)
        info_hash = metainfo.parse(torrent_of(path, BASE)).info_hash
        self.assertEqual(self.seeder.connected, [(info_hash, "10.0.0.1", 7000), (info_hash, "fd00::1", 7001)])

    async def test_the_tracker_is_full(self) -> None:
        """A torrent that the tracker has no room for is refused, and nothing of it is written down."""
        self.tracker.full = True
        await self.assertFailure(self.offered(image(self.made / "base")), TorrentRefused)
        self.assertEqual(await self.uploads.open_disks(), [])

    async def test_not_written_down(self) -> None:
        """A torrent that could not be written down is admitted no more."""
        self.patch(self.uploads, "begin", lambda _upload, **_said: fail(NotSaved("disk full")))
        await self.assertFailure(self.offered(image(self.made / "base")), NotSaved)
        self.assertEqual(self.tracker.admitted, set())
