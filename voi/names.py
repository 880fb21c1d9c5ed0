"""Names that terminals send: MAC addresses, uuids and disk names, each by a strict pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from voi.errors import BadMac, Malformed
from voi.messages.reason import Reason

_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-]?)(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", re.ASCII)
_DISK = re.compile(rf"voi_([0-5])_({_UUID.pattern})", re.ASCII)

HIGHEST_PUBLISHED_LEVEL = 2
"""Levels 0 to 2 are distributed; 3 to 5 are the terminal's own write layers (protocol section 5)."""


def canonical_mac(text: str) -> str:
    """A MAC address as ``AA:BB:CC:DD:EE:FF``; any case, ``:`` or ``-`` or nothing between the bytes.

    :raises BadMac: the text is no MAC address.
    """
    if not _MAC.fullmatch(text):
        raise BadMac(Reason("not_mac", field="mac", text=text[:40]))
    digits = re.sub("[:-]", "", text).upper()
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


def canonical_uuid(text: str, field: str = "uuid") -> str:
    """A uuid in lower case with dashes.

    :raises Malformed: the text is no uuid; the message names `field`.
    """
    if not _UUID.fullmatch(text):
        raise Malformed(Reason("not_uuid", field=field, text=text[:60]), field=field)
    return text.lower()


@dataclass(frozen=True, slots=True, order=True)
class DiskName:
    """The name of one level of a disk, ``voi_<level>_<uuid>``: of its file, its torrent, its messages."""

    uuid: str
    level: int

    @classmethod
    def parse(cls, text: str, field: str = "disk") -> Self:
        """Read a disk name; a trailing ``.torrent`` is allowed, a path is not.

        :raises Malformed: the text is no disk name.
        """
        match = _DISK.fullmatch(text.removesuffix(".torrent"))
        if match is None:
            raise Malformed(Reason("not_disk_name", field=field, text=text[:80]), field=field)
        return cls(uuid=match[2].lower(), level=int(match[1]))

    @property
    def parent(self) -> DiskName:
        """The level below: the backing file of this one."""
        if self.level == 0:
            raise ValueError("level 0 has no parent")
        return DiskName(self.uuid, self.level - 1)

    def __str__(self) -> str:
        return f"voi_{self.level}_{self.uuid}"
