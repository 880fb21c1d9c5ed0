"""Tests of voi.publishing.audit."""

from __future__ import annotations

from tests.unit.publishing.test_publishing import BASE, NAMED, PublishingCase, image, torrent_of
from tests.unit.store.values import DISK, MAC, TEMPLATE
from voi.domain.actors import Actor
from voi.store.audit import SqlAuditEntries
from voi.store.interfaces.audit import AuditFilter
from voi.wire.torrent_body import TorrentBody


class ChronicleTests(PublishingCase):
    """What the audit log tells of uploads."""

    def setUp(self) -> None:
        """With an audit log."""
        super().setUp()
        self.events = SqlAuditEntries(self.store)

    async def happened(self, count: int) -> list[tuple[str, str, str]]:
        """Kind, person and text of the entries, when there are so many; trial's own timeout ends it."""
        while len(found := await self.events.find(AuditFilter(), 99)) < count:
            await self.store.write(lambda _db: None)
        self.assertEqual({event.template for event in found}, {TEMPLATE})
        return [(event.kind, event.actor.text, event.text) for event in reversed(found)]

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
        return [
            (event.actor.text, event.actor.address) for event in reversed(await self.events.find(AuditFilter(), 99))
        ]

    async def test_by_a_login_at_the_terminal(self) -> None:
        """Of the administrator who logged in at the terminal, what comes in and what it became; from that terminal."""
        path = image(self.made / "base")
        admin = Actor("account", "admin", "10.0.0.1")
        await self.intake.take_torrent(
            MAC, True, NAMED, TorrentBody(torrent_of(path, BASE), DISK, 0), actor=admin, address="10.0.0.1"
        )
        await self.arrive(path)
        self.assertEqual(await self.people(2), [("admin", "10.0.0.1")] * 2)

    async def test_by_a_request(self) -> None:
        """What an administrator asked for comes from the terminal's address, and is published as theirs."""
        await self.terminal()
        path, backup = image(self.made / "base"), Actor("token", "backup", "10.9.9.9")
        await self.requests.request(backup, MAC, NAMED[DISK], [(BASE, 0)])
        await self.offer(path, granted=False)
        await self.arrive(path)
        terminal, requester = (f"terminal {MAC}", "10.0.0.1"), ("token backup", "10.9.9.9")
        self.assertEqual(await self.people(3), [requester, terminal, requester])

    async def test_failed(self) -> None:
        """A file that is no image is in the audit log with the reason."""
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
        await self.requests.cancel(Actor("account", "li"), disk.upload_id)
        await self.settle()
        self.assertEqual(
            [(kind, who) for kind, who, _ in await self.happened(2)],
            [("upload.begun", f"terminal {MAC}"), ("upload.cancelled", "li")],
        )
