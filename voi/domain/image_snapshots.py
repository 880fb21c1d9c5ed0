"""The snapshot table of a qcow2 image: terminals never look at snapshots, but QEMU opens no image with a bad table."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from voi.domain.image import LARGEST_L1
from voi.domain.image_tables import damaged
from voi.messages.reason import Reason

_ENTRY: Final = struct.Struct(">QIHHIIQII")  # level 1 table, its entries, lengths of id and name, times, sizes
_LARGEST_TABLE: Final = 64 << 20  # bytes; QEMU's bound, as the next two
_LONGEST_EXTRA: Final = 1024
_EXTRA_OF_VERSION_3: Final = 16  # bytes that version 3 asks for: the sizes of the machine's state and of the disk


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the disk that was kept: where its level 1 table is."""

    number: int
    l1_offset: int
    l1_entries: int


def read_snapshots(
    read: Callable[[int, int], bytes], offset: int, count: int, version: int, cluster_size: int
) -> tuple[list[Snapshot], int]:
    """The entries of a snapshot table, and the bytes that it takes.

    :param read: gives so many bytes of the file from an offset on; fewer at its end.
    :raises BadImage: an entry is none, or is cut off.
    """
    found: list[Snapshot] = []
    at = offset
    for number in range(count):
        at += -at % 8
        raw = read(at, _ENTRY.size)
        if len(raw) < _ENTRY.size:
            raise damaged(Reason("image_snapshot", number=number))
        l1_offset, l1_entries, id_length, name_length, *_, extra_length = _ENTRY.unpack(raw)
        if (
            extra_length > _LONGEST_EXTRA
            or (version >= 3 and extra_length < _EXTRA_OF_VERSION_3)
            or l1_entries * 8 > LARGEST_L1
            or l1_offset % cluster_size
            or (l1_entries and l1_offset < cluster_size)
        ):
            raise damaged(Reason("image_snapshot", number=number))
        at += _ENTRY.size + extra_length + id_length + name_length
        if at - offset > _LARGEST_TABLE:
            raise damaged(Reason("image_snapshot", number=number))
        found.append(Snapshot(number, l1_offset, l1_entries))
    return found, at - offset
