"""Tests of voi.rollouts.audit, and of what the coordinator tells for it and for the overview."""

from __future__ import annotations

from twisted.internet.defer import succeed

from tests.unit.rollouts.case import BASE, DIFF, LI, SIZE, CoordinatorCase
from tests.unit.store.values import MAC, OTHER, TEMPLATE
from voi.domain.rollouts import RETRY_PAUSES
from voi.rollouts.stalls import STUCK_SECONDS
from voi.store.audit import SqlAuditEntries
from voi.store.interfaces.audit import AuditFilter
from voi.wire.messages import DownloadResult, Reply


class ChronicleTests(CoordinatorCase):
    """What the audit log tells of rollouts."""

    async def prepare(self, *macs: str) -> None:
        """With an audit log."""
        await super().prepare(*macs)
        self.events = SqlAuditEntries(self.store)

    async def happened(self) -> list[str]:
        """What the server itself told, oldest first."""
        await self.settle()
        return [event.text for event in await self.events.find(AuditFilter(actor="server"), 99)][::-1]

    async def finish(self, mac: str) -> None:
        """A terminal has both levels."""
        for name in (BASE, DIFF):
            await self.coordinator.progress_receiver.download_result(mac, DownloadResult(disk=str(name), result=1))

    async def test_finished(self) -> None:
        """A rollout ends once, with its last terminal."""
        await self.prepare(MAC, OTHER)
        self.registry.there |= {MAC, OTHER}
        await self.begin()
        await self.finish(MAC)
        self.assertEqual(await self.happened(), [])
        await self.finish(OTHER)
        self.assertEqual(await self.happened(), ["Rollout 1 has ended; done: 2, failed: 0"])

    async def test_failed(self) -> None:
        """A terminal that is given up is named with the reason, and the rollout ends with it."""
        await self.prepare()
        self.registry.there.add(MAC)
        self.registry.answer = lambda: succeed(Reply(code=10002, msg="bad torrent"))
        await self.begin()
        for _ in RETRY_PAUSES:
            self.now += 3601
            await self.coordinator.stall_monitor.tick()
            await self.settle()
        failed, ended = await self.happened()
        self.assertTrue(failed.startswith(f"Rollout 1: terminal {MAC} failed: {BASE}: "), failed)
        self.assertIn("bad torrent", failed)
        self.assertEqual(ended, "Rollout 1 has ended; done: 0, failed: 1")

    async def test_nothing_lacking(self) -> None:
        """A rollout to a terminal that has everything ends too."""
        await self.prepare()
        self.registry.there.add(MAC)
        await self.begin()
        await self.finish(MAC)
        await self.begin()
        self.assertEqual(len(await self.happened()), 2)

    async def test_superseded(self) -> None:
        """A rollout whose last open terminal is in a newer one now has ended, for the others."""
        await self.prepare(MAC, OTHER)
        self.registry.there.add(MAC)
        await self.begin()
        await self.finish(MAC)
        await self.coordinator.start(LI, TEMPLATE, [OTHER])
        self.assertEqual((await self.happened())[-1], "Rollout 1 has ended; done: 1, failed: 0")

    async def test_cancelled(self) -> None:
        """A rollout that was cancelled did not end by itself: who cancelled it is told elsewhere."""
        await self.prepare()
        await self.begin()
        await self.coordinator.cancel(LI, 1)
        self.assertEqual(await self.happened(), [])

    async def test_taken_out(self) -> None:
        """A rollout whose last open terminal was taken out has ended, for the others."""
        await self.prepare(MAC, OTHER)
        self.registry.there.add(MAC)
        await self.begin()
        await self.finish(MAC)
        await self.coordinator.cancel(LI, 1, [OTHER])
        self.assertEqual(await self.happened(), ["Rollout 1 has ended; done: 1, failed: 0"])

    async def test_automatic_update(self) -> None:
        """An update that nobody asked for is the server's doing."""
        await self.prepare()
        await self.templates.change(TEMPLATE, name=None, auto_update=True)
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        (event,) = await self.events.find(AuditFilter(), 9) if await self.happened() else []
        self.assertEqual((event.kind, event.actor.text, event.mac), ("rollout.begun", "server", MAC))


class SightTests(CoordinatorCase):
    """What the overview asks of the coordinator."""

    async def test_stalled(self) -> None:
        """Terminals that are online and get nothing for a minute are counted by rollout."""
        await self.started()
        self.assertEqual(self.coordinator.stall_monitor.stalled(), {})
        self.now += STUCK_SECONDS
        self.assertEqual(self.coordinator.stall_monitor.stalled(), {1: 1})
        await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, 10))
        self.assertEqual(self.coordinator.stall_monitor.stalled(), {})
        self.now += STUCK_SECONDS
        self.registry.there.clear()
        self.assertEqual(self.coordinator.stall_monitor.stalled(), {})

    async def test_fetched(self) -> None:
        """Bytes are counted as terminals come nearer, from their first word on, and never taken back."""
        await self.started()
        for percent, expected in ((10, 0.0), (30, 0.2), (20, 0.2), (25, 0.25)):
            await self.coordinator.progress_receiver.task_state(MAC, self.state(BASE, percent))
            self.assertAlmostEqual(self.coordinator.progress_receiver.fetched, SIZE * expected, delta=2)
