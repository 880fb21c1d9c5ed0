"""Fields that several nouns have: their bounds, and how their texts are read."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from voi.errors import BadMac, Malformed
from voi.messages.reason import Reason
from voi.names import canonical_mac

MOST_MACS: Final = 10_000
"""Twice the terminals of the largest site we plan for."""

MOST_LISTED: Final = 10_000
"""Entries of a list that is in memory anyway: a request without a limit loses none."""

MOST_READ: Final = 1000
"""Entries of a list that grows for years; each costs some rows of the database."""

MOST_DISKS: Final = 64
"""No template in the field has more than a handful."""

Name = Annotated[str, Meta(min_length=1, max_length=256)]
"""Names are shown in tables."""

Text = Annotated[str, Meta(max_length=1024)]
Mac = Annotated[str, Meta(max_length=17, description="any case, with `:` or `-` or nothing between the bytes")]
SomeMacs = Annotated[list[Mac], Meta(min_length=1, max_length=MOST_MACS)]
Macs = SomeMacs | Literal["all"]
Uuid = Annotated[str, Meta(max_length=36)]
Number = Annotated[int, Meta(ge=0, le=999_999_999_999_999)]
SysType = Annotated[int, Meta(ge=0, le=127, description="0 other, 1 Windows 7 x64, 2 Windows 7 x86, 3, 4 Windows 10")]
DiskType = (
    Annotated[int, Meta(ge=0, le=2, description="0 system, 1 data, 2 shared")] | Literal["system", "data", "shared"]
)
_DISK_TYPES: Final = {"system": 0, "data": 1, "shared": 2}

Search = Annotated[str, Meta(max_length=100)]
Offset = Annotated[int, Meta(ge=0, le=10_000_000)]
All = Annotated[int, Meta(ge=1, le=MOST_LISTED)]
Some = Annotated[int, Meta(ge=1, le=MOST_READ)]


class ListQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of a list: `q` is a part of an entry's texts in any case, `offset` how many are left out first."""

    q: Search = ""
    limit: All = MOST_LISTED
    offset: Offset = 0


def mac_of(text: str, field: str) -> str:
    """A canonical MAC.

    :raises BadMac: names the field.
    """
    try:
        return canonical_mac(text)
    except BadMac as error:
        raise BadMac(Reason("not_mac", field=field, text=text[:40]), field=field) from error


def macs_of(macs: list[str] | Literal["all"]) -> list[str] | None:
    """Canonical MACs, each once; None for all.

    :raises BadMac: names the first that is none.
    """
    if isinstance(macs, str):
        return None
    return list(dict.fromkeys(mac_of(mac, f"macs[{index}]") for index, mac in enumerate(macs)))


def disk_type_of(value: int | str) -> int:
    """The number of a disk type (protocol section 2)."""
    return _DISK_TYPES[value] if isinstance(value, str) else value


def plain_name(text: str, field: str) -> str:
    """A name that people see: without blanks around it, and in one line.

    :raises Malformed: nothing is left, or it has characters that cannot be seen.
    """
    name = text.strip()
    if not name or not name.isprintable():
        raise Malformed(Reason("not_plain_name", field=field), field=field)
    return name
