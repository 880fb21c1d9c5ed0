"""Which room a peer is in: the administrator's, else the network of its address."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from voi.tracker.address import packed_host

RoomOf = Callable[[str, str], Hashable]
"""From a terminal (MAC) and a plain host (see :func:`voi.tracker.address.plain_host`) to the room of a peer of it; any
hashable value names a room."""


class RoomLookup(Protocol):
    """The rooms that administrators made (`voi.domain.room_directory`)."""

    def room_of(self, mac: str, address: str) -> Hashable | None:
        """The room of a terminal that announces from an address, never `bytes`; None where it is in none."""


def subnet_room(host: str) -> bytes:
    """The room of an address that is in none of the administrator's: its /24 (IPv4) or its /64 (IPv6).

    :raises AnnounceError: the host is no address.
    """
    packed = packed_host(host)
    return packed[:3] if len(packed) == 4 else packed[:8]


def by_subnet(_terminal: str, host: str) -> Hashable:
    """Rooms where no administrator made any."""
    return subnet_room(host)


def by_directory(rooms: RoomLookup) -> RoomOf:
    """Rooms as a directory has them; a network that is in none of them is a room of its own."""

    def room_of(terminal: str, host: str) -> Hashable:
        room = rooms.room_of(terminal, host)
        return subnet_room(host) if room is None else room

    return room_of
