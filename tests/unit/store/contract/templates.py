"""The contract of templates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.store.contract.case import BASE, DIFF, Contract
from tests.unit.store.values import DATA_DISK, DISK, TEMPLATE, level, upload
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
        asked = replace(upload(BASE, state=UploadState.PUBLISHING), asked_by="li", remark="for the exam")
        written = await self.uploads.begin(asked)
        await self.uploads.publish(written.disks[0], written, level(0))
        (version,) = await self.templates.versions(TEMPLATE)
        self.assertEqual((version.asked_by, version.remark), ("li", "for the exam"))
