"""The contract of rollouts."""

from __future__ import annotations

from typing import Any

from tests.unit.store.contract.case import BASE, DIFF, THIRD, Contract, held, there
from tests.unit.store.values import DATA_DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.rollout_demand import Demand
from voi.domain.rollout_history import Point, RolloutHistory
from voi.domain.rollouts import TargetState
from voi.domain.terminals import ReportedTemplate
from voi.errors import Conflict, NotFound, UnknownTemplate, UnknownTerminal
from voi.messages.reason import Reason, plain
from voi.wire.codes import Code


class RolloutsContract(Contract):
    """`Rollouts`."""

    async def test_refused(self) -> None:
        """No template, no level, no terminal: each is its own error, and nothing is written."""
        await self.assertFailure(self.rollouts.begin(TEMPLATE, None, 1.0), UnknownTemplate)
        await self.publish(level(0))
        await self.assertFailure(self.rollouts.begin(TEMPLATE, None, 1.0), Conflict)
        await self.terminal()
        await self.assertFailure(self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0), UnknownTerminal)
        self.assertEqual(await self.rollouts.summaries(), ([], 0))

    async def test_demand(self) -> None:
        """What terminals fetch counts each level once, the neediest terminal, and all; who lacks nothing counts not."""
        await self.publish(level(0), level(1))
        for mac in (MAC, OTHER, THIRD):
            await self.terminal(mac)
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "", 0, ""), [held(BASE, 0)])
        await self.terminals.report(THIRD, ReportedTemplate(TEMPLATE, "", 0, ""), [held(BASE, 0), held(DIFF, 1)])
        rollout = await self.rollouts.begin(TEMPLATE, None, 1.0)
        self.assertEqual(await self.rollouts.demand(rollout.id), Demand(0, 0, 0, 0))
        for mac in (MAC, OTHER, THIRD):
            await self.rollouts.plan(rollout.id, mac, 2.0)
        size = level(0).file_size
        self.assertEqual(await self.rollouts.demand(rollout.id), Demand(2 * size, 2 * size, 3 * size, 2))

    async def test_cancel(self) -> None:
        """Cancelling ends what is open, keeps what is done, and is remembered."""
        await self.publish(level(0))
        await self.terminal()
        await self.terminal(OTHER)
        rollout = await self.rollouts.begin(TEMPLATE, None, 1.0)
        for mac in (MAC, OTHER):
            work = await self.rollouts.plan(rollout.id, mac, 2.0)
            assert work is not None
            if mac == MAC:
                await self.rollouts.done(work.tasks[0], held(BASE), 2.0)
        cancelled = await self.rollouts.cancel(rollout.id, 3.0)
        assert cancelled is not None
        self.assertEqual((cancelled.macs, cancelled.ended), ([OTHER], None))
        (command,) = cancelled.commands
        self.assertEqual((command.code, [x.mac for x in command.outcomes]), (Code.CANCEL_SEND, [OTHER]))
        self.assertEqual([x.batch_no for x in await self.commands.waiting_for(OTHER)], [command.batch_no])
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual([t.state for t in found.targets], [TargetState.DONE, TargetState.CANCELLED])
        self.assertEqual(found.state, "cancelled")
        self.assertIsNone(await self.rollouts.plan(rollout.id, OTHER, 4.0))
        self.assertIsNone(await self.rollouts.cancel(99, 4.0))

    async def test_cancelled_too_late(self) -> None:
        """A rollout that has ended by itself stays what it is: nothing of it was cancelled."""
        await self.publish(level(0))
        await self.terminal()
        rollout = await self.rollouts.begin(TEMPLATE, None, 1.0)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        await self.rollouts.done(work.tasks[0], held(BASE), 2.0)
        self.assertEqual(await self.rollouts.cancel(rollout.id, 3.0), ([], [], None))
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual(found.state, "done")

    async def test_taken_out(self) -> None:
        """Some terminals can be taken out; the rollout goes on for the others, and ends with them."""
        await self.publish(level(0))
        for mac in (MAC, OTHER, THIRD):
            await self.terminal(mac)
        rollout = await self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0)
        for mac in (MAC, OTHER):
            await self.rollouts.plan(rollout.id, mac, 2.0)
        cancelled = await self.rollouts.cancel(rollout.id, 3.0, [OTHER, THIRD])
        assert cancelled is not None
        self.assertEqual((cancelled.macs, [x.mac for c in cancelled.commands for x in c.outcomes]), ([OTHER], [OTHER]))
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual([t.state for t in found.targets], [TargetState.WAITING, TargetState.CANCELLED])
        self.assertEqual(found.state, "running")
        self.assertEqual((await self.rollouts.cancel(rollout.id, 4.0, [OTHER])), ([], [], None))

    async def test_older_version(self) -> None:
        """An older version can be sent; one that is none is refused."""
        await self.publish(level(0))
        await self.publish(level(1))
        await self.terminal()
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0, version=1)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        self.assertEqual((rollout.version, [t.name for t in work.tasks]), (1, [BASE]))
        await self.assertFailure(self.rollouts.begin(TEMPLATE, [MAC], 1.0, version=7), NotFound)

    async def test_tried_again_at_once(self) -> None:
        """One that waits after a failure can be tried again now, as well as one that was given up."""
        await self.publish(level(0))
        await self.terminal()
        rollout = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        await self.assertFailure(self.rollouts.retry(rollout.id, 2.0), Conflict)
        work = await self.rollouts.plan(rollout.id, MAC, 2.0)
        assert work is not None
        await self.rollouts.failed(work.tasks[0], "no", 4, 900.0, 3.0)
        (target,) = await self.rollouts.retry(rollout.id, 4.0)
        self.assertEqual((target.state, target.attempts, target.next_try), (TargetState.WAITING, 0, 0.0))

    async def test_superseded(self) -> None:
        """A newer rollout of the same template takes the terminals of the older one over."""
        await self.publish(level(0))
        await self.terminal()
        old = await self.rollouts.begin(TEMPLATE, [MAC], 1.0)
        new = await self.rollouts.begin(TEMPLATE, [MAC], 2.0)
        found = await self.rollouts.get(old.id)
        assert found is not None
        self.assertEqual(found.targets[0].state, TargetState.SUPERSEDED)
        self.assertIn(str(new.id), found.targets[0].reason)
        self.assertEqual([w.target.rollout_id for w in await self.rollouts.open_work()], [new.id])

    async def test_cancelled_and_replaced(self) -> None:
        """Who called a target off, or which rollout took it over, is said so too."""
        first = await self.begun()
        second = (await self.rollouts.begin(TEMPLATE, [MAC], 2.0)).id
        self.assertEqual(plain(await self.reason(first)), {"code": "newer_rollout", "data": {"number": second}})
        await self.rollouts.cancel(second, 3.0)
        self.assertEqual(plain(await self.reason(second)), {"code": "cancelled", "data": {}})

    async def test_retried(self) -> None:
        """A target that is tried again has no reason any more."""
        number = await self.begun()
        work = await self.rollouts.plan(number, MAC, 2.0)
        assert work is not None
        await self.rollouts.failed(work.tasks[0], Reason("offline", mac=MAC), 6, None, 3.0)
        (target,) = await self.rollouts.retry(number, 4.0)
        self.assertEqual((target.reason, plain(target.reason)), ("", {}))

    async def test_everybody(self) -> None:
        """A rollout to everybody has every known terminal, each once; where there is none, that is said."""
        await self.publish(level(0))
        await self.refused(self.rollouts.begin(TEMPLATE, None, 1.0), "no_terminal", "macs")
        for mac in (OTHER, MAC):
            await self.terminal(mac)
        made = await self.rollouts.begin(TEMPLATE, None, 1.0)
        self.assertEqual(
            [(x.mac, x.state) for x in made.targets], [(MAC, TargetState.WAITING), (OTHER, TargetState.WAITING)]
        )
        twice = await self.rollouts.begin(TEMPLATE, [MAC, MAC], 2.0)
        self.assertEqual([x.mac for x in twice.targets], [MAC])
        error: Any = await self.assertFailure(self.rollouts.begin("another", None, 1.0), UnknownTemplate)
        self.assertEqual(error.field, "template")

    async def test_not_tried_again(self) -> None:
        """What is unknown, cancelled, or a newer rollout's is not tried again."""
        await self.assertFailure(self.rollouts.retry(99, 1.0), NotFound)
        number = await self.begun()
        (task,) = await self.planned(number)
        await self.rollouts.failed(task, "no", 6, None, 3.0)
        newer = (await self.rollouts.begin(TEMPLATE, [MAC], 4.0)).id
        await self.refused(self.rollouts.retry(number, 5.0), "nothing_to_retry", number=number)
        await self.rollouts.cancel(newer, 6.0)
        await self.refused(self.rollouts.retry(newer, 7.0), "rollout_cancelled", number=newer)

    async def test_summaries(self) -> None:
        """In short, by template, state, a part of the name or the number; the newest first, and counted in all."""
        one = await self.begun()
        other = "21111111-2222-4333-8444-555555555555"
        await self.publish(level(0, DATA_DISK, template=other), name="Lab_1")
        two = (await self.rollouts.begin(other, [MAC], 2.0)).id
        await self.rollouts.cancel(two, 3.0)

        async def found(**wanted: Any) -> list[int]:
            summaries, total = await self.rollouts.summaries(**wanted)
            self.assertEqual(len(summaries), total)
            return [x.id for x in summaries]

        self.assertEqual(await found(), [two, one])
        self.assertEqual((await found(q="OFFI"), await found(q="_"), await found(q=str(two))), ([one], [two], [two]))
        self.assertEqual((await found(template_uuid=other), await found(state="running")), ([two], [one]))
        self.assertEqual((await found(sort="created"), await found(sort="template_name")), ([one, two], [two, one]))
        self.assertEqual(await found(sort="version"), [two, one], "those that are alike come newest first")
        for wanted, total in (({}, 2), ({"state": "cancelled"}, 1)):
            page = await self.rollouts.summaries(limit=1, offset=total - 1, **wanted)
            self.assertEqual((len(page[0]), page[1]), (1, total))
        self.assertEqual([x.id for x in await self.rollouts.running()], [one])
        self.assertEqual(there(await self.rollouts.summary(two)).state, "cancelled")
        self.assertIsNone(await self.rollouts.summary(99))
        self.assertIsNone(await self.rollouts.get(99))

    async def test_of_a_terminal(self) -> None:
        """A terminal's parts in rollouts, newest first; all tasks of a rollout by MAC, parents first; open work."""
        await self.publish(level(0), level(1))
        for mac in (OTHER, MAC):
            await self.terminal(mac)
        old = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        new = (await self.rollouts.begin(TEMPLATE, None, 2.0)).id
        for mac in (OTHER, MAC):
            await self.planned(new, mac)
        parts = await self.rollouts.of_terminal(MAC, 9)
        self.assertEqual([(x.target.rollout_id, x.version, x.begun) for x in parts], [(new, 2, 2.0), (old, 2, 1.0)])
        self.assertEqual(len(await self.rollouts.of_terminal(MAC, 1)), 1)
        tasks = await self.rollouts.tasks(new)
        self.assertEqual(
            [(x.mac, x.name) for x in tasks], [(mac, name) for mac in (MAC, OTHER) for name in (BASE, DIFF)]
        )
        work = await self.rollouts.open_work()
        self.assertEqual([(x.target.mac, len(x.tasks)) for x in work], [(MAC, 2), (OTHER, 2)])


class RolloutHistoriesContract(Contract):
    """`RolloutHistories`."""

    async def test_saved(self) -> None:
        """What was written last comes back; how much came from the server is noted at the targets."""
        histories = self.repositories.rollout_histories
        await self.publish(level(0))
        await self.terminal()
        number = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        self.assertIsNone(await histories.get(number))
        history = RolloutHistory(number, 70, [Point(1.0, 10, 5)])
        await histories.save(history)
        history.points.append(Point(2.0, 20, 6))
        saving = histories.save(history, {MAC: 0.25})
        history.points.clear()
        await saving
        self.assertEqual(
            await histories.get(number), RolloutHistory(number, 70, [Point(1.0, 10, 5), Point(2.0, 20, 6)])
        )
        self.assertEqual((await self.target(number)).from_server, 0.25)

    async def test_unknown(self) -> None:
        """A rollout that is unknown is passed over."""
        histories = self.repositories.rollout_histories
        await histories.save(RolloutHistory(99, 70, []))
        self.assertIsNone(await histories.get(99))
