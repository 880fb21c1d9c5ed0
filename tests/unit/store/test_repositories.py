"""Tests of the repositories in voi.store, on a real database."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import DATA_DISK, DISK, MAC, OTHER, TEMPLATE, StoreCase, level, upload
from voi.auth.hashing import NOBODY, hash_password, matches, wire_form
from voi.domain.command_outcomes import CommandResult
from voi.domain.rollouts import Demand, TargetState
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Visit
from voi.domain.uploads import UploadState
from voi.errors import Conflict, NotFound, UnknownTemplate, UnknownTerminal
from voi.names import DiskName
from voi.store.accounts import SqlAccounts
from voi.store.commands import SqlCommands
from voi.store.interfaces.terminals import MAX_TEMPLATES, MOST_VISITS
from voi.store.terminals import SqlTerminals
from voi.wire.codes import Code

BASE, DIFF = DiskName(DISK, 0), DiskName(DISK, 1)


THIRD = "AA:BB:CC:DD:EE:03"


def held(name: DiskName, operate_id: int | None = None) -> ReportedLevel:
    """A level as a terminal reports it."""
    return ReportedLevel(TEMPLATE, name, operate_id=operate_id)


class PasswordTests(SynchronousTestCase):
    """Passwords at rest."""

    def test_matches(self) -> None:
        """Only the same password matches, and no two hashes are alike."""
        stored = hash_password(wire_form("secret"))
        self.assertTrue(matches(stored, wire_form("secret")))
        self.assertFalse(matches(stored, wire_form("Secret")))
        self.assertNotEqual(stored, hash_password(wire_form("secret")))

    def test_nobody(self) -> None:
        """What an unknown name is checked against is read like any other, and matches nothing."""
        self.assertFalse(matches(NOBODY, wire_form("")))


class AccountTests(StoreCase):
    """Accounts."""

    async def test_unknown_name(self) -> None:
        """An unknown account has no password."""
        accounts = SqlAccounts(self.store)
        await accounts.add("admin", "scrypt$x$y")
        self.assertEqual(await accounts.password("admin"), "scrypt$x$y")
        self.assertIsNone(await accounts.password("nobody"))


class TerminalTests(StoreCase):
    """Terminals and what they reported."""

    async def test_key_stays(self) -> None:
        """A terminal's tracker key is made at its first login and never changes."""
        first = await self.terminals.touch(MAC, "10.0.0.1", 1, 1.0)
        second = await self.terminals.touch(MAC, "10.0.0.2", 2, 9.0)
        self.assertEqual(first.tracker_key, second.tracker_key)
        self.assertEqual(
            (second.ip, second.client_type, second.first_seen, second.last_seen), ("10.0.0.2", 2, 1.0, 9.0)
        )

    async def test_visits(self) -> None:
        """Each time online is kept with its end; a login while it is there is no other time, and the oldest go."""
        for number in range(MOST_VISITS + 5):
            await self.terminals.touch(MAC, "10.0.0.1", 1, 10.0 * number)
            await self.terminals.touch(MAC, "10.0.0.1", 1, 10.0 * number + 1)
            await self.terminals.seen(MAC, 10.0 * number + 5)
        visits = await self.terminals.visits(MAC)
        first = 10.0 * (MOST_VISITS + 4)
        self.assertEqual(visits, [Visit(first - 10 * n, first - 10 * n + 5) for n in range(MOST_VISITS)])

    async def test_visit_that_a_crash_cut_off(self) -> None:
        """When a time online ended that was not over when the server was killed, nobody knows."""
        await self.terminals.touch(MAC, "10.0.0.1", 1, 1.0)
        await SqlTerminals(self.store, 5.0).touch(MAC, "10.0.0.1", 1, 6.0)
        self.assertEqual(await self.terminals.visits(MAC), [Visit(6.0, None), Visit(1.0, 0.0)])

    async def test_report_replaces(self) -> None:
        """A report says all about one template and nothing about others."""
        await self.terminal()
        other = "22222222-2222-4333-8444-555555555555"
        await self.terminals.report(
            MAC, ReportedTemplate(other, "B", 0, ""), [ReportedLevel(other, DiskName(DATA_DISK, 0))]
        )
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "A", 1, "x"), [held(BASE), held(DIFF, 3)])
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "A", 1, "x"), [held(DIFF, 4)])
        disks = await self.terminals.disks(MAC)
        self.assertEqual({(d.name, d.operate_id) for d in disks}, {(DiskName(DATA_DISK, 0), None), (DIFF, 4)})
        self.assertEqual(await self.terminals.all_disks(), {MAC: disks})
        self.assertEqual(await self.terminals.reported_template(MAC, TEMPLATE), ReportedTemplate(TEMPLATE, "A", 1, "x"))

    async def test_too_many_templates(self) -> None:
        """A terminal that makes templates up cannot fill the database; those it has it may report again."""
        await self.terminal()
        reports = [ReportedTemplate(f"{index:08x}{TEMPLATE[8:]}", "", 0, "") for index in range(MAX_TEMPLATES + 1)]
        for report in reports[:-1]:
            await self.terminals.report(MAC, report, [])
        await self.assertFailure(self.terminals.report(MAC, reports[-1], []), Conflict)
        await self.terminals.report(MAC, reports[0], [held(BASE)])


