"""What is kept of reasons: the text, and beside it what it is made of."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.unit.store.base import MAC, OTHER, TEMPLATE, StoreCase, level, upload
from voi.domain.command_outcomes import CommandResult
from voi.domain.uploads import UploadState
from voi.messages.reason import Reason, plain
from voi.store.commands import SqlCommands
from voi.store.database import connect, prepare
from voi.store.migrations import migrations
from voi.wire.codes import Code

REASON = Reason("waits_for_login", why=Reason("offline", mac=MAC))
PLAIN = plain(REASON)


class KeptTests(StoreCase):
    """Written down, and read."""

    async def begun(self) -> int:
        """A rollout to one terminal."""
        await self.terminal(MAC)
        await self.publish(level())
        return (await self.rollouts.begin(TEMPLATE, [MAC], 1.0)).id

    async def reason(self, number: int) -> str:
        """The reason of its target."""
        rollout = await self.rollouts.get(number)
        assert rollout is not None
        return rollout.targets[0].reason

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

    async def test_cancelled_and_replaced(self) -> None:
        """Who called a target off, or which rollout took it over, is said so too."""
        first = await self.begun()
        second = (await self.rollouts.begin(TEMPLATE, [MAC], 2.0)).id
        self.assertEqual(plain(await self.reason(first)), {"code": "newer_rollout", "data": {"number": second}})
        await self.rollouts.cancel(second, Code.CANCEL_SEND, 3.0)
        self.assertEqual(plain(await self.reason(second)), {"code": "cancelled", "data": {}})

    async def test_retried(self) -> None:
        """A target that is tried again has no reason any more."""
        number = await self.begun()
        work = await self.rollouts.plan(number, MAC, 2.0)
        assert work is not None
        await self.rollouts.failed(work.tasks[0], REASON, 6, None, 3.0)
        (target,) = await self.rollouts.retry(number, 4.0)
        self.assertEqual((target.reason, plain(target.reason)), ("", {}))

    async def test_outcomes(self) -> None:
        """An outcome of a command keeps why, each its own; a newer command that replaces it is named."""
        commands = SqlCommands(self.store)
        old = await commands.begin(Code.WATERMARK, {"switch": 1}, [MAC, OTHER], waits=True, now=1.0)
        await commands.end([CommandResult(old.batch_no, MAC, "waiting", REASON, 2.0)])
        found = await commands.get(old.batch_no)
        assert found is not None
        self.assertEqual([plain(outcome.reason) for outcome in found.outcomes], [PLAIN, {}])
        new = await commands.begin(Code.WATERMARK, {"switch": 0}, [MAC], waits=True, now=3.0, replaces=True)
        last, _ = await commands.of_terminal(MAC, 2)
        expected = {"code": "newer_command", "data": {"number": new.batch_no}}
        self.assertEqual([plain(command.outcomes[0].reason) for command in last], [{}, expected])

    async def test_cut_off(self) -> None:
        """A command that a stop of the server cut off says so."""
        commands = SqlCommands(self.store)
        given = await commands.begin(Code.RESTART, {}, [MAC], waits=False, now=1.0)
        await commands.give_up_unfinished(Reason("server_restarted"), 2.0)
        found = await commands.get(given.batch_no)
        assert found is not None
        self.assertEqual(plain(found.outcomes[0].reason), {"code": "server_restarted", "data": {}})

    async def test_uploads(self) -> None:
        """A disk whose upload failed keeps why."""
        written = await self.uploads.begin(upload(level().name))
        await self.uploads.set_state(written.disks[0].id, UploadState.FAILED, 2.0, reason=REASON)
        disk = await self.uploads.disk(written.disks[0].id)
        assert disk is not None
        self.assertEqual(plain(disk.reason), PLAIN)


class UpgradeTests(SynchronousTestCase):
    """A database from before."""

    def test_older_reasons(self) -> None:
        """Reasons of a database from before stay as texts."""
        path = Path(self.mktemp())
        db = connect(path)
        migrations.apply(db, stop_before="m006_whys")
        db.execute("INSERT INTO commands (code, body, waits, created) VALUES (1, '{}', 0, 1)")
        db.execute("INSERT INTO command_outcomes VALUES (1, 'M', 'failed', 'it was off', 1)")
        prepare(path)
        self.assertEqual(db.execute("SELECT reason, why FROM command_outcomes").fetchall(), [("it was off", "")])
        db.close()
