"""Tests of voi.publishing.notifications: what uploaders are told, now or at their next login."""

from __future__ import annotations

from twisted.internet.defer import fail, succeed

from tests.unit.fakes import FakeConnections
from tests.unit.publishing.test_publishing import BASE, NAMED, PublishingCase, image
from tests.unit.store.values import DISK, MAC
from voi.domain.actors import SERVER
from voi.domain.uploads import UploadState
from voi.errors import ConnectionEnded, NoAnswer
from voi.publishing.notifications import UploaderNotifications
from voi.wire.messages import Reply, decode_template, success


class NoticeTests(PublishingCase):
    """1020, 1021 and 1018."""

    def start(self) -> None:
        """With a registry of connections."""
        super().start()
        self.registry = FakeConnections([MAC])
        self.notifications = UploaderNotifications(self.uploads, self.publisher, self.registry)
        self.publisher.ended.connect(self.notifications.tell_end)
        self.registry.online.connect(self.notifications.terminal_came)

    async def test_published(self) -> None:
        """1021 with the torrent's id, once."""
        path = image(self.made / "base")
        torrent_id = await self.offer(path)
        await self.arrive(path)
        self.assertEqual(self.registry.requests, [(1021, {"torrent_id": torrent_id})])
        self.registry.come(MAC)
        await self.settle()
        self.assertEqual(len(self.registry.requests), 1)

    async def test_failed(self) -> None:
        """1018 with the reason."""
        torrent_id = await self.offer(image(self.made / "base"))
        await self.publisher.fail(await self.last(), "the disk is full")
        await self.settle()
        self.assertEqual(
            self.registry.requests, [(1018, {"torrent_id": torrent_id, "msg": "the disk is full", "result": 1})]
        )

    async def test_told_at_the_next_login(self) -> None:
        """An uploader that is off, or does not answer, is told of the end when it comes back."""
        self.registry.there.clear()
        path = image(self.made / "base")
        await self.offer(path)
        await self.arrive(path)
        self.assertEqual(self.registry.requests, [])
        self.registry.answer = lambda: fail(NoAnswer("silence"))
        self.registry.come(MAC)
        await self.settle()
        self.registry.answer = lambda: succeed(success())
        self.registry.come(MAC)
        await self.settle()
        self.registry.come(MAC)
        await self.settle()
        self.assertEqual([code for code, _ in self.registry.requests], [1021, 1021])

    async def test_request(self) -> None:
        """1020 in the seed's form and the family's, the same in both."""
        await self.terminal()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        self.notifications.request(upload.id, MAC)
        await self.settle()
        ((code, fields),) = self.registry.requests
        self.assertEqual(code, 1020)
        flat = decode_template({k: v for k, v in fields.items() if k != "desktop"})
        self.assertEqual(flat, decode_template({"desktop": fields["desktop"]}))
        self.assertEqual((flat.name, flat.disks[0].uuid, flat.disks[0].diff_level), ("Office", DISK, 0))

    async def test_request_at_the_next_login(self) -> None:
        """Who is off, or was cut off, is asked when it comes back."""
        await self.terminal()
        self.registry.there.clear()
        upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
        self.notifications.request(upload.id, MAC)
        await self.settle()
        self.assertEqual(self.registry.requests, [])
        self.registry.answer = lambda: fail(ConnectionEnded("gone"))
        self.registry.come(MAC)
        await self.settle()
        self.registry.come(MAC)
        await self.settle()
        self.assertEqual([code for code, _ in self.registry.requests], [1020, 1020])

    async def test_request_refused(self) -> None:
        """A terminal that refuses or stays silent ends the request, with that reason."""
        await self.terminal()
        for answer, reason in (
            (lambda: succeed(Reply(code=5, msg="no")), "no"),
            (lambda: fail(NoAnswer("silence")), "silence"),
        ):
            self.registry.answer = answer
            upload = await self.requests.request(SERVER, MAC, NAMED[DISK], [(BASE, 0)])
            self.notifications.request(upload.id, MAC)
            await self.settle()
            found = await self.uploads.get(upload.id)
            assert found is not None
            self.assertEqual(found.disks[0].state, UploadState.FAILED)
            self.assertIn(reason, found.disks[0].reason)