class TemplateTests(StoreCase):
    """The catalogue."""

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


class UploadTests(StoreCase):
    """Uploads."""

    async def test_written_down(self) -> None:
        """An upload comes back as it was written, with its number."""
        written = await self.uploads.begin(upload(BASE, DIFF))
        self.assertEqual(await self.uploads.get(written.id), written)
        self.assertEqual([d.upload_id for d in written.disks], [written.id] * 2)
        self.assertEqual(written.state, "open")
        self.assertEqual(await self.uploads.open_disks(), list(written.disks))
        self.assertEqual(await self.uploads.of_template(TEMPLATE), [written])

    async def test_one_at_a_time(self) -> None:
        """A level that is being received cannot be received a second time."""
        await self.uploads.begin(upload(BASE, state=UploadState.RECEIVING))
        again = upload(BASE, mac=OTHER, state=UploadState.RECEIVING)
        await self.assertFailure(self.uploads.begin(again), Conflict)
        self.assertEqual(len(await self.uploads.of_template(TEMPLATE)), 1)

    async def test_received(self) -> None:
        """A requested disk becomes one that is received when its torrent comes."""
        written = await self.uploads.begin(upload(BASE))
        await self.uploads.receive(written.disks[0].id, b"h" * 20, 500, 7, 8, 2.0)
        disk = await self.uploads.disk(written.disks[0].id)
        assert disk is not None
        found = (disk.state, disk.info_hash, disk.size, disk.real_size, disk.reserve_size)
        self.assertEqual(found, (UploadState.RECEIVING, b"h" * 20, 500, 7, 8))

    async def test_published_in_one_step(self) -> None:
        """Level, version, upload and the uploader's own disks change together."""
        await self.terminal()
        written = await self.uploads.begin(upload(BASE, state=UploadState.PUBLISHING))
        template = await self.uploads.publish(written.disks[0], written, level(0))
        self.assertEqual((template.name, template.version), ("Office", 1))
        found = await self.uploads.get(written.id)
        assert found is not None
        self.assertEqual(found.state, "published")
        self.assertEqual([x.name for x in await self.terminals.disks(MAC)], [BASE])

    async def test_publishing_twice(self) -> None:
        """A level that is published already leaves everything as it was."""
        written = await self.uploads.begin(upload(BASE, state=UploadState.PUBLISHING))
        await self.publish(level(0))
        await self.assertFailure(self.uploads.publish(written.disks[0], written, level(0)), Conflict)
        template = await self.templates.get(TEMPLATE)
        assert template is not None
        self.assertEqual(template.version, 1)
        self.assertEqual(len(await self.uploads.open_disks()), 1)

    async def test_ended_stays_ended(self) -> None:
        """A late word about a failed upload does not bring it back."""
        written = await self.uploads.begin(upload(BASE))
        await self.uploads.set_state(written.disks[0].id, UploadState.FAILED, 2.0, reason="why")
        await self.uploads.set_state(written.disks[0].id, UploadState.VERIFYING, 3.0)
        disk = await self.uploads.disk(written.disks[0].id)
        assert disk is not None
        self.assertEqual((disk.state, disk.reason), (UploadState.FAILED, "why"))

    async def test_untold(self) -> None:
        """An end is kept until the uploader has heard of it."""
        written = await self.uploads.begin(upload(BASE))
        self.assertEqual(await self.uploads.untold(MAC), [])
        await self.uploads.set_state(written.disks[0].id, UploadState.FAILED, 2.0, reason="why")
        self.assertEqual([d.name for d in await self.uploads.untold(MAC)], [BASE])
        await self.uploads.told(written.disks[0].id)
        self.assertEqual(await self.uploads.untold(MAC), [])


