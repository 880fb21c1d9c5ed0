"""Tests of voi.publishing.audit."""

from __future__ import annotations

from unittest import mock

from tests.unit.publishing.test_publishing import BASE, NAMED, PublishingCase, image, torrent_of
from tests.unit.store.values import DISK, MAC, TEMPLATE
from voi.audit.log import AuditLog
from voi.domain.audit import Author
from voi.domain.uploads import Ending
from voi.messages.english import SENTENCES
from voi.publishing.audit import UploadAudit
from voi.store.audit import SqlAuditEntries
from voi.store.interfaces.audit import AuditFilter
from voi.wire.torrent_body import TorrentBody


class ChronicleTests(PublishingCase):
    """What the journal tells of uploads."""

    def setUp(self) -> None:
        """With a journal."""
        super().setUp()
        self.events = SqlAuditEntries(self.store)
        UploadAudit(self.publisher, self.uploads, self.templates, AuditLog(self.events), {MAC: "10.0.0.1"}.__getitem__)

    async def happened(self, count: int) -> list[tuple[str, str, str]]:
        """Kind, person and text of the entries, when there are so many; trial's own timeout ends it."""
        while len(found := await self.events.find(AuditFilter(), 99)) < count:
            await self.store.write(lambda _db: None)
        self.assertEqual({event.template for event in found}, {TEMPLATE})
        return [(event.kind, event.who, event.text) for event in reversed(found)]

    async def test_published(self) -> None:
        """What comes in from a terminal, and the version that it became."""
        await self.publish()
        self.assertEqual(
            await self.happened(2),
            [
                (
                    "upload.begun",
                    f"terminal {MAC}",
                    f"Receiving {BASE} of template Office from terminal {MAC}",
                ),
                ("upload.published", "server", f"{BASE} was published: template Office now has version 1"),
            ],
        )

    async def people(self, count: int) -> list[tuple[str, str]]:
        """Who it was of the entries, and where from, when there are so many."""
        await self.happened(count)
        return [(event.who, event.origin) for event in reversed(await self.events.find(AuditFilter(), 99))]

    async def test_by_a_login_at_the_terminal(self) -> None:
        """Of the administrator who logged in at the terminal, what comes in and what it became; from that terminal."""
        path = image(self.made / "base")
        admin = Author("account", "admin", "10.0.0.1")
        await self.intake.take_torrent(MAC, True, NAMED, TorrentBody(torrent_of(path, BASE), DISK, 0), actor=admin)
        await self.arrive(path)
        self.assertEqual(await self.people(2), [("admin", "10.0.0.1")] * 2)

    async def test_by_a_request(self) -> None:
        """What an administrator asked for comes from the terminal's address, and is published as theirs."""
        await self.terminal()
        path = image(self.made / "base")
        await self.requests.request(MAC, NAMED[DISK], [(BASE, 0)], actor=Author("token", "backup", "10.9.9.9"))
        await self.offer(path, granted=False)
        await self.arrive(path)
        self.assertEqual(await self.people(2), [(f"terminal {MAC}", "10.0.0.1"), ("token backup", "10.9.9.9")])

    async def test_failed(self) -> None:
        """A file that is no image is in the journal with the reason."""
        path = self.made / "text"
        path.write_bytes(b"this is no image" * 10_000)
        await self.offer(path)
        await self.arrive(path)
        *_, (kind, _, text) = await self.happened(2)
        self.assertEqual(kind, "upload.failed")
        self.assertTrue(text.startswith(f"{BASE} of template Office could not be published: "), text)

    async def test_cancelled(self) -> None:
        """One that an administrator called off is told of where that was done."""
        await self.offer(image(self.made / "base"))
        disk = await self.last()
        await self.requests.cancel(disk.upload_id)
        await self.settle()
        self.assertEqual([kind for kind, _, _ in await self.happened(1)], ["upload.begun"])

    async def test_cancelled_in_other_words(self) -> None:
        """Which uploads an administrator called off, or asked for anew, is known whatever the sentence says."""
        with mock.patch.dict(SENTENCES, cancelled="no longer needed", asked_again="once more"):
            await self.terminal()
            await self.requests.request(MAC, NAMED[DISK], [(BASE, 0)])
            await self.requests.request(MAC, NAMED[DISK], [(BASE, 0)])
            await self.requests.cancel((await self.last()).upload_id)
            await self.settle()
        self.assertEqual(
            [(disk.reason, disk.ending) for disk in self.ended],
            [("once more", Ending.ASKED_AGAIN), ("no longer needed", Ending.CANCELLED)],
        )
        self.assertEqual(await self.events.find(AuditFilter(), 99), [])
        self.assertEqual(await self.uploads.failed(), [])
