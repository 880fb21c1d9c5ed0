"""Rooms, as the API answers them."""

from __future__ import annotations

from msgspec import Struct


class RoomView(Struct, frozen=True):
    """A room, and how many terminals stand in it."""

    id: int
    name: str
    subnets: list[str]
    online: int
    total: int


class ProposalView(Struct, frozen=True):
    """A network in which `count` terminals were seen that stand in no room."""

    name: str
    subnet: str
    count: int


class RoomList(Struct, frozen=True):
    """Rooms, of which `total` were asked for and `offset` left out first; how many terminals stand in none; rooms that
    their addresses propose.
    """

    rooms: list[RoomView]
    total: int
    offset: int
    unassigned: int
    proposals: list[ProposalView]
