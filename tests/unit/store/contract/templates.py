"""The contract of templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.store.contract.case import BASE, DIFF, Contract
from tests.unit.store.values import DATA_DISK, DISK, MAC, TEMPLATE, level, upload
from voi.domain.actors import Actor
from voi.domain.uploads import UploadState
from voi.errors import NotFound


class TemplatesContract(Contract):
    """`Templates`."""

    async def test_versions(self) -> None:
        """The first level makes the template, each one raises its version."""
        await self.publish(level(0))
        template = await self.publish(level(1))
        self.assertEqual((template.version, [x.name for x in template.levels]), (2, [BASE, DIFF]))
        self.assertEqual(await self.templates.get(TEMPLATE), template)
        self.assertEqual(await self.templates.by_disk(DISK), template)
        self.assertEqual(await self.templates.by_group(template.group_uuid), template)
        self.assertEqual(await self.templates.all(), [template])

    async def test_unknown(self) -> None:
        """What is not there is None."""
        for found in (self.templates.get(TEMPLATE), self.templates.by_disk(DISK), self.templates.by_group("x")):
            self.assertIsNone(await found)
        self.assertIsNone(await self.templates.change(TEMPLATE, name="x", auto_update=None))

    async def test_change(self) -> None:
        """Name and automatic updates change, what is not given stays."""
        await self.publish(level(0))
        await self.templates.change(TEMPLATE, name=None, auto_update=True)
        template = await self.templates.change(TEMPLATE, name="Lab", auto_update=None)
        assert template is not None
        self.assertEqual((template.name, template.group_name, template.auto_update), ("Lab", "Lab", True))

    async def test_by_name(self) -> None:
        """Templates come by name."""
        await self.publish(level(0), name="Office")
        other = "21111111-2222-4333-8444-555555555555"
        await self.publish(level(0, DATA_DISK, template=other), name="Lab")
        self.assertEqual([x.name for x in await self.templates.all()], ["Lab", "Office"])

    async def test_levels_of_a_version(self) -> None:
        """A version has the levels that were published by then, parents first; the newest comes first."""
        await self.publish(level(0))
        template = await self.publish(level(1))
        levels = [[x.name for x in await self.templates.levels_of(template, number)] for number in (1, 2)]
        self.assertEqual(levels, [[BASE], [BASE, DIFF]])
        versions = await self.templates.versions(TEMPLATE)
        self.assertEqual(
            [(x.number, [name for name, _ in x.levels]) for x in versions], [(2, [BASE, DIFF]), (1, [BASE])]
        )
        error: Any = await self.assertFailure(self.templates.levels_of(template, 3), NotFound)
        self.assertEqual(error.field, "version")

    async def test_who_asked_for_a_version(self) -> None:
        """A version knows who asked for the upload that made it, and the remark."""
        asked = replace(
            upload(BASE, state=UploadState.PUBLISHING), actor=Actor("account", "li", "192.0.2.1"), remark="for the exam"
        )
        written = await self.uploads.begin(asked)
        await self.templates.publish(level(0), written.disks[0], written)
        (version,) = await self.templates.versions(TEMPLATE)
        self.assertEqual((version.actor, version.remark), (asked.actor, "for the exam"))

    async def test_published_in_one_step(self) -> None:
        """Level, version, upload and the uploader's own disks change together."""
        await self.terminal()
        written = await self.uploads.begin(upload(BASE, state=UploadState.PUBLISHING))
        template = await self.templates.publish(level(0), written.disks[0], written)
        self.assertEqual((template.name, template.version), ("Office", 1))
        found = await self.uploads.get(written.id)
        assert found is not None
        self.assertEqual(found.state, "published")
        self.assertEqual([x.name for x in await self.terminals.disks(MAC)], [BASE])

    async def test_publishing_twice(self) -> None:
        """A level that is published already leaves everything as it was."""
        written = await self.uploads.begin(upload(BASE, state=UploadState.PUBLISHING))
        await self.publish(level(0))
        again = self.templates.publish(level(0), written.disks[0], written)
        await self.refused(again, "level_published", disk=str(BASE), level=1)
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual(template.version, 1)
        self.assertEqual(len(await self.uploads.open_disks()), 1)
