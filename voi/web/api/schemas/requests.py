"""Bodies that the API takes; an unknown field is refused, so that a mistyped one is not silently ignored."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from voi.domain.rooms import Network, subnet_of
from voi.errors import BadMac, Malformed
from voi.messages.reason import Reason
from voi.names import DiskName, canonical_mac, canonical_uuid

# Bounds: names are shown in tables; twice the terminals of the largest site we plan for; no template in the
# field has more than a handful of disks.
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Text = Annotated[str, Meta(max_length=1024)]
Mac = Annotated[str, Meta(max_length=17, description="any case, with `:` or `-` or nothing between the bytes")]
Macs = Annotated[list[Mac], Meta(min_length=1, max_length=10_000)] | Literal["all"]
Uuid = Annotated[str, Meta(max_length=36)]
SysType = Annotated[int, Meta(ge=0, le=127, description="0 other, 1 Windows 7 x64, 2 Windows 7 x86, 3, 4 Windows 10")]
DiskType = (
    Annotated[int, Meta(ge=0, le=2, description="0 system, 1 data, 2 shared")] | Literal["system", "data", "shared"]
)
DiskNameText = Annotated[str, Meta(max_length=64, description="voi_<level>_<uuid>")]
MAX_DISKS: Final = 64
MOST_MACS: Final = 10_000
Number = Annotated[int, Meta(ge=0, le=999_999_999_999_999)]
Offset = Annotated[int, Meta(ge=0, le=10_000_000)]
MOST_SUBNETS: Final = 64  # of one room

_DISK_TYPES: Final = {"system": 0, "data": 1, "shared": 2}


class DiskToImport(Struct, frozen=True, forbid_unknown_fields=True):
    """An image file on the server, by its absolute path."""

    type: DiskType
    path: Annotated[str, Meta(min_length=1, max_length=4096)]


class TemplateRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new template, made of image files on the server."""

    name: Name
    disks: Annotated[list[DiskToImport], Meta(min_length=1, max_length=MAX_DISKS)]
    sys_type: SysType = 0
    desc: Text = ""


class TemplateChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a template; what is left out stays."""

    name: Name | None = None
    desc: Text | None = None
    auto_update: bool | None = None


class TemplateToUpload(Struct, frozen=True, forbid_unknown_fields=True):
    """A template that the server does not know yet; without a uuid it gets a new one."""

    name: Name
    uuid: Uuid | None = None
    sys_type: SysType = 0
    desc: Text = ""


class DiskToUpload(Struct, frozen=True, forbid_unknown_fields=True):
    """A level of a disk; the level goes by any of its three names, and is 0 without one."""

    uuid: Uuid
    type: DiskType | None = None
    level: Annotated[int, Meta(ge=0, le=5)] | None = None
    diff_level: Annotated[int, Meta(ge=0, le=5)] | None = None
    dif_level: Annotated[int, Meta(ge=0, le=5)] | None = None


class UploadRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Disks to fetch from a terminal; without `disks`, all it reported of the template that the server lacks.

    `remark` is kept with the versions that they become; without one, that of a new template stands there.
    """

    mac: Mac
    template: Uuid | TemplateToUpload
    disks: Annotated[list[DiskNameText | DiskToUpload], Meta(min_length=1, max_length=MAX_DISKS)] | None = None
    remark: Text = ""


class RolloutRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a template, or its newest, for these terminals, all that ever logged in, or those of a room."""

    template: Uuid
    version: Number | None = None
    macs: Macs | None = None
    room: Number | None = None


class SettingsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What can be set while the server runs: for how many days events are kept."""

    retention_days: Annotated[int, Meta(ge=1, le=3650)]


RoleText = Literal["administrator", "operator"]
Password = Annotated[str, Meta(max_length=1024)]
"""Bounded for the hash's sake; what a new one must be is a rule of the accounts."""


class SignIn(Struct, frozen=True, forbid_unknown_fields=True):
    """Name and password of an account."""

    name: Name
    password: Password

    def __repr__(self) -> str:
        return f"SignIn({self.name!r})"


class PasswordChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The current password and the new one: 8 to 256 characters."""

    old: Password
    new: Password

    def __repr__(self) -> str:
        return "PasswordChange()"


class AccountRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new account."""

    name: Name
    password: Password
    role: RoleText = "operator"

    def __repr__(self) -> str:
        return f"AccountRequest({self.name!r}, {self.role!r})"


class AccountChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of an account; what is left out stays."""

    role: RoleText | None = None
    password: Password | None = None

    def __repr__(self) -> str:
        return f"AccountChange({self.role!r})"


class TokenRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new token, named for the program that is to have it."""

    name: Name
    role: RoleText = "operator"


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


def disk_of(value: str | DiskToUpload, field: str) -> tuple[DiskName, int | None]:
    """A disk's name, and its type where the request tells it.

    :raises Malformed: names the field.
    """
    if isinstance(value, str):
        return DiskName.parse(value, field), None
    levels = {x for x in (value.level, value.diff_level, value.dif_level) if x is not None}
    if len(levels) > 1:
        raise Malformed(Reason("levels_differ", field=field), field=field)
    name = DiskName(canonical_uuid(value.uuid, f"{field}.uuid"), levels.pop() if levels else 0)
    return name, None if value.type is None else disk_type_of(value.type)


TerminalName = Annotated[str, Meta(max_length=64)]
RoomName = Annotated[str, Meta(min_length=1, max_length=64)]
Subnets = Annotated[list[Annotated[str, Meta(max_length=64, examples=["10.0.3.0/24"])]], Meta(max_length=MOST_SUBNETS)]
SomeMacs = Annotated[list[Mac], Meta(min_length=1, max_length=10_000)]
Search = Annotated[str, Meta(max_length=100)]
MOST_LISTED: Final = 10_000
"""Entries of a list that is in memory anyway: a request without a limit loses none."""


class TerminalQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which terminals, in which order; `q` is a part of name, MAC or address, `room` 0 is those in none.

    `image` is a template, and `version` the number of what they have of theirs, `newest` or `older`; 0 is a version
    that is not known. A `-` before `sort` turns the order round.
    """

    q: Search = ""
    room: Number | None = None
    state: Literal["offline", "current", "outdated", "waiting", "downloading", "failed", "empty"] | None = None
    image: Uuid | None = None
    version: Annotated[str, Meta(pattern="^(newest|older|[0-9]{1,9})$")] | None = None
    online: bool | None = None
    sort: Literal[
        "name",
        "mac",
        "ip",
        "room",
        "state",
        "last_seen",
        "version",
        "-name",
        "-mac",
        "-ip",
        "-room",
        "-state",
        "-last_seen",
        "-version",
    ] = "mac"
    limit: Annotated[int, Meta(ge=1, le=MOST_LISTED)] = MOST_LISTED
    offset: Number = 0
    disks: bool = True


class TerminalChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of terminals; a `name` is one terminal's, an empty one takes it away.

    `room` is the room they stand in whatever their addresses say; 0 lets their addresses say it again.
    """

    macs: SomeMacs
    name: TerminalName | None = None
    room: Number | None = None


class TerminalsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Terminals to do something with."""

    macs: SomeMacs


class RoomRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A new room; without subnets, terminals come into it by hand alone."""

    name: RoomName
    subnets: Subnets = msgspec.field(default_factory=list)


class RoomChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of a room; what is left out stays."""

    name: RoomName | None = None
    subnets: Subnets | None = None


def plain_name(text: str, field: str) -> str:
    """A name that people see: without blanks around it, and in one line.

    :raises Malformed: nothing is left, or it has characters that cannot be seen.
    """
    name = text.strip()
    if not name or not name.isprintable():
        raise Malformed(Reason("not_plain_name", field=field), field=field)
    return name


def subnets_of(texts: list[str]) -> list[Network]:
    """Subnets, each once.

    :raises Malformed: names the first that is none.
    """
    return list(dict.fromkeys(subnet_of(text, f"subnets[{index}]") for index, text in enumerate(texts)))


class TargetsRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Some terminals of a rollout."""

    macs: SomeMacs
