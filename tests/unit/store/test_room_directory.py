"""Tests that the directory of rooms says at any time what the database says."""

from __future__ import annotations

import ipaddress
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from tests.unit.store.base import StoreCase
from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import RoomMap
from voi.errors import VoiError
from voi.store.rooms import Rooms

MACS = [f"AA:BB:CC:DD:EE:{number:02X}" for number in range(4)]
NETWORKS = [ipaddress.ip_network(text) for text in ("10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/25", "fd00::/64")]
ADDRESSES = ("10.0.1.1", "10.0.2.1", "10.0.2.200", "10.7.0.1", "fd00::7", "")


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