class CommandTests(StoreCase):
    """Commands and their outcomes."""

    async def test_outcomes(self) -> None:
        """Each terminal has its own outcome."""
        commands = SqlCommands(self.store)
        given = await commands.begin(Code.WATERMARK, {"switch": 1}, [OTHER, MAC, MAC], waits=True, now=1.0)
        await commands.end([CommandResult(given.batch_no, MAC, "done", "", 2.0)])
        found = await commands.get(given.batch_no)
        assert found is not None
        self.assertEqual([(o.mac, o.state) for o in found.outcomes], [(MAC, "done"), (OTHER, "waiting")])
        self.assertEqual([c.batch_no for c in await commands.waiting_for(OTHER)], [given.batch_no])
        self.assertEqual(await commands.waiting_for(MAC), [])
        self.assertIsNone(await commands.get(99))

    async def test_replaced(self) -> None:
        """A newer setting ends the older ones that wait, at its own terminals and for its own code alone."""
        commands = SqlCommands(self.store)
        old = await commands.begin(Code.WATERMARK, {"switch": 1}, [MAC, OTHER], waits=True, now=1.0)
        other = await commands.begin(Code.CANCEL_SEND, {}, [MAC], waits=True, now=1.0)
        new = await commands.begin(Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=2.0, replaces=True)
        self.assertEqual([c.batch_no for c in await commands.waiting_for(MAC)], [other.batch_no, new.batch_no])
        self.assertEqual([c.batch_no for c in await commands.waiting_for(OTHER)], [old.batch_no])
        await commands.end([CommandResult(old.batch_no, MAC, "waiting", "it is offline", 3.0)])
        found = await commands.get(old.batch_no)
        assert found is not None
        self.assertEqual(found.outcomes[0].state, "replaced", "what was replaced does not begin to wait again")
        self.assertIn(f"replaced by command {new.batch_no}", found.outcomes[0].reason)

    async def test_two_outcomes_at_once(self) -> None:
        """Written together they say what they would say one after the other: what is done does not wait again."""
        commands = SqlCommands(self.store)
        given = await commands.begin(Code.WATERMARK, {"switch": 1}, [MAC, OTHER], waits=True, now=1.0)
        gone, done = (
            [CommandResult(given.batch_no, mac, state, "", 2.0) for mac in (MAC, OTHER)]
            for state in ("waiting", "done")
        )
        await commands.end([gone[0], done[0], done[1], gone[1]])
        found = await commands.get(given.batch_no)
        assert found is not None
        self.assertEqual([outcome.state for outcome in found.outcomes], ["done", "done"])

    async def test_after_a_restart(self) -> None:
        """What does not wait for a login has failed with the server, what waits goes on waiting."""
        commands = SqlCommands(self.store)
        restart = await commands.begin(Code.RESTART, {}, [MAC], waits=False, now=1.0)
        mark = await commands.begin(Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=1.0)
        self.assertEqual(await commands.give_up_unfinished("restarted", 2.0), 1)
        found = await commands.get(restart.batch_no)
        assert found is not None
        self.assertEqual((found.outcomes[0].state, found.outcomes[0].reason), ("failed", "restarted"))
        self.assertEqual([c.batch_no for c in await commands.waiting_for(MAC)], [mark.batch_no])


class RolloutTests(StoreCase):
    """Rollouts."""

    async def test_refused(self) -> None:
        """No template, no level, no terminal: each is its own error, and nothing is written."""
        await self.assertFailure(self.rollouts.begin(TEMPLATE, None, 1.0), UnknownTemplate)
        await self.publish(level(0))
        await self.assertFailure(self.rollouts.begin(TEMPLATE, None, 1.0), Conflict)
        await self.terminal()
        await self.assertFailure(self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0), UnknownTerminal)
        self.assertEqual(await self.rollouts.summaries(), ([], 0))

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
        cancelled = await self.rollouts.cancel(rollout.id, Code.CANCEL_SEND, 3.0)
        assert cancelled is not None
        self.assertEqual(cancelled[0], [OTHER])
        self.assertEqual([x.mac for command in cancelled[1] for x in command.outcomes], [OTHER])
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual([t.state for t in found.targets], [TargetState.DONE, TargetState.CANCELLED])
        self.assertEqual(found.state, "cancelled")
        self.assertIsNone(await self.rollouts.plan(rollout.id, OTHER, 4.0))
        self.assertIsNone(await self.rollouts.cancel(99, Code.CANCEL_SEND, 4.0))

    async def test_taken_out(self) -> None:
        """Some terminals can be taken out; the rollout goes on for the others, and ends with them."""
        await self.publish(level(0))
        for mac in (MAC, OTHER, THIRD):
            await self.terminal(mac)
        rollout = await self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0)
        for mac in (MAC, OTHER):
            await self.rollouts.plan(rollout.id, mac, 2.0)
        cancelled = await self.rollouts.cancel(rollout.id, Code.CANCEL_SEND, 3.0, [OTHER, THIRD])
        assert cancelled is not None
        self.assertEqual((cancelled[0], [x.mac for c in cancelled[1] for x in c.outcomes]), ([OTHER], [OTHER]))
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual([t.state for t in found.targets], [TargetState.WAITING, TargetState.CANCELLED])
        self.assertEqual(found.state, "running")
        self.assertEqual((await self.rollouts.cancel(rollout.id, Code.CANCEL_SEND, 4.0, [OTHER])), ([], []))

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
        self.assertEqual(found.targets[0].state, TargetState.CANCELLED)
        self.assertIn(str(new.id), found.targets[0].reason)
        self.assertEqual([w.target.rollout_id for w in await self.rollouts.open_work()], [new.id])
