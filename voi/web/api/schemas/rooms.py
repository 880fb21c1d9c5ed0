"""Rooms, as the API takes and answers them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from voi.domain.rooms import Network, subnet_of
from voi.web.api.schemas.fields import ListQuery

MOST_SUBNETS: Final = 64  # of one room
RoomName = Annotated[str, Meta(min_length=1, max_length=64)]
Subnets = Annotated[list[Annotated[str, Meta(max_length=64, examples=["10.0.3.0/24"])]], Meta(max_length=MOST_SUBNETS)]


class RoomRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new room; without subnets, terminals come into it by hand alone."""

    name: RoomName
    subnets: Subnets = msgspec.field(default_factory=list)


class RoomChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a room; what is left out stays."""

    name: RoomName | None = None
    subnets: Subnets | None = None


class RoomQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Rooms: `q` is a part of the name or of a subnet."""

    sort: Literal["name", "total", "online", "-name", "-total", "-online"] = "name"


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


def subnets_of(texts: list[str]) -> list[Network]:
    """Subnets, each once.

    :raises Malformed: names the first that is none.
    """
    return list(dict.fromkeys(subnet_of(text, f"subnets[{index}]") for index, text in enumerate(texts)))
