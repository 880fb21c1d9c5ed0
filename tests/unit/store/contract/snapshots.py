"""The contracts of what is read in one go of many things."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.store.contract.case import BASE, THIRD, Contract, held
from tests.unit.store.values import DATA_DISK, DISK, MAC, OTHER, TEMPLATE, level, upload
from voi.domain.metric_counts import MetricCounts
from voi.domain.rollouts import TargetState
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.names import DiskName


class TerminalSnapshotsContract(Contract):
    """`TerminalSnapshots`."""

    async def test_all_and_one(self) -> None:
        """Of all terminals, or of one alone: rows, reports, newest rollouts, rooms, versions."""
        await self.terminal()
        await self.terminal(OTHER)
        await self.rooms.add("Lab", [], 1.0)
        await self.publish(level(0), level(1))
        held = [ReportedLevel(TEMPLATE, level(0).name, operate_id=0)]
        for mac in (MAC, OTHER):
            await self.terminals.report(mac, ReportedTemplate(TEMPLATE, "x", 1, ""), held)
        await self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0)
        newest = await self.rollouts.begin(TEMPLATE, [MAC], 2.0)
        for wanted, macs in ((None, [MAC, OTHER]), ([MAC], [MAC]), (["AA:BB:CC:DD:EE:99"], []), ([], [])):
            snapshot = await self.repositories.snapshots.read(wanted)
            self.assertEqual([x.mac for x in snapshot.terminals], macs)
            self.assertEqual({mac for mac, levels in snapshot.disks.items() if levels}, set(macs))
            self.assertEqual(sorted(snapshot.targets), macs)
            self.assertEqual([room.name for room in snapshot.rooms], ["Lab"])
            self.assertEqual(snapshot.catalogue.version_of(TEMPLATE, held), 1)
        snapshot = await self.repositories.snapshots.read()
        self.assertEqual(
            [(x.rollout_id, x.state) for _, x in sorted(snapshot.targets.items())],
            [(newest.id, TargetState.WAITING), (newest.id - 1, TargetState.WAITING)],
        )


class StatisticsContract(Contract):
    """`Statistics`: what is counted is what the lists would show."""

    async def count(self, most_levels: int = 10) -> MetricCounts:
        """Take it."""
        return await self.repositories.statistics.count(most_levels)

    async def reported(self, mac: str, *numbers: int) -> None:
        """A terminal says which levels it has."""
        await self.report(mac, *(held(DiskName(DISK, number), min(number, 1)) for number in numbers))

    async def begin(self, state: TargetState) -> int:
        """A rollout to two terminals, both in this state."""
        number = (await self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0)).id
        for mac in (MAC, OTHER):
            for task in await self.planned(number, mac):
                if state is TargetState.FAILED:
                    await self.rollouts.failed(task, "no", 6, None, 2.0)
                elif state is TargetState.DOWNLOADING:
                    await self.rollouts.sent(task, 2.0)
        return number

    async def test_nothing(self) -> None:
        """Every state is there, with nothing in it."""
        counts = await self.count()
        self.assertEqual(counts.rollouts, {"running": 0, "done": 0, "failed": 0, "cancelled": 0, "superseded": 0})
        self.assertEqual(set(counts.targets), {"waiting", "downloading", "done", "failed", "cancelled", "superseded"})
        self.assertEqual(set(counts.terminals(lambda _mac: True).values()), {0})
        self.assertEqual((sum(counts.upload_disks.values()), counts.levels), (0, []))

    async def test_rollouts(self) -> None:
        """Each by the state that its page shows, and targets of the running ones alone."""
        await self.publish(level())
        for mac in (MAC, OTHER):
            await self.terminal(mac)
        await self.begin(TargetState.FAILED)
        cancelled = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        await self.rollouts.cancel(cancelled.id, 2.0)
        for mac in (MAC, OTHER):
            await self.report(mac, held(BASE, 0))
        await self.begin(TargetState.DONE)
        await self.publish(level(1))
        newest = await self.begin(TargetState.DOWNLOADING)
        counts = await self.count()
        found = [await self.rollouts.get(number) for number in range(1, newest + 1)]
        shown = [rollout.state for rollout in found if rollout is not None]
        self.assertEqual(counts.rollouts, {state: shown.count(state) for state in counts.rollouts})
        self.assertEqual(sorted(shown), ["cancelled", "done", "failed", "running"])
        self.assertEqual((counts.targets["downloading"], counts.targets["done"]), (2, 0))

    async def test_levels(self) -> None:
        """The newest of the published levels, within the bound, and how many there are of all."""
        await self.publish(level(0), level(1), replace(level(0, DATA_DISK), info_hash=b"d" * 20))
        counts = await self.count(2)
        self.assertEqual(counts.level_count, 3)
        self.assertEqual([str(x.name) for x in counts.levels], [f"voi_0_{DATA_DISK}", f"voi_1_{DISK}"])
        self.assertEqual((counts.levels[0].template_name, counts.levels[0].size), ("Office", 1000))

    async def test_uploads(self) -> None:
        """Disks by state."""
        await self.uploads.begin(upload(DiskName(DISK, 0), DiskName(DATA_DISK, 0)))
        self.assertEqual((await self.count()).upload_disks["requested"], 2)

    async def test_terminals(self) -> None:
        """Terminals are in the state in which the console shows each of them, and the same ones are judged once."""
        await self.publish(level(0))
        for mac in (MAC, OTHER, THIRD):
            await self.terminal(mac)
            await self.reported(mac, 0)
        self.assertEqual(len((await self.count()).alike), 1)
        await self.publish(level(1))
        await self.reported(OTHER, 0, 1)
        await self.rollouts.begin(TEMPLATE, [THIRD], 1.0)
        counts = await self.count()
        snapshot = await self.repositories.snapshots.read()
        for online in ((), (MAC,), (MAC, OTHER, THIRD)):
            shown = [
                snapshot.catalogue.status_of(
                    x, snapshot.disks.get(x.mac, ()), snapshot.targets.get(x.mac), online=x.mac in online
                ).state.value
                for x in snapshot.terminals
            ]
            counted = counts.terminals(online.__contains__)
            self.assertEqual(counted, {state: shown.count(state) for state in counted})
        self.assertEqual((counted["outdated"], counted["current"], counted["waiting"]), (1, 1, 1))
