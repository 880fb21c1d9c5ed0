"""Tests of voi.store.snapshots."""

from __future__ import annotations

from tests.unit.store.base import MAC, OTHER, TEMPLATE, StoreCase, level
from voi.domain.rollouts import TargetState
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.store.rooms import SqlRooms
from voi.store.snapshots import SqlTerminalSnapshots


class RosterTests(StoreCase):
    """What lists are made of."""

    async def test_all_and_one(self) -> None:
        """Of all terminals, or of one alone: rows, reports, newest rollouts, rooms, versions."""
        await self.terminal()
        await self.terminal(OTHER)
        await SqlRooms(self.store).add("Lab", [], 1.0)
        await self.publish(level(0), level(1))
        held = [ReportedLevel(TEMPLATE, level(0).name, operate_id=0)]
        for mac in (MAC, OTHER):
            await self.terminals.report(mac, ReportedTemplate(TEMPLATE, "x", 1, ""), held)
        await self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0)
        newest = await self.rollouts.begin(TEMPLATE, [MAC], 2.0)
        for wanted, macs in ((None, [MAC, OTHER]), ([MAC], [MAC]), (["AA:BB:CC:DD:EE:99"], []), ([], [])):
            roster = await SqlTerminalSnapshots(self.store).read(wanted)
            self.assertEqual([x.mac for x in roster.terminals], macs)
            self.assertEqual({mac for mac, levels in roster.disks.items() if levels}, set(macs))
            self.assertEqual(sorted(roster.targets), macs)
            self.assertEqual([room.name for room in roster.rooms], ["Lab"])
            self.assertEqual(roster.catalogue.version_of(TEMPLATE, held), 1)
        roster = await SqlTerminalSnapshots(self.store).read()
        self.assertEqual(
            [(x.rollout_id, x.state) for _, x in sorted(roster.targets.items())],
            [(newest.id, TargetState.WAITING), (newest.id - 1, TargetState.WAITING)],
        )
