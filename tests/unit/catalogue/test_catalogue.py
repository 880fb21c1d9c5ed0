"""Tests of voi.catalogue.catalogue."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred

from tests.unit.publishing.case import BASE, DIFF, PublishingCase
from tests.unit.store.values import TEMPLATE, upload
from voi.domain.actors import Actor
from voi.errors import Conflict, UnknownTemplate
from voi.store.audit import SqlAuditEntries
from voi.store.interfaces.audit import AuditFilter

LI = Actor("account", "li", "192.0.2.1")


class CatalogueTests(PublishingCase):
    """What is published, offered, retired and changed."""

    async def texts(self, kind: str = "template") -> list[str]:
        """The texts of the audit log, oldest first."""
        return [entry.text for entry in await SqlAuditEntries(self.store).find(AuditFilter(kind=kind), 99)][::-1]

    async def test_offered_at_a_start(self) -> None:
        """Every level is admitted and seeded; one whose file is gone does not hold up the others, and is counted."""
        await self.publish()
        await self.publish(DIFF, backing=str(BASE))
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        base, diff = (level.info_hash for level in template.levels)
        self.directory.disk(BASE).unlink()
        self.start()
        self.assertEqual(await self.contents.take_up(), 2)
        self.assertEqual(self.tracker.admitted, {base, diff})
        self.assertEqual(list(self.seeder.seeding), [diff])
        self.assertEqual((self.contents.offered, self.contents.unavailable), (1, 1))
        await self.catalogue.retire(base)
        self.assertEqual((self.contents.offered, self.contents.unavailable), (1, 0))

    async def test_retired(self) -> None:
        """Neither tracker nor seed has it any more."""
        await self.publish()
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        await self.catalogue.retire(template.levels[0].info_hash)
        self.assertEqual((self.tracker.admitted, self.seeder.seeding), (set(), {}))

    async def test_changed(self) -> None:
        """Each value that changed is told of, and who changed it; what is the same is not."""
        await self.publish()
        changed = await self.catalogue.change(LI, TEMPLATE, name="Lab", desc="a remark", auto_update=True)
        self.assertEqual((changed.name, changed.group_name, changed.auto_update), ("Lab", "Lab", True))
        await self.catalogue.change(LI, TEMPLATE, name="Lab", auto_update=False)
        self.assertEqual(
            await self.texts(),
            [
                "Template Office was renamed to Lab",
                "Automatic updates of template Lab were switched on",
                "Automatic updates of template Lab were switched off",
            ],
        )

    async def test_nothing_to_change(self) -> None:
        """A template that is not there, and one of which nothing is published yet."""
        await self.assertFailure(Deferred.fromCoroutine(self.catalogue.change(LI, TEMPLATE, name="x")), UnknownTemplate)
        await self.uploads.begin(replace(upload(BASE), mac=None))
        await self.assertFailure(Deferred.fromCoroutine(self.catalogue.change(LI, TEMPLATE, name="x")), Conflict)
        self.assertEqual(await self.texts(), [])
