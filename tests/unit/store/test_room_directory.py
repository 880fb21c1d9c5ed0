"""Tests that the directory of rooms says at any time what the database says."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

import voi
from tests.unit.store.base import StoreCase
from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import RoomMap
from voi.errors import VoiError
from voi.store.rooms import Rooms
from voi.store.terminals import Terminals

MACS = [f"AA:BB:CC:DD:EE:{number:02X}" for number in range(4)]
NETWORKS = [ipaddress.ip_network(text) for text in ("10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/25", "fd00::/64")]
ADDRESSES = ("10.0.1.1", "10.0.2.1", "10.0.2.200", "10.7.0.1", "fd00::7", "")


WRITES = re.compile(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) (rooms|room_subnets|terminals)\b")
"""SQL that changes who stands where, or may."""


class WriterTests(SynchronousTestCase):
    """Who writes what the directory is kept by."""

    def test_two_modules(self) -> None:
        """The repositories of rooms and terminals alone write those tables (and migrations, before anybody reads)."""
        root = Path(voi.__file__).parent
        found = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if WRITES.search(path.read_text())}
        self.assertEqual(found, {"store/rooms.py", "store/terminals.py"})

    def test_every_call(self) -> None:
        """A new way to change rooms or terminals is to be tried below too, or to be named here as one that does not."""
        reads = {"get", "all", "some", "visits", "reported_template", "reported_names", "disks", "all_disks"}
        writes = {"rename", "seen", "set_boot_disk", "report", "add_level"}
        tried = {"add", "change", "remove", "move", "forget", "touch"}
        found = {name for kind in (Rooms, Terminals) for name in vars(kind) if not name.startswith("_")}
        self.assertEqual(found, tried | reads | writes)


class KeptTests(StoreCase):
    """Rooms and terminals are written by two repositories, and each tells the directory."""

    async def test_whatever_is_done(self) -> None:
        """After any calls of what changes rooms and terminals, refused ones too, both know the same."""
        random, rooms = Random(7), Rooms(self.store, self.room_directory)

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
