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
    """All rooms by name; how many terminals stand in none; rooms that their addresses propose."""

    rooms: list[RoomView]
    unassigned: int
    proposals: list[ProposalView]
