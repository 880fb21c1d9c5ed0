"""Tests of voi.domain.rooms."""

from __future__ import annotations

import ipaddress

from twisted.trial.unittest import SynchronousTestCase

from voi.domain.rooms import MOST_PROPOSALS, Room, proposals, room_of, subnet_of
from voi.errors import Malformed


def room(number: int, *subnets: str) -> Room:
    """A room."""
    return Room(number, f"Room {number}", tuple(ipaddress.ip_network(text) for text in subnets))


class RoomOfTests(SynchronousTestCase):
    """Which room a terminal stands in."""

    def test_longest_prefix(self) -> None:
        """The subnet that says most about an address wins, whatever the order of the rooms."""
        rooms = [room(1, "10.0.0.0/8"), room(2, "10.0.3.0/24"), room(3, "10.0.3.128/25", "10.9.0.7/32")]
        for given in (rooms, rooms[::-1]):
            found = [room_of(text, given, None) for text in ("10.0.3.200", "10.0.3.5", "10.7.7.7", "10.9.0.7")]
            self.assertEqual(found, [3, 2, 1, 3])
            self.assertIsNone(room_of("192.0.2.1", given, None))

    def test_by_hand(self) -> None:
        """Where a terminal was put by hand counts for more than its address; a room that is gone counts for nothing."""
        rooms = [room(1, "10.0.1.0/24"), room(2)]
        self.assertEqual(room_of("10.0.1.5", rooms, 2), 2)
        self.assertEqual(room_of("10.0.1.5", rooms, 9), 1)
        self.assertEqual(room_of("192.0.2.1", rooms, 2), 2)

    def test_both_families(self) -> None:
        """IPv6 has its own rooms; IPv4 within IPv6 is IPv4, a scope does not matter; some texts are no address."""
        rooms = [room(1, "10.0.1.0/24"), room(2, "2001:db8:1::/64"), room(3, "fe80::/10"), room(4, "::/0")]
        for text, expected in (
            ("2001:db8:1::77", 2),
            ("::ffff:10.0.1.9", 1),
            ("fe80::1%eth0", 3),
            ("2001:db8:2::1", 4),
            ("10.0.2.1", None),
            ("somewhere", None),
            ("", None),
        ):
            self.assertEqual(room_of(text, rooms, None), expected, text)

    def test_everything(self) -> None:
        """A room for all addresses takes what is left."""
        self.assertEqual(room_of("203.0.113.5", [room(1, "0.0.0.0/0"), room(2, "203.0.113.0/25")], None), 2)
        self.assertEqual(room_of("203.0.113.200", [room(1, "0.0.0.0/0"), room(2, "203.0.113.0/25")], None), 1)


class SubnetTests(SynchronousTestCase):
    """Subnets as people write them."""

    def test_good(self) -> None:
        """Both families, and an address alone."""
        self.assertEqual(
            [str(subnet_of(text)) for text in (" 10.0.3.0/24 ", "10.0.3.7", "2001:DB8::/32", "10.0.0.0/255.0.0.0")],
            ["10.0.3.0/24", "10.0.3.7/32", "2001:db8::/32", "10.0.0.0/8"],
        )

    def test_bad(self) -> None:
        """What is none is refused by name; an address with a length says which network it lies in."""
        for text, word in (("10.0.3", "10.0.3.0/24"), ("", "not a subnet"), ("10.0.3.7/24", "enter 10.0.3.0/24")):
            error = self.assertRaises(Malformed, subnet_of, text, "subnets[0]")
            self.assertIn(word, error.message)
            self.assertEqual(error.field, "subnets[0]")


class ProposalTests(SynchronousTestCase):
    """Rooms proposed from addresses."""

    def test_networks(self) -> None:
        """The /24 of IPv4 and the /64 of IPv6, most terminals first; what a room covers is left out."""
        seen = ["10.0.3.1", "10.0.3.2", "10.0.1.1", "2001:db8:0:7::1", "192.0.2.9", "fe80::5", "nowhere", "0.0.0.0"]
        found = proposals([*seen, "10.0.3.9"], [room(1, "192.0.2.0/28")])
        self.assertEqual(
            [(x.name, str(x.subnet), x.count) for x in found],
            [
                ("10.0.3", "10.0.3.0/24", 3),
                ("10.0.1", "10.0.1.0/24", 1),
                ("2001:db8:0:7", "2001:db8:0:7::/64", 1),
            ],
        )

    def test_bounded(self) -> None:
        """Terminals all over the place do not make an endless list."""
        found = proposals([f"10.{index // 256}.{index % 256}.1" for index in range(300)], [])
        self.assertEqual(len(found), MOST_PROPOSALS)
