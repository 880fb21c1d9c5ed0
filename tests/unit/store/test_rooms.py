"""Tests of voi.store.rooms."""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.internet.defer import Deferred

from tests.unit.store.base import MAC, OTHER, TEMPLATE, StoreCase, level, upload
from voi.domain.rollouts import TargetState
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.domain.uploads import UploadState
from voi.errors import Conflict, NotFound, UnknownTerminal
from voi.store.commands import SqlCommands
from voi.store.rooms import SqlRooms
from voi.wire.codes import Code

ONE, TWO = ipaddress.ip_network("10.0.1.0/24"), ipaddress.ip_network("2001:db8::/64")
STRANGER = "AA:BB:CC:DD:EE:99"


class RoomCase(StoreCase):
    """Rooms beside terminals."""

    def setUp(self) -> None:
        """Add the rooms."""
        super().setUp()
        self.rooms = SqlRooms(self.store)

    async def rows(self, table: str) -> int:
        """How many rows a table has."""
        return await self.store.read(lambda db: int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]))

    async def conflict(self, work: Deferred[Any]) -> str:
        """Why something was refused."""
        error: Any = await self.assertFailure(work, Conflict)
        return str(error)


class RoomTests(RoomCase):
    """Making, changing, removing."""

    async def test_made(self) -> None:
        """A room has its subnets in order, each once, and rooms come by name."""
        made = await self.rooms.add("Lab", [TWO, ONE, TWO], 1.0)
        await self.rooms.add("Hall", [], 1.0)
        self.assertEqual(made.subnets, (ONE, TWO))
        self.assertEqual([room.name for room in await self.rooms.all()], ["Hall", "Lab"])
        self.assertEqual(await self.rooms.get(made.id), made)

    async def test_taken(self) -> None:
        """A name, in any case, and a subnet belong to one room; the other room is named."""
        lab = await self.rooms.add("Lab", [ONE], 1.0)
        await self.assertFailure(self.rooms.add("LAB", [], 1.0), Conflict)
        self.assertIn("10.0.1.0/24 is room Lab's", await self.conflict(self.rooms.add("Hall", [TWO, ONE], 1.0)))
        self.assertEqual([room.name for room in await self.rooms.all()], ["Lab"])
        same = await self.rooms.change(lab.id, name="lab", subnets=[ONE])
        self.assertEqual((same.name, same.subnets), ("lab", (ONE,)))

    async def test_changed(self) -> None:
        """What is not given stays."""
        lab = await self.rooms.add("Lab", [ONE], 1.0)
        self.assertEqual((await self.rooms.change(lab.id, name="Hall", subnets=None)).subnets, (ONE,))
        changed = await self.rooms.change(lab.id, name=None, subnets=[TWO])
        self.assertEqual((changed.name, changed.subnets), ("Hall", (TWO,)))
        await self.assertFailure(self.rooms.change(99, name="x", subnets=None), NotFound)

    async def test_removed(self) -> None:
        """Terminals that were in it by hand are so no more, and its number does not come back."""
        await self.terminal()
        lab = await self.rooms.add("Lab", [ONE], 1.0)
        await self.rooms.move([MAC], lab.id)
        await self.rooms.remove(lab.id)
        found = await self.terminals.get(MAC)
        assert found is not None
        self.assertIsNone(found.room_id)
        self.assertNotEqual((await self.rooms.add("Lab", [ONE], 1.0)).id, lab.id)
        await self.assertFailure(self.rooms.remove(lab.id), NotFound)


class TerminalTests(RoomCase):
    """What administrators say of terminals."""

    async def test_moved(self) -> None:
        """Those that changed are told; one stranger, or a room that is not there, and nobody is moved."""
        await self.terminal()
        await self.terminal(OTHER)
        lab = await self.rooms.add("Lab", [], 1.0)
        self.assertEqual(await self.rooms.move([MAC], lab.id), [MAC])
        self.assertEqual(await self.rooms.move([OTHER, MAC], lab.id), [OTHER])
        await self.assertFailure(self.rooms.move([MAC, STRANGER], None), UnknownTerminal)
        await self.assertFailure(self.rooms.move([MAC], 99), NotFound)
        self.assertEqual([x.room_id for x in await self.terminals.all()], [lab.id, lab.id])
        self.assertEqual(await self.rooms.move([OTHER, MAC], None), [MAC, OTHER])

    async def test_renamed(self) -> None:
        """A name stays through logins; the old one is told."""
        await self.terminal()
        self.assertEqual(await self.rooms.rename(MAC, "PC 1"), "")
        self.assertEqual((await self.terminals.touch(MAC, "10.0.0.2", 1, 2.0)).name, "PC 1")
        self.assertEqual(await self.rooms.rename(MAC, ""), "PC 1")
        await self.assertFailure(self.rooms.rename(STRANGER, "x"), UnknownTerminal)


class ForgetTests(RoomCase):
    """Forgetting terminals."""

    async def test_everything_of_theirs(self) -> None:
        """Reports, ended rollouts and commands go with a terminal, what belongs to others stays."""
        key = await self.terminal()
        await self.terminal(OTHER)
        await self.publish(level())
        held = ReportedLevel(TEMPLATE, level().name)
        await self.terminals.report(MAC, ReportedTemplate(TEMPLATE, "x", 1, ""), [held])
        rollout = await self.rollouts.begin(TEMPLATE, [MAC, OTHER], 1.0)
        for mac in (MAC, OTHER):
            work = await self.rollouts.plan(rollout.id, mac, 1.0)
            for task in work.tasks if work else ():
                await self.rollouts.done(task, held, 1.0)
        await SqlCommands(self.store).begin(Code.RESTART, {}, [MAC, OTHER], waits=False, now=1.0)
        self.assertEqual(await self.rooms.forget({MAC: 1.0}), [key])
        self.assertEqual([x.mac for x in await self.terminals.all()], [OTHER])
        self.assertEqual(await self.terminals.disks(MAC), [])
        counts = [await self.rows(x) for x in ("terminal_templates", "rollout_targets", "command_outcomes")]
        self.assertEqual(counts, [0, 1, 1])
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual([(x.mac, x.state) for x in found.targets], [(OTHER, TargetState.DONE)])

    async def test_refused(self) -> None:
        """A stranger, a target of an open rollout, an uploader, one that was here since: each says why, none goes."""
        await self.terminal()
        await self.terminal(OTHER)
        await self.assertFailure(self.rooms.forget({MAC: 1.0, STRANGER: 1.0}), UnknownTerminal)
        self.assertIn("just been here", await self.conflict(self.rooms.forget({MAC: 0.5})))
        await self.publish(level())
        rollout = await self.rollouts.begin(TEMPLATE, [OTHER], 1.0)
        self.assertIn(
            f"{OTHER} is in rollout {rollout.id}", await self.conflict(self.rooms.forget({MAC: 1.0, OTHER: 1.0}))
        )
        made = await self.uploads.begin(upload(level(1).name, mac=MAC))
        self.assertIn(f"(upload {made.id})", await self.conflict(self.rooms.forget({MAC: 1.0})))
        self.assertEqual(await self.rows("terminals"), 2)
        await self.uploads.set_state(made.disks[0].id, UploadState.FAILED, 2.0)
        await self.rooms.forget({MAC: 1.0})
        self.assertEqual(await self.rows("terminals"), 1)
