"""Tests of voi.domain.room_directory."""

from __future__ import annotations

from collections.abc import Collection

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.room_directory import RoomDirectory
from voi.domain.rooms import Room, RoomMap, subnet_of
from voi.domain.terminals import Terminal

MAC = "AA:BB:CC:DD:EE:01"
UNKNOWN = "AA:BB:CC:DD:EE:99"


def rooms(**subnets: str) -> RoomMap:
    """Rooms by number, each with one subnet: ``r1="10.0.1.0/24"``."""
    return RoomMap(Room(int(name[1:]), name, (subnet_of(text),)) for name, text in subnets.items())


def terminal(ip: str, by_hand: int | None = None) -> Terminal:
    """The terminal as the database has it."""
    return Terminal(MAC, ip, 1, None, 1.0, 1.0, "0" * 32, "", by_hand)


class RoomDirectoryTests(SynchronousTestCase):
    """Where a terminal stands, and who is told."""

    def setUp(self) -> None:
        self.directory = RoomDirectory()
        self.told: list[Collection[str] | None] = []
        self.directory.changed.connect(self.told.append)
        self.directory.fill(rooms(r1="10.0.1.0/24", r2="10.0.2.0/24"), [terminal("10.0.1.5")])

    def room(self, address: str = "10.9.9.9", mac: str = MAC) -> int | None:
        """Where it stands."""
        return self.directory.room_of(mac, address)

    def test_filled(self) -> None:
        """What the database has is known, and nobody is told of it."""
        self.assertEqual((self.room(), self.told), (1, []))

    def test_order(self) -> None:
        """A place by hand counts before the login's address, and that before where it speaks from."""
        self.assertEqual(self.room("10.0.2.7"), 1)
        self.directory.moved([MAC], 2)
        self.assertEqual(self.room("10.0.1.7"), 2)
        self.directory.moved([MAC], 9)  # a room that is gone
        self.assertEqual(self.room("10.0.2.7"), 1)
        self.directory.logged_in(terminal("172.16.0.1"))
        self.assertEqual((self.room("10.0.2.7"), self.room("172.16.0.1")), (2, None))

    def test_a_stranger(self) -> None:
        """One that never logged in stands where its address says."""
        self.assertEqual((self.room("::ffff:10.0.2.1", UNKNOWN), self.room("10.7.0.1", UNKNOWN)), (2, None))

    def test_rooms_changed(self) -> None:
        """Other rooms count at once, and all may stand elsewhere."""
        self.directory.rooms_changed(rooms(r3="10.0.0.0/16"))
        self.assertEqual((self.room(), self.told), (3, [None]))

    def test_logged_in(self) -> None:
        """A login is told of where it changes the room, and else not."""
        for address in ("10.0.1.5", "10.0.1.6"):
            self.directory.logged_in(terminal(address))
        self.assertEqual(self.told, [])
        self.directory.logged_in(terminal("10.0.2.5"))
        self.assertEqual((self.room(), self.told), (2, [(MAC,)]))

    def test_moved_and_forgotten(self) -> None:
        """A move and its end are told of with whom they concern."""
        self.directory.moved([MAC], 2)
        self.directory.forgotten([MAC])
        self.assertEqual((self.room(), self.told), (None, [[MAC], [MAC]]))
