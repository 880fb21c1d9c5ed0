"""Tests of voi.publishing.chronicle."""

from __future__ import annotations

from tests.unit.publishing.test_publishing import BASE, PublishingCase, image
from tests.unit.store.base import MAC, TEMPLATE
from voi.publishing.chronicle import UploadChronicle
from voi.store.events import Events, Filter
from voi.store.journal import Journal


class ChronicleTests(PublishingCase):
    """What the journal tells of uploads."""

    def setUp(self) -> None:
        """With a journal."""
        super().setUp()
        self.events = Events(self.store)
        UploadChronicle(self.publisher, self.uploads, self.templates, Journal(self.events))

    async def happened(self, count: int) -> list[tuple[str, str, str]]:
        """Kind, person and text of the entries, when there are so many; trial's own timeout ends it."""
        while len(found := await self.events.find(Filter(), 99)) < count:
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
                    f"{BASE} of template Office is coming in from terminal {MAC}",
                ),
                ("upload.published", "server", f"{BASE} was published: template Office has version 1"),
            ],
        )

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
