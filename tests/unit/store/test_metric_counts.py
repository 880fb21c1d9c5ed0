"""Tests of voi.store.metric_counts: what is counted is what the lists would show."""

from __future__ import annotations

from dataclasses import replace

from sqlite_utils import Database

from tests.unit.store.base import DATA_DISK, DISK, MAC, OTHER, TEMPLATE, StoreCase, level, upload
from voi.domain.metric_counts import MetricCounts
from voi.domain.rollouts import TargetState
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.names import DiskName
from voi.store.snapshots import SqlTerminalSnapshots
from voi.wire.codes import Code

THIRD = "AA:BB:CC:DD:EE:03"


class CensusTests(StoreCase):
    """A database with a little of everything."""

    async def count(self, most_levels: int = 10) -> MetricCounts:
        """Take it."""
        return await self.repositories.statistics.count(most_levels)

    async def report(self, mac: str, *numbers: int) -> None:
        """A terminal says which levels it has."""
        found = [ReportedLevel(TEMPLATE, DiskName(DISK, number), operate_id=min(number, 1)) for number in numbers]
        await self.terminals.report(mac, ReportedTemplate(TEMPLATE, "Office", 1, ""), found)

    async def set_states(self, rollout: int, state: TargetState) -> None:
        """All targets of a rollout are in a state."""

        def job(db: Database) -> None:
            db.execute("UPDATE rollout_targets SET state = ? WHERE rollout_id = ?", (state, rollout))

        await self.store.write(job)

    async def test_nothing(self) -> None:
        """Every state is there, with nothing in it."""
        census = await self.count()
        self.assertEqual(census.rollouts, {"running": 0, "done": 0, "failed": 0, "cancelled": 0})
        self.assertEqual(set(census.targets), {"waiting", "downloading", "done", "failed", "cancelled"})
        self.assertEqual(set(census.terminals(lambda _mac: True).values()), {0})
        self.assertEqual((sum(census.upload_disks.values()), census.levels), (0, []))

    async def test_rollouts(self) -> None:
        """Each by the state that its page shows, and targets of the running ones alone."""
        await self.publish(level())
        for mac in (MAC, OTHER):
            await self.terminal(mac)
        for state in (TargetState.DONE, TargetState.FAILED, TargetState.DOWNLOADING):
            rollout = await self.rollouts.begin(TEMPLATE, None, 1.0)
            await self.set_states(rollout.id, state)
        cancelled = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        await self.rollouts.cancel(cancelled.id, Code.CANCEL_SEND, 2.0)
        census = await self.count()
        found = [await self.rollouts.get(number) for number in range(1, cancelled.id + 1)]
        shown = [rollout.state for rollout in found if rollout is not None]
        self.assertEqual(census.rollouts, {state: shown.count(state) for state in census.rollouts})
        self.assertEqual(sorted(shown), ["cancelled", "done", "failed", "running"])
        self.assertEqual((census.targets["downloading"], census.targets["done"]), (1, 0))

    async def test_levels(self) -> None:
        """The newest of the published levels, within the bound, and how many there are of all."""
        await self.publish(level(0), level(1), replace(level(0, DATA_DISK), info_hash=b"d" * 20))
        census = await self.count(2)
        self.assertEqual(census.level_count, 3)
        self.assertEqual([str(x.name) for x in census.levels], [f"voi_0_{DATA_DISK}", f"voi_1_{DISK}"])
        self.assertEqual((census.levels[0].template_name, census.levels[0].size), ("Office", 1000))

    async def test_uploads(self) -> None:
        """Disks by state."""
        await self.uploads.begin(upload(DiskName(DISK, 0), DiskName(DATA_DISK, 0)))
        self.assertEqual((await self.count()).upload_disks["requested"], 2)

    async def test_terminals(self) -> None:
        """Terminals are in the state in which the console shows each of them, and the same ones are judged once."""
        await self.publish(level(0))
        for mac in (MAC, OTHER, THIRD):
            await self.terminal(mac)
            await self.report(mac, 0)
        self.assertEqual(len((await self.count()).alike), 1)
        await self.publish(level(1))
        await self.report(OTHER, 0, 1)
        await self.rollouts.begin(TEMPLATE, [THIRD], 1.0)
        census = await self.count()
        roster = await SqlTerminalSnapshots(self.store).read()
        for online in ((), (MAC,), (MAC, OTHER, THIRD)):
            shown = [
                roster.catalogue.standing(
                    x, roster.disks.get(x.mac, ()), roster.targets.get(x.mac), online=x.mac in online
                ).state.value
                for x in roster.terminals
            ]
            counted = census.terminals(online.__contains__)
            self.assertEqual(counted, {state: shown.count(state) for state in counted})
        self.assertEqual((counted["outdated"], counted["current"], counted["waiting"]), (1, 1, 1))
