"""The contract of rooms."""

from __future__ import annotations

import ipaddress
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.unit.store.contract.case import UNKNOWN, Contract, there
from tests.unit.store.values import MAC, OTHER, TEMPLATE, level, upload
from voi.domain.rollouts import TargetState
from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import RoomMap
from voi.domain.terminals import ReportedLevel, ReportedTemplate
from voi.domain.uploads import UploadState
from voi.errors import NotFound, UnknownTerminal, VoiError
from voi.store.interfaces.rooms import MOST_ROOMS
from voi.wire.codes import Code

MACS = [f"AA:BB:CC:DD:EE:{number:02X}" for number in range(4)]
NETWORKS = [ipaddress.ip_network(text) for text in ("10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/25", "fd00::/64")]
ADDRESSES = ("10.0.1.1", "10.0.2.1", "10.0.2.200", "10.7.0.1", "fd00::7", "")
ONE, TWO = ipaddress.ip_network("10.0.1.0/24"), ipaddress.ip_network("2001:db8::/64")


class RoomsContract(Contract):
    """`Rooms`."""

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
        await self.refused(self.rooms.add("LAB", [], 1.0), "room_exists", "name")
        taken = self.rooms.add("Hall", [TWO, ONE], 1.0)
        await self.refused(taken, "subnet_taken", "subnets", network=str(ONE), room="Lab")
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

    async def test_moved(self) -> None:
        """Those that changed are told; one unknown, or a room that is not there, and none is moved."""
        await self.terminal()
        await self.terminal(OTHER)
        lab = await self.rooms.add("Lab", [], 1.0)
        self.assertEqual(await self.rooms.move([MAC], lab.id), [MAC])
        self.assertEqual(await self.rooms.move([OTHER, MAC], lab.id), [OTHER])
        await self.assertFailure(self.rooms.move([MAC, UNKNOWN], None), UnknownTerminal)
        await self.assertFailure(self.rooms.move([MAC], 99), NotFound)
        self.assertEqual([x.room_id for x in await self.terminals.all()], [lab.id, lab.id])
        self.assertEqual(await self.rooms.move([OTHER, MAC], None), [MAC, OTHER])

    async def test_renamed(self) -> None:
        """A name stays through logins; the old one is told."""
        await self.terminal()
        self.assertEqual(await self.rooms.rename(MAC, "PC 1"), "")
        self.assertEqual((await self.terminals.touch(MAC, "10.0.0.2", 1, 2.0)).name, "PC 1")
        self.assertEqual(await self.rooms.rename(MAC, ""), "PC 1")
        await self.assertFailure(self.rooms.rename(UNKNOWN, "x"), UnknownTerminal)

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
        given = await self.commands.begin(Code.RESTART, {}, [MAC, OTHER], waits=False, now=1.0)
        self.assertEqual(await self.rooms.forget({MAC: 1.0}), [key])
        self.assertEqual([x.mac for x in await self.terminals.all()], [OTHER])
        self.assertEqual(await self.terminals.disks(MAC), [])
        self.assertEqual(await self.terminals.reported_names(), {})
        self.assertEqual([x.mac for x in there(await self.commands.get(given.batch_no)).outcomes], [OTHER])
        found = await self.rollouts.get(rollout.id)
        assert found is not None
        self.assertEqual([(x.mac, x.state) for x in found.targets], [(OTHER, TargetState.DONE)])

    async def test_refused(self) -> None:
        """An unknown one, a target of an open rollout, an uploader, one that was here since: each says why, none
        goes.
        """
        await self.terminal()
        await self.terminal(OTHER)
        await self.assertFailure(self.rooms.forget({MAC: 1.0, UNKNOWN: 1.0}), UnknownTerminal)
        await self.refused(self.rooms.forget({MAC: 0.5}), "just_been_here", "macs", mac=MAC)
        await self.publish(level())
        rollout = await self.rollouts.begin(TEMPLATE, [OTHER], 1.0)
        both = self.rooms.forget({MAC: 1.0, OTHER: 1.0})
        await self.refused(both, "in_rollout", "macs", mac=OTHER, number=rollout.id)
        made = await self.uploads.begin(upload(level(1).name, mac=MAC))
        await self.refused(self.rooms.forget({MAC: 1.0}), "in_upload", "macs", mac=MAC, number=made.id)
        self.assertEqual(len(await self.terminals.all()), 2)
        await self.uploads.fail([made.disks[0].id], "", 2.0)
        await self.rooms.forget({MAC: 1.0})
        self.assertEqual(len(await self.terminals.all()), 1)

    async def test_bounded(self) -> None:
        """There are so many rooms and no more."""
        for one in [self.rooms.add(f"Room {number}", [], 1.0) for number in range(MOST_ROOMS)]:
            await one
        await self.refused(self.rooms.add("one more", [], 1.0), "rooms_full", most=MOST_ROOMS)

    async def test_unknown(self) -> None:
        """A room that is not there is None."""
        self.assertIsNone(await self.rooms.get(99))
        self.assertEqual(await self.rooms.all(), [])

    async def test_finished_uploads_stay(self) -> None:
        """What a terminal uploaded is a template's history, and stays when the terminal is forgotten."""
        await self.terminal()
        written = await self.uploads.begin(upload(level().name, state=UploadState.PUBLISHING))
        await self.templates.publish(level(), written.disks[0], written)
        await self.rooms.forget({MAC: 1.0})
        self.assertEqual([x.mac for x in await self.uploads.of_template(TEMPLATE)], [MAC])


class RoomDirectoryContract(Contract):
    """Rooms and terminals are written by two repositories, and each tells the directory."""

    async def test_whatever_is_done(self) -> None:
        """After any calls of what changes rooms and terminals, refused ones too, both know the same."""
        random, rooms = Random(7), self.rooms

        def some() -> Deferred[Any]:
            macs = random.sample(MACS, random.randint(1, 3))
            number = random.choice([None, 1, 2, 3, 4, 5])
            subnets = random.sample(NETWORKS, random.randint(0, 2))
            calls = (
                lambda: self.terminals.touch(random.choice(MACS), random.choice(ADDRESSES), 1, random.random()),
                lambda: self.terminals.touch(random.choice(MACS), random.choice(ADDRESSES), 1, random.random()),
                lambda: rooms.add(f"Room {random.randint(1, 5)}", subnets, 1.0),
                lambda: rooms.change(number or 1, name=None, subnets=subnets),
                lambda: rooms.remove(number or 1),
                lambda: rooms.move(macs, number),
                lambda: rooms.move(macs, number),
            )
            done: Deferred[Any] = random.choice(calls)()
            return done.addErrback(lambda failure: failure.trap(VoiError))

        for turn in range(60):
            await gatherResults([some() for _ in range(random.randint(1, 4))])
            if turn % 7 == 6:
                terminal = random.choice(await self.terminals.all())
                await rooms.forget({terminal.mac: terminal.last_seen})
            known, terminals = RoomMap(await rooms.all()), await self.terminals.all()
            read = RoomDirectory()
            read.fill(known, terminals)
            for mac in MACS:
                for address in ADDRESSES:
                    self.assertEqual(self.room_directory.room_of(mac, address), read.room_of(mac, address))
            self.assertLessEqual(set(self.room_directory._terminals), set(MACS))
            self.assertEqual(set(self.room_directory._terminals), {terminal.mac for terminal in terminals})
