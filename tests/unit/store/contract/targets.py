"""The contract of `Rollouts`: what happens to one target, step by step."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.store.contract.case import BASE, DIFF, Contract, held, there
from tests.unit.store.values import DATA_DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.rollouts import TargetState, Unconfirmed
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.messages.reason import Reason, plain
from voi.names import DiskName

REASON = Reason("waits_for_login", why=Reason("offline", mac=MAC))
PLAIN = plain(REASON)


class TargetsContract(Contract):
    """What happens to one terminal of a rollout."""

    async def test_tasks_for_what_is_lacking(self) -> None:
        """A terminal gets a task for each level it lacks by its last report, parents first."""
        await self.publish(level(0), level(1))
        await self.terminal()
        await self.terminal(OTHER)
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), [held(BASE, 0)])
        rollout = await self.rollouts.begin(TEMPLATE, None, 1.0)
        one = await self.rollouts.plan(rollout.id, MAC, 2.0)
        two = await self.rollouts.plan(rollout.id, OTHER, 2.0)
        assert one is not None
        assert two is not None
        self.assertEqual([t.name for t in one.tasks], [DIFF])
        self.assertEqual([t.name for t in two.tasks], [BASE, DIFF])
        again = await self.rollouts.plan(rollout.id, OTHER, 3.0)
        assert again is not None
        self.assertEqual(again.tasks, two.tasks, "planning again does not send anything twice")

    async def test_nothing_lacking(self) -> None:
        """A terminal that has everything is done at once."""
        await self.publish(level(0))
        await self.terminal()
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), [held(BASE)])
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        self.assertEqual(work.target.state, TargetState.DONE)
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual(found.state, "done")

    async def test_sent_again(self) -> None:
        """A version is sent again whatever a terminal said that it has, before or after; what it said of another
        template is still known.
        """
        await self.publish(level(0), level(1))
        await self.terminal()
        other = ReportedTemplate(DATA_DISK, "", 0, "")
        reported = [held(BASE, 0), held(DIFF, 1)]
        await self.terminals.report(MAC, other, [ReportedLevel(DATA_DISK, DiskName(DATA_DISK, 0))])
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), reported)
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0, again=True)
        self.assertTrue(rollout.targets[0].again)
        believed = [x.template_uuid for x in await self.terminals.disks(MAC) if x.confirmed]
        self.assertEqual(believed, [DATA_DISK])
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), reported)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        self.assertEqual([task.name for task in work.tasks], [BASE, DIFF])

    async def test_only_its_own_version(self) -> None:
        """A level published after the rollout began is not part of it."""
        await self.publish(level(0))
        await self.terminal()
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        await self.publish(level(1))
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        self.assertEqual([t.name for t in work.tasks], [BASE])

    async def test_done(self) -> None:
        """With its last task a target is done, and the terminal's disks are known."""
        await self.publish(level(0), level(1))
        await self.terminal()
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        states = []
        for task in work.tasks:
            await self.rollouts.sent(task, 3.0)
            target = await self.rollouts.done(task, held(task.name, task.operate_id), 4.0)
            assert target is not None
            states.append(target.state)
        self.assertEqual(states, [TargetState.DOWNLOADING, TargetState.DONE])
        self.assertEqual([d.name for d in await self.terminals.disks(MAC)], [BASE, DIFF])
        self.assertEqual(await self.rollouts.open_work(), [])

    async def test_failed_and_tried_again(self) -> None:
        """A failure waits for its next try, and without one it is final."""
        await self.publish(level(0))
        await self.terminal()
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        target = await self.rollouts.failed(work.tasks[0], "no", 1, 60.0, 3.0)
        assert target is not None
        self.assertEqual((target.state, target.attempts, target.next_try), (TargetState.WAITING, 1, 60.0))
        target = await self.rollouts.failed(work.tasks[0], "never", 2, None, 4.0)
        assert target is not None
        self.assertEqual((target.state, target.reason), (TargetState.FAILED, "never"))
        self.assertIsNone(await self.rollouts.failed(work.tasks[0], "late", 3, 1.0, 5.0))

    async def test_unconfirmed(self) -> None:
        """What was said before the login is decided on later, believed only not to be sent, or taken as lacking."""
        await self.publish(level(0), level(1))
        await self.terminal()
        await self.report(MAC, held(BASE, 0), held(DIFF, 1))
        await self.terminal()
        number = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        for unconfirmed, names, unsaid in (
            (Unconfirmed.UNDECIDED, [], True),
            (Unconfirmed.THERE, [], True),
            (Unconfirmed.LACKING, [BASE, DIFF], False),
            (Unconfirmed.THERE, [BASE, DIFF], False),
        ):
            work = there(await self.rollouts.plan(number, MAC, 2.0, unconfirmed))
            self.assertEqual(([task.name for task in work.tasks], work.unsaid), (names, unsaid), unconfirmed)
            self.assertEqual(work.target.state, TargetState.WAITING)

    async def test_planned_with_the_rest(self) -> None:
        """A task that goes on stays what it is when the terminal turns out to lack more; one that was done is again."""
        await self.publish(level(0), level(1))
        await self.terminal()
        await self.report(MAC, held(BASE, 0))
        number = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        (diff,) = await self.planned(number)
        await self.rollouts.sent(diff, 2.0)
        await self.terminal()
        base, again = await self.planned(number)
        self.assertEqual((base.name, again), (BASE, replace(diff, sent=True, state=TargetState.DOWNLOADING)))
        await self.rollouts.done(base, held(BASE, 0), 3.0)
        await self.report(MAC)
        self.assertEqual([task.state for task in await self.planned(number)], ["waiting", "downloading"])
        await self.report(MAC, held(BASE, 0), held(DIFF, 1))
        self.assertEqual([task.state for task in await self.planned(number)], ["done", "done"])
        self.assertEqual((await self.target(number)).state, TargetState.DONE)

    async def test_done_needs_the_rest(self) -> None:
        """The last task does not end a target whose terminal has not said since its login that it has the others."""
        await self.publish(level(0), level(1))
        await self.terminal()
        await self.report(MAC, held(BASE, 0))
        await self.terminal()
        number = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        work = there(await self.rollouts.plan(number, MAC, 2.0, Unconfirmed.THERE))
        (diff,) = work.tasks
        self.assertEqual(there(await self.rollouts.done(diff, held(DIFF, 1), 3.0)).state, TargetState.WAITING)
        work = there(await self.rollouts.plan(number, MAC, 4.0, Unconfirmed.THERE))
        self.assertEqual((work.target.state, work.unsaid), (TargetState.WAITING, True))

    async def test_reopened(self) -> None:
        """What was done is open again by the terminal's own bad news, and it has it no more; once."""
        number = await self.begun()
        (task,) = await self.planned(number)
        self.assertIsNone(await self.rollouts.reopen(task, "no", 1, 9.0, 2.0), "it is not done")
        await self.rollouts.done(task, held(BASE), 3.0)
        target = there(await self.rollouts.reopen(task, "no", 1, 9.0, 4.0))
        self.assertEqual((target.state, target.reason, target.attempts, target.next_try), ("waiting", "no", 1, 9.0))
        self.assertEqual(await self.terminals.disks(MAC), [])
        self.assertIsNone(await self.rollouts.reopen(task, "no", 2, 9.0, 5.0))
        await self.rollouts.done(task, held(BASE), 6.0)
        await self.rollouts.begin(TEMPLATE, [MAC], 7.0)
        self.assertIsNone(await self.rollouts.reopen(task, "no", 2, 9.0, 8.0), "the newer one has it")

    async def test_interrupted(self) -> None:
        """Interruptions are counted; fruitless ones from the last on that came further by enough."""
        number = await self.begun()
        await self.planned(number)
        counted = []
        for reached in (0.3, 0.3, 0.305, 0.5, 0.2, 0.4):
            target = there(await self.rollouts.interrupted(number, MAC, reached))
            counted.append((target.interruptions, target.fruitless, target.best))
        self.assertEqual(counted, [(1, 0, 0.3), (2, 1, 0.3), (3, 2, 0.305), (4, 0, 0.5), (5, 1, 0.5), (6, 2, 0.5)])
        target = there(await self.rollouts.gained(number, MAC, 0.6))
        self.assertEqual((target.interruptions, target.fruitless, target.best), (6, 0, 0.6))
        await self.rollouts.cancel(number, 3.0, progress={MAC: 0.6})
        self.assertIsNone(await self.rollouts.interrupted(number, MAC, 0.9))
        self.assertEqual((await self.target(number)).progress, 0.6)

    async def test_explained(self) -> None:
        """A target that waits says for what; a text without more takes the place of all of it."""
        number = await self.begun()
        await self.rollouts.explain(number, MAC, REASON, 2.0)
        self.assertEqual(plain(await self.reason(number)), PLAIN)
        await self.rollouts.explain(number, MAC, "", 3.0)
        self.assertEqual((await self.reason(number), plain(await self.reason(number))), ("", {}))

    async def test_failed_and_sent_again(self) -> None:
        """A target that failed keeps why, until it gets on."""
        number = await self.begun()
        work = await self.rollouts.plan(number, MAC, 2.0)
        assert work is not None
        target = await self.rollouts.failed(work.tasks[0], REASON, 1, 60.0, 3.0)
        assert target is not None
        self.assertEqual(plain(target.reason), PLAIN)
        await self.rollouts.sent(work.tasks[0], 4.0)
        self.assertEqual(plain(await self.reason(number)), {})

    async def test_replanned(self) -> None:
        """What a terminal has is known anew: its tasks are forgotten, and one that was done meanwhile says nothing."""
        number = await self.begun()
        (task,) = await self.planned(number)
        await self.rollouts.replan(number, MAC, 3.0)
        self.assertIs((await self.target(number)).state, TargetState.WAITING)
        self.assertIsNone(await self.rollouts.done(task, held(BASE), 4.0))
        self.assertEqual(await self.terminals.disks(MAC), [])
        self.assertNotEqual([x.id for x in await self.planned(number)], [task.id])

    async def test_ended_stays_ended(self) -> None:
        """What comes late changes nothing of a target that ended, though a level that is there is noted."""
        number = await self.begun()
        (task,) = await self.planned(number)
        await self.rollouts.cancel(number, 3.0)
        await self.rollouts.sent(task, 4.0)
        await self.rollouts.explain(number, MAC, "late", 4.0)
        await self.rollouts.replan(number, MAC, 4.0)
        self.assertIsNone(await self.rollouts.done(task, held(BASE), 4.0))
        target = await self.target(number)
        self.assertEqual(
            (target.state, plain(target.reason)["code"], target.updated), (TargetState.CANCELLED, "cancelled", 3.0)
        )
        self.assertEqual([x.name for x in await self.terminals.disks(MAC)], [BASE])

    async def test_failed_after_done(self) -> None:
        """A task that is done stays so, whatever is said of it later."""
        await self.publish(level(0), level(1))
        await self.terminal()
        number = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        first, _ = await self.planned(number)
        await self.rollouts.done(first, held(BASE), 3.0)
        target = there(await self.rollouts.failed(first, "late", 1, 60.0, 4.0))
        self.assertEqual((target.attempts, (await self.planned(number))[0].state), (0, TargetState.DONE))
