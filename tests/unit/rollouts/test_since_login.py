"""Tests of what a terminal has: what it said since its login, and nothing that is older."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from tests.unit.rollouts.case import BASE, DIFF, LI, CoordinatorCase
from tests.unit.store.values import MAC, TEMPLATE
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.names import DiskName
from voi.rollouts.dispatcher import GRACE_SECONDS
from voi.wire.codes import ALREADY_THERE
from voi.wire.messages import DownloadResult, Reply


class SinceLoginTests(CoordinatorCase):
    """A terminal that had both levels, as it said before its last login."""

    async def had_all(self, *, asks: bool = False) -> None:
        """It comes back, and has said nothing yet."""
        await self.prepare()
        await self.report(BASE, DIFF)
        await self.comes_back(asks=asks)

    async def report(self, *names: DiskName) -> None:
        """It says what it has, as 9011 does."""
        counts = {BASE: 0, DIFF: 1}
        levels = [ReportedLevel(TEMPLATE, name, operate_id=counts[name]) for name in names]
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), levels)
        await self.coordinator.progress_receiver.disks_reported(MAC, await self.templates.get(TEMPLATE))
        await self.settle()

    async def comes_back(self, *, asks: bool = False) -> None:
        """It logs in anew."""
        self.registry.asking = {MAC} if asks else set()
        self.registry.go(MAC)
        await self.terminals.touch(MAC, "10.0.0.1", 1, 2.0)
        self.registry.come(MAC)
        await self.settle()

    async def grace(self) -> None:
        """So much time goes by that it could have said what it has."""
        self.now += GRACE_SECONDS
        await self.settle()

    async def test_silent_lacks_everything(self) -> None:
        """A disk that was emptied or replaced: what it does not name is sent, and nothing is done by an old report."""
        await self.had_all()
        await self.begin()
        self.assertEqual(((await self.rollout()).state, self.registry.sent), ("running", []), "it may say it yet")
        await self.grace()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])
        self.assertEqual((await self.target()).state, "downloading")

    async def test_said_at_last(self) -> None:
        """Once a terminal that asks by itself has said what it has, nobody says any more that it has not."""
        await self.had_all(asks=True)
        await self.begin()
        self.assertIn("has not said", (await self.target()).reason)
        self.registry.answer = Deferred
        await self.report(BASE)
        self.assertEqual(((await self.target()).reason, self.registry.names(MAC)), ("", [str(DIFF)]))

    async def test_already_there(self) -> None:
        """A terminal that never says what it has, and has it, answers so: that ends the rollout."""
        await self.had_all()
        self.registry.answer = lambda: succeed(Reply(code=ALREADY_THERE))
        await self.begin()
        await self.grace()
        self.assertEqual((await self.rollout()).state, "done")

    async def test_said_since(self) -> None:
        """What it says it has since its login is not sent, and what it names not is, at once."""
        await self.had_all()
        await self.begin()
        await self.report(BASE)
        self.assertEqual(self.registry.names(MAC), [str(DIFF)])
        await self.report(BASE, DIFF)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_said_it_has_nothing(self) -> None:
        """An emptied directory that is reported as empty: all of it is sent."""
        await self.had_all()
        await self.begin()
        await self.report()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])
        self.assertEqual((await self.target()).state, "downloading")

    async def test_said_long_ago_in_this_session(self) -> None:
        """What it said in this session holds for a rollout that begins days later."""
        await self.had_all()
        await self.report(BASE, DIFF)
        self.now += 86_400
        await self.begin()
        self.assertEqual(((await self.rollout()).state, self.registry.sent), ("done", []))

    async def test_asks_by_itself(self) -> None:
        """A session that began with 9001 is not sent what it had; it is not done either, and says what it waits for."""
        await self.had_all(asks=True)
        await self.begin()
        await self.grace()
        target = await self.target()
        self.assertEqual((target.state, self.registry.sent), ("waiting", []))
        self.assertIn("has not said which disks it has", target.reason)
        await self.coordinator.stall_monitor.tick()
        await self.report(BASE, DIFF)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_asks_and_lacks(self) -> None:
        """What such a one lacks by its old report is sent as ever; the target ends when the rest is known."""
        await self.prepare()
        await self.report(BASE)
        await self.comes_back(asks=True)
        await self.begin()
        self.assertEqual(self.registry.names(MAC), [str(DIFF)])
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(DIFF), result=1))
        target = await self.target()
        self.assertEqual(target.state, "downloading")
        self.assertIn("has not said which disks it has", target.reason)
        await self.report(BASE, DIFF)
        self.assertEqual((await self.rollout()).state, "done")

    async def test_a_difference_brings_its_base(self) -> None:
        """A disk that was replaced in the middle of an update of level 1 gets the base too."""
        await self.prepare()
        self.registry.come(MAC)
        await self.report(BASE)
        await self.begin()
        self.assertEqual(self.registry.names(MAC), [str(DIFF)])
        self.registry.sent.clear()
        await self.comes_back()
        await self.coordinator.progress_receiver.task_state(MAC, self.state(DIFF, 10))
        await self.grace()
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(DIFF), result=1))
        await self.settle()
        self.assertEqual(self.registry.names(MAC), [str(BASE)])
        self.assertEqual((await self.target()).state, "downloading")
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=1))
        self.assertEqual((await self.rollout()).state, "done")

    async def test_updates_by_itself(self) -> None:
        """An automatic update of a wiped terminal brings the base with the difference."""
        await self.had_all()
        await self.templates.change(TEMPLATE, name=None, auto_update=True)
        await self.report()
        self.assertEqual(self.registry.names(MAC), [str(BASE), str(DIFF)])

    async def test_done_before_its_next_login(self) -> None:
        """A level that was fetched in an earlier session is named again before the rest of the rollout ends."""
        await self.prepare()
        self.registry.come(MAC)
        await self.begin()
        await self.coordinator.progress_receiver.download_result(MAC, DownloadResult(disk=str(BASE), result=1))
        await self.settle()
        self.registry.sent.clear()
        await self.comes_back()
        await self.report()
        self.assertEqual(self.registry.names(MAC), [str(BASE)])

    async def test_logged_in_again_on_the_same_connection(self) -> None:
        """That is no new session: nothing that was said is forgotten."""
        await self.had_all()
        await self.report(BASE, DIFF)
        await self.terminals.touch(MAC, "10.0.0.1", 1, 3.0, again=True)
        self.assertEqual([level.confirmed for level in await self.terminals.disks(MAC)], [True, True])
        await self.coordinator.start(LI, TEMPLATE, [MAC])
        self.assertEqual((await self.rollout()).state, "done")
