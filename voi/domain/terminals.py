"""A terminal, and the disks it says it has."""

from __future__ import annotations

from dataclasses import dataclass

from voi.names import DiskName


@dataclass(frozen=True, slots=True)
class ReportedLevel:
    """One level of a disk on a terminal's own disk, by its last 9011 or a finished download.

    `operate_id` is None where the terminal does not count operations (seed clients). `real_size` is the
    virtual disk in sectors of 512 bytes. `confirmed` means that the terminal said so since its last login: what it said
    before is no news of today, for a disk may have been wiped or replaced meanwhile.
    """

    template_uuid: str
    name: DiskName
    type: int = 0
    real_size: int = 0
    operate_id: int | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Visit:
    """A time that a terminal was online, in seconds since the epoch; `went` is None while it is not over, and 0 where
    nobody noted the end, because the server was not there either.
    """

    came: float
    went: float | None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A PC as the server remembers it; times are seconds since the epoch.

    `name` is what administrators call it, empty for none; `room_id` the room it was put into by hand. `boot_disk` is
    what it last said it started from, `boot_hash` the info-hash of that level where it says that too, and `boot_now`
    whether it said so since its last login.
    """

    mac: str
    ip: str
    client_type: int
    boot_disk: str | None
    first_seen: float
    last_seen: float
    tracker_key: str
    name: str = ""
    room_id: int | None = None
    boot_hash: bytes | None = None
    boot_now: bool = False


@dataclass(frozen=True, slots=True)
class ReportedTemplate:
    """What a terminal calls a template it has: the server learns of new templates this way."""

    uuid: str
    name: str
    sys_type: int
    desc: str
