"""Rooms: which one a terminal stands in, by its address or by hand, and which ones its addresses propose."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from voi.errors import Malformed
from voi.messages.reason import Reason

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PROPOSED_V4: Final = 24
PROPOSED_V6: Final = 64
"""Prefix lengths of proposals: how schools cut their networks, and how IPv6 cuts every one."""

MOST_REMEMBERED: Final = 1 << 14
"""Addresses whose reading is remembered: those of the largest site, which every list reads again."""

MOST_PROPOSALS: Final = 100
"""Terminals scattered over more networks than that are no rooms."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room as an administrator made it; `subnets` may be none, then terminals come into it by hand alone."""

    id: int
    name: str
    subnets: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A network in which terminals were seen that stand in no room; `count` is how many."""

    name: str
    subnet: Network
    count: int


def subnet_of(text: str, field: str = "subnets") -> Network:
    """A network in CIDR form; an address without a length is itself alone.

    :raises Malformed: it is not one, or has bits set beyond its length; the message says what would do.
    """
    try:
        loose = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise Malformed(Reason("not_subnet", field=field, text=text[:60]), field=field) from error
    try:
        return ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise Malformed(
            Reason("within_subnet", field=field, text=text[:60], network=str(loose)), field=field
        ) from error


@lru_cache(maxsize=MOST_REMEMBERED)
def address_of(text: str) -> Address | None:
    """An address as terminals and sockets write it; IPv4 within IPv6 is IPv4, a scope is left off. None: it is not
    one.
    """
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class RoomMap:
    """Looks rooms up by address: one step for each length of prefix in use, however many rooms there are."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        self._rooms: set[int] = set()
        by_length: dict[tuple[int, int], dict[int, int]] = {}
        for room in rooms:
            self._rooms.add(room.id)
            for subnet in room.subnets:
                shift = subnet.max_prefixlen - subnet.prefixlen
                prefix = int(subnet.network_address) >> shift
                by_length.setdefault((subnet.version, shift), {})[prefix] = room.id
        # The longest prefix first: the smallest shift.
        self._tables = {
            version: [(shift, table) for (v, shift), table in sorted(by_length.items()) if v == version]
            for version in (4, 6)
        }

    def by_address(self, address: Address | None) -> int | None:
        """The room whose subnet holds an address, the one with the longest prefix."""
        if address is None:
            return None
        number = int(address)
        for shift, table in self._tables[address.version]:
            found = table.get(number >> shift)
            if found is not None:
                return found
        return None

    def room_of(self, address: str, by_hand: int | None) -> int | None:
        """The room of a terminal: where it was put by hand, if that room is there still; else by its address."""
        if by_hand in self._rooms:
            return by_hand
        return self.by_address(address_of(address))


def room_of(address: str, rooms: Iterable[Room], by_hand: int | None) -> int | None:
    """The room of one terminal, None where it stands in none; for many, keep a `RoomMap`."""
    return RoomMap(rooms).room_of(address, by_hand)


def proposals(addresses: Iterable[str], rooms: Iterable[Room]) -> list[Proposal]:
    """Networks of the addresses that no room covers, those with most terminals first.

    `addresses` are those of terminals that were not put anywhere by hand. Link-local addresses say nothing of where
    a terminal stands.
    """
    known = RoomMap(rooms)
    counts: Counter[Network] = Counter()
    for address in map(address_of, addresses):
        if address is None or address.is_link_local or address.is_unspecified or known.by_address(address) is not None:
            continue
        length = PROPOSED_V4 if address.version == 4 else PROPOSED_V6
        counts[ipaddress.ip_network((address, length), strict=False)] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].version, int(item[0].network_address)))
    return [Proposal(_name(subnet), subnet, count) for subnet, count in ordered[:MOST_PROPOSALS]]


def _name(subnet: Network) -> str:
    """What a network is called until somebody knows better: 10.0.3 for 10.0.3.0/24."""
    text = str(subnet.network_address)
    return text.rpartition(".")[0] if subnet.version == 4 else text.removesuffix("::")
