"""What holds for each change that brings entries of the audit log."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_type_hints

from twisted.internet.defer import Deferred

from tests.unit.store.contract.case import BASE, DIFF, UNKNOWN, Contract, held, there
from tests.unit.store.values import MAC, OTHER, TEMPLATE, level, upload
from voi.domain.accounts import Account, Role
from voi.domain.actors import SERVER
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.domain.rollouts import Target, TargetState
from voi.domain.uploads import UploadState
from voi.store.interfaces.audit import AuditFilter
from voi.store.interfaces.commands import CommandFilter
from voi.store.interfaces.repositories import Repositories
from voi.store.interfaces.rollouts import Begun, CancelledRollout, Settled
from voi.store.interfaces.rooms import Moved
from voi.store.interfaces.templates import ChangedTemplate
from voi.store.interfaces.uploads import Dismissed
from voi.wire.codes import Code

X = TypeVar("X")

ENTRIES = [make_entry("room.removed", SERVER, float(number), macs=(MAC,), data={"name": "Hall"}) for number in (1, 2)]


class AuditedContract(Contract):
    """A change and its entries, for each method that takes `audit`."""

    def setUp(self) -> None:
        """Listen."""
        super().setUp()
        self.cookies: list[str] = []

    async def everything(self) -> list[Any]:
        """All that the repositories tell of what they keep."""
        kept = self.repositories
        rollouts, _ = await self.rollouts.summaries()
        return [
            [(account, await self.accounts.password(account.name)) for account in await self.accounts.all()],
            [await kept.sessions.find(cookie, 20.0) for cookie in self.cookies],
            await kept.tokens.all(),
            await self.commands.find(CommandFilter()),
            [(await self.rollouts.get(x.id), await self.rollouts.tasks(x.id)) for x in rollouts],
            await self.rooms.all(),
            await self.terminals.all(),
            await self.terminals.all_disks(),
            [(x, await self.templates.versions(x.uuid)) for x in await self.templates.all()],
            await self.uploads.find(),
            await self.entries.retention_days(),
            await self.entries.find(AuditFilter(), 99),
        ]

    async def told(self, change: Callable[[Audit[X]], Deferred[Any]]) -> tuple[X, Any]:
        """Make a change that is written down; what its entries are made of, and what it gives.

        Where its entries cannot be made, or a part of them not, nothing of it is kept and no listener is called.
        Otherwise they are on disk with it, and listeners get them, in their order, before its caller does.
        """
        before = await self.everything()
        happened: list[Any] = []
        self.entries.noted.connect(happened.append)
        seen: list[int] = []
        looks: list[Deferred[None]] = []

        async def look() -> None:
            seen.append(await self.entries.count(AuditFilter()))

        def spoiled(_made_of: X) -> Iterable[AuditEntry]:
            yield ENTRIES[0]
            raise ZeroDivisionError

        await self.assertFailure(change(spoiled), ZeroDivisionError)
        self.assertEqual((await self.everything(), happened), (before, []))
        self.entries.noted.connect(lambda _entry: looks.append(Deferred.fromCoroutine(look())))
        made_of: list[X] = []

        def whole(given: X) -> Iterable[AuditEntry]:
            made_of.append(given)
            return ENTRIES

        def done(result: Any) -> Any:
            happened.append("done")
            return result

        result = await change(whole).addCallback(done)
        for one in looks:
            await one
        found = await self.entries.find(AuditFilter(mac=MAC), 99, oldest_first=True)
        self.assertEqual([(x.id, x.text, x.time) for x in found], [(x.id, x.text, x.time) for x in happened[:-1]])
        self.assertEqual(([x.time for x in found], happened[-1], seen), ([1.0, 2.0], "done", [2, 2]))
        self.assertEqual(len(made_of), 1)
        return made_of[0], result

    async def holds(self, change: Callable[[Audit[X]], Deferred[X]]) -> X:
        """The same for a change whose entries are made of its result, and that can be read afterwards."""
        before = await self.everything()
        made_of, result = await self.told(change)
        self.assertEqual(made_of, result)
        self.assertNotEqual((await self.everything())[:-1], before[:-1])
        return made_of

    def test_each_method(self) -> None:
        """Each method that takes `audit` is tried below."""
        taking = {
            f"test_{name}_{method}"
            for name, interface in get_type_hints(Repositories).items()
            for method, function in inspect.getmembers(interface, inspect.isfunction)
            if "audit" in inspect.signature(function).parameters
        }
        tried = {name for name in dir(self) if name.startswith("test_") and name not in OTHER_TESTS}
        self.assertEqual(taking, tried)

    async def test_nothing_to_tell(self) -> None:
        """Where nothing was there to change, nothing is made into entries."""
        asked: list[Any] = []
        await self.terminal()
        await self.publish(level())
        number = (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id
        (task,) = await self.planned(number)
        await self.rollouts.cancel(number, 2.0)
        for found in (
            self.rollouts.plan(number, MAC, 3.0, audit=asked.append),
            self.rollouts.done(task, held(BASE), 3.0, audit=asked.append),
            self.rollouts.failed(task, "no", 1, None, 3.0, audit=asked.append),
            self.rollouts.cancel(99, 3.0, audit=asked.append),
            self.templates.change("another", name="x", audit=asked.append),
        ):
            self.assertIsNone(await found)
        self.assertEqual(asked, [])

    async def test_no_entries(self) -> None:
        """A change may find that there is nothing to be told of it."""
        await self.rooms.add("Hall", [], 1.0, audit=lambda _: None)
        self.assertEqual((len(await self.rooms.all()), await self.entries.count(AuditFilter())), (1, 0))

    # Accounts.

    async def test_accounts_add(self) -> None:
        """An account."""
        made = await self.holds(lambda audit: self.accounts.add("li", "stored", Role.OPERATOR, audit=audit))
        self.assertEqual((made.name, made.role), ("li", Role.OPERATOR))

    async def account(self) -> Account:
        """One that can be changed, beside the last administrator."""
        await self.accounts.add("admin", "stored")
        return await self.accounts.add("li", "stored", Role.OPERATOR)

    async def test_accounts_change(self) -> None:
        """The account as it is then."""
        await self.account()
        role = Role.ADMINISTRATOR
        changed = await self.holds(lambda audit: self.accounts.change("li", role=role, stored="x", audit=audit))
        self.assertIs(changed.role, role)

    async def test_accounts_delete(self) -> None:
        """The account as it was."""
        account = await self.account()
        self.assertEqual(await self.holds(lambda audit: self.accounts.delete("li", audit=audit)), account)

    async def test_sessions_begin(self) -> None:
        """A session; the account's last login is not changed without its entry either."""
        await self.account()
        sessions = self.repositories.sessions
        cookie, session = await self.holds(lambda audit: sessions.begin("li", 10.0, audit=audit))
        self.assertEqual(await sessions.find(cookie, 11.0), session)

    async def test_sessions_end(self) -> None:
        """A session that is ended."""
        await self.account()
        self.cookies = [(await self.repositories.sessions.begin("li", 10.0))[0]]
        await self.holds(lambda audit: self.repositories.sessions.end(self.cookies[0], audit=audit))

    async def test_tokens_make(self) -> None:
        """A token."""
        tokens = self.repositories.tokens
        _, token = await self.holds(lambda audit: tokens.make("backup", Role.OPERATOR, 10.0, audit=audit))
        self.assertEqual(await tokens.all(), [token])

    async def test_tokens_revoke(self) -> None:
        """The token as it was."""
        tokens = self.repositories.tokens
        _, token = await tokens.make("backup", Role.OPERATOR, 10.0)
        self.assertEqual(await self.holds(lambda audit: tokens.revoke(token.id, audit=audit)), token)

    # Settings, commands.

    async def test_audit_entries_set_retention_days(self) -> None:
        """How long entries are kept."""
        await self.holds(lambda audit: self.entries.set_retention_days(30, audit=audit))

    async def test_commands_begin(self) -> None:
        """A command with its number, and those that it replaces."""
        await self.commands.begin(Code.WATERMARK, {"switch": 1}, [MAC], waits=True, now=1.0)
        command = await self.holds(
            lambda audit: self.commands.begin(
                Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=2.0, replaces=True, audit=audit
            )
        )
        self.assertEqual(await self.commands.get(command.batch_no), command)

    # Rooms and terminals.

    async def test_rooms_add(self) -> None:
        """A room."""
        room = await self.holds(lambda audit: self.rooms.add("Hall", [], 1.0, audit=audit))
        self.assertEqual(await self.rooms.all(), [room])

    async def test_rooms_change(self) -> None:
        """The room as it is then."""
        number = (await self.rooms.add("Hall", [], 1.0)).id
        room = await self.holds(lambda audit: self.rooms.change(number, name="Lab", subnets=None, audit=audit))
        self.assertEqual(room.name, "Lab")

    async def test_rooms_remove(self) -> None:
        """The room as it was."""
        room = await self.rooms.add("Hall", [], 1.0)
        self.assertEqual(await self.holds(lambda audit: self.rooms.remove(room.id, audit=audit)), room)

    async def test_rooms_move(self) -> None:
        """Those that changed, and the room that they stand in now; none where their addresses say."""
        for mac in (MAC, OTHER):
            await self.terminal(mac)
        room = await self.rooms.add("Hall", [], 1.0)
        await self.rooms.move([OTHER], room.id)

        def into(audit: Audit[Moved]) -> Deferred[list[str]]:
            return self.rooms.move([MAC, OTHER], room.id, audit=audit)

        self.assertEqual(await self.told(into), (Moved([MAC], room), [MAC]))
        released: list[Moved] = []
        await self.rooms.move([MAC], None, audit=released.append)
        self.assertEqual(released, [Moved([MAC], None)])

    async def test_rooms_rename(self) -> None:
        """What the terminal was called before."""
        await self.terminal()
        await self.rooms.rename(MAC, "PC 1")
        self.assertEqual(await self.holds(lambda audit: self.rooms.rename(MAC, "PC 2", audit=audit)), "PC 1")

    async def test_rooms_forget(self) -> None:
        """The keys of terminals that are forgotten."""
        key = await self.terminal()
        self.assertEqual(await self.holds(lambda audit: self.rooms.forget({MAC: 1.0}, audit=audit)), [key])

    async def test_terminals_touch(self) -> None:
        """The terminal as it is then."""
        terminal = await self.holds(lambda audit: self.terminals.touch(MAC, "10.0.0.1", 1, 1.0, audit=audit))
        self.assertEqual(await self.terminals.all(), [terminal])

    # Templates and uploads.

    async def test_templates_publish(self) -> None:
        """The template then; without its entry the upload has not ended."""
        written = await self.uploads.begin(upload(BASE, state=UploadState.PUBLISHING))
        template = await self.holds(
            lambda audit: self.templates.publish(level(0), written.disks[0], written, audit=audit)
        )
        self.assertEqual(await self.templates.all(), [template])

    async def test_templates_change(self) -> None:
        """The template before and after."""
        before = await self.publish(level(0))

        def rename(audit: Audit[ChangedTemplate]) -> Deferred[Any]:
            return self.templates.change(TEMPLATE, name="Lab", audit=audit)

        changed, after = await self.told(rename)
        self.assertEqual(changed, (before, after))
        self.assertEqual((changed.before.name, changed.after.name), ("Office", "Lab"))

    async def test_uploads_begin(self) -> None:
        """An upload with its number; without its entry the one that it takes the place of is not dismissed."""
        failed = await self.uploads.begin(upload(BASE))
        await self.uploads.fail([failed.disks[0].id], "why", 2.0)
        again = upload(BASE, created=3.0)
        written = await self.holds(lambda audit: self.uploads.begin(again, instead_of=failed.id, audit=audit))
        self.assertEqual(await self.uploads.get(written.id), written)

    async def test_uploads_receive(self) -> None:
        """A torrent that arrived."""
        (disk,) = (await self.uploads.begin(upload(BASE))).disks
        await self.holds(lambda audit: self.uploads.receive(disk.id, b"h" * 20, 500, 7, 8, 2.0, audit=audit))

    async def test_uploads_fail(self) -> None:
        """Those that ended."""
        one, two = (await self.uploads.begin(upload(BASE, DIFF))).disks
        await self.uploads.fail([one.id], "why", 2.0)
        ended = await self.holds(lambda audit: self.uploads.fail([one.id, two.id], "why", 3.0, audit=audit))
        self.assertEqual(ended, [two.id])

    async def test_uploads_dismiss(self) -> None:
        """The upload as it is then, and whether it needed attention."""
        written = await self.uploads.begin(upload(BASE))
        await self.uploads.fail([written.disks[0].id], "why", 2.0)

        def dismiss(audit: Audit[Dismissed]) -> Deferred[Dismissed]:
            return self.uploads.dismiss(written.id, audit=audit)

        self.assertTrue((await self.holds(dismiss)).was_wanted)

    # Rollouts.

    async def begun(self, *macs: str) -> int:
        """A rollout of one level."""
        for mac in macs:
            await self.terminal(mac)
        await self.publish(level(0))
        return (await self.rollouts.begin(TEMPLATE, macs, 1.0)).id

    async def test_rollouts_begin(self) -> None:
        """The rollout with its template's name, and older ones whose last terminals it took over."""
        going, both = await self.begun(MAC, OTHER), [MAC, OTHER]
        (task,) = await self.planned(going, OTHER)
        await self.rollouts.done(task, held(BASE), 2.0)

        def begin(audit: Audit[Begun]) -> Deferred[Any]:
            return self.rollouts.begin(TEMPLATE, both, 3.0, audit=audit)

        begun, rollout = await self.told(begin)
        self.assertEqual((begun.rollout, begun.name), (rollout, "Office"))
        self.assertEqual(begun.ended, [await self.rollouts.summary(going)])
        self.assertEqual(begun.ended[0].state, "superseded")

    async def settled(self, number: int, change: Callable[[Audit[Settled]], Deferred[Target | None]]) -> None:
        """A change that ends a rollout with its last target tells both."""
        settled, target = await self.told(change)
        self.assertEqual(settled, (target, await self.rollouts.summary(number)))
        self.assertNotIn(settled.target.state, (TargetState.WAITING, TargetState.DOWNLOADING))

    async def test_rollouts_plan(self) -> None:
        """A terminal that lacks nothing, with its rollout that ended by that."""
        number = await self.begun(MAC)
        await self.report(MAC, held(BASE))

        def plan(audit: Audit[Settled]) -> Deferred[Any]:
            planned = self.rollouts.plan(number, MAC, 2.0, audit=audit)
            return planned.addCallback(lambda work: there(work).target)

        await self.settled(number, plan)

    async def test_rollouts_done(self) -> None:
        """A terminal that has all, with its rollout if no other target of it is open."""
        number = await self.begun(MAC, OTHER)
        (task,), (other,) = await self.planned(number), await self.planned(number, OTHER)
        first: list[Settled] = []
        target = await self.rollouts.done(other, held(BASE), 3.0, audit=first.append)
        self.assertEqual(first, [(target, None)])
        await self.settled(number, lambda audit: self.rollouts.done(task, held(BASE), 3.0, audit=audit))

    async def test_rollouts_reopen(self) -> None:
        """A terminal that was done and is given up by its own bad news, with its rollout."""
        number = await self.begun(MAC)
        (task,) = await self.planned(number)
        await self.rollouts.done(task, held(BASE), 3.0)
        await self.settled(number, lambda audit: self.rollouts.reopen(task, "no", 6, None, 4.0, audit=audit))

    async def test_rollouts_failed(self) -> None:
        """A terminal that was given up, with its rollout; one that waits for its next try ends nothing."""
        number = await self.begun(MAC)
        (task,) = await self.planned(number)
        first: list[Settled] = []
        target = await self.rollouts.failed(task, "no", 1, 60.0, 3.0, audit=first.append)
        self.assertEqual(first, [(target, None)])
        await self.settled(number, lambda audit: self.rollouts.failed(task, "no", 2, None, 4.0, audit=audit))

    async def test_rollouts_cancel(self) -> None:
        """Who was taken out, the commands that say so, and the rollout if it ended for the others with that."""
        number = await self.begun(MAC, OTHER)
        (task,) = await self.planned(number, OTHER)
        await self.planned(number)
        await self.rollouts.done(task, held(BASE), 2.0)

        def cancel(audit: Audit[CancelledRollout]) -> Deferred[Any]:
            return self.rollouts.cancel(number, 3.0, [MAC, UNKNOWN], audit=audit)

        cancelled, result = await self.told(cancel)
        self.assertEqual(cancelled, result)
        self.assertEqual((cancelled.macs, len(cancelled.commands)), ([MAC], 1))
        self.assertEqual(cancelled.ended, await self.rollouts.summary(number))

    async def test_rollouts_retry(self) -> None:
        """The targets that try again."""
        number = await self.begun(MAC)
        (task,) = await self.planned(number)
        await self.rollouts.failed(task, "no", 6, None, 3.0)
        targets = await self.holds(lambda audit: self.rollouts.retry(number, 4.0, audit=audit))
        self.assertEqual([x.mac for x in targets], [MAC])


OTHER_TESTS = {"test_each_method", "test_nothing_to_tell", "test_no_entries"}
