"""Logins, reports, wiped disks and results in any order: a rollout is never done for a disk that lacks something."""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred, succeed

from tests.unit.rollouts.case import BASE, DIFF, CoordinatorCase
from tests.unit.store.values import MAC, TEMPLATE
from voi.domain.rollouts import RETRY_PAUSES
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.names import DiskName
from voi.rollouts.dispatcher import GRACE_SECONDS
from voi.wire.codes import ALREADY_THERE, SUCCESS
from voi.wire.messages import DownloadResult, Reply

STEPS = 14


class HonestTerminal:
    """A terminal with a disk: it says the truth when it says anything, and is silent about much."""

    def __init__(self, case: CoordinatorCase) -> None:
        self._case = case
        self.disk: set[DiskName] = set()
        case.registry.answer = self._answer

    @property
    def online(self) -> bool:
        """Whether it is logged in."""
        return MAC in self._case.registry.there

    def _answer(self) -> Deferred[Reply]:
        _, body = self._case.registry.sent[-1]
        there = any((name.uuid, name.level) == (body.disk_uuid, body.level) for name in self.disk)
        return succeed(Reply(code=ALREADY_THERE if there else SUCCESS))

    async def log_in(self) -> None:
        """A new session; it may be back before anybody missed it."""
        await self._case.terminals.touch(MAC, "10.0.0.1", 1, 2.0)
        self._case.registry.come(MAC)

    async def log_out(self) -> None:
        """It goes."""
        self._case.registry.go(MAC)

    async def wipe(self) -> None:
        """Its disk is replaced while it is off; while it is on, it says what is left."""
        self.disk.clear()
        if self.online:
            await self.report()

    async def report(self) -> None:
        """9011."""
        if not self.online:
            return
        levels = [ReportedLevel(TEMPLATE, name, operate_id=name.level) for name in self.disk]
        await self._case.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), levels)
        receiver = self._case.coordinator.progress_receiver
        await receiver.disks_reported(MAC, await self._case.templates.get(TEMPLATE))

    async def finish(self, name: DiskName) -> None:
        """It has fetched a level, if it was sent it, and says so."""
        if self.online and str(name) in self._case.registry.names(MAC):
            self.disk.add(name)
            await self._case.coordinator.progress_receiver.download_result(
                MAC, DownloadResult(disk=str(name), result=1)
            )

    async def lose(self, name: DiskName) -> None:
        """It could not keep what it had, and says so."""
        if self.online and name in self.disk:
            self.disk.discard(name)
            await self._case.coordinator.progress_receiver.download_result(
                MAC, DownloadResult(disk=str(name), result=2)
            )


class SequenceTests(CoordinatorCase):
    """Many orders of the same few things."""

    async def any_order(self, seed: int) -> None:
        """One order of them; at its end the terminal does what it should, and the rollout ends."""
        random = Random(seed)
        await self.prepare()
        terminal = HonestTerminal(self)
        self.registry.asking = {MAC} if seed % 3 == 0 else set()
        terminal.disk = {BASE, DIFF} if random.random() < 0.5 else set()
        await terminal.log_in()
        await terminal.report()
        told = [f"seed {seed}"]
        done = False
        began = False
        for _ in range(STEPS):
            actions = {
                "in": terminal.log_in,
                "out": terminal.log_out,
                "wipe": terminal.wipe,
                "report": terminal.report,
                "base": lambda: terminal.finish(BASE),
                "diff": lambda: terminal.finish(DIFF),
                "lose": lambda: terminal.lose(random.choice((BASE, DIFF))),
                "wait": self.wait_a_little,
            }
            if not began:
                actions["begin"] = self.begin
            name = random.choice(sorted(actions))
            told.append(name)
            await actions[name]()
            began = began or name == "begin"
            await self.settle()
            if began:
                state = (await self.rollout()).state
                if state == "done" and not done:
                    self.assertEqual(terminal.disk, {BASE, DIFF}, told)
                done = state == "done"
        if not began:
            await self.begin()
        await terminal.log_in()
        await terminal.report()
        for _ in range(8):
            self.now += RETRY_PAUSES[-1] if random.random() < 0.5 else GRACE_SECONDS
            await self.wait_a_little()
            for level in (BASE, DIFF):
                await terminal.finish(level)
            await terminal.report()
            await self.settle()
            if (await self.rollout()).state in ("done", "failed"):
                break
        self.assertEqual((await self.rollout()).state, "done", told)

    async def wait_a_little(self) -> None:
        """Time goes by, and is looked at."""
        self.now += GRACE_SECONDS
        await self.settle()
        await self.coordinator.stall_monitor.tick()
        await self.settle()

    async def test_any_order(self) -> None:
        """Forty orders, each from the beginning."""
        for seed in range(40):
            await self.any_order(seed)
            self.store.close()
            self.setUp()

    test_any_order.timeout = 300  # type: ignore[attr-defined]  # trial reads it
