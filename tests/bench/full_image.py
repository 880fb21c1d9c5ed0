"""An image whose tables say that all of a large disk is there; the data are a hole, so it takes megabytes."""

from __future__ import annotations

import os
import random
import struct
import sys
from array import array
from pathlib import Path

_COPIED = 1 << 63


def write_full_image(path: Path, virtual_size: int, cluster_bits: int = 16, *, scattered: bool = False) -> int:
    """Write one; returns the bytes of its level 2 tables.

    :param scattered: the guest's clusters lie in the file in no order, as after years of use.
    """
    cluster = 1 << cluster_bits
    guest = virtual_size >> cluster_bits
    per_table, per_block = cluster // 8, cluster // 2
    tables = -(-guest // per_table)
    l1_clusters = -(-tables * 8 // cluster)
    fixed = guest + tables + l1_clusters + 1
    blocks = table_clusters = 1
    while blocks * per_block < fixed + blocks + table_clusters:
        blocks += 1
        table_clusters = -(-blocks * 8 // cluster)
    at_table = 1
    at_blocks = at_table + table_clusters
    at_l1 = at_blocks + blocks
    at_l2 = at_l1 + l1_clusters
    at_data = at_l2 + tables
    total = at_data + guest
    with path.open("xb") as file:
        head = struct.pack(
            ">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, cluster_bits, virtual_size, 0, tables, at_l1 << cluster_bits,
            at_table << cluster_bits, table_clusters, 0, 0, 0, 0, 0, 4, 104,
        )  # fmt: skip
        file.write(head)
        _put(file.fileno(), at_table << cluster_bits, [at_blocks + n << cluster_bits for n in range(blocks)])
        _put(file.fileno(), at_l1 << cluster_bits, [at_l2 + n << cluster_bits | _COPIED for n in range(tables)])
        places = array("Q", range(at_data, total))
        if scattered:
            random.Random(1).shuffle(places)
        file.seek(at_l2 << cluster_bits)
        for start in range(0, guest, 1 << 16):
            file.write(_big_endian([place << cluster_bits | _COPIED for place in places[start : start + (1 << 16)]]))
        file.seek(at_blocks << cluster_bits)
        for start in range(0, total, 1 << 20):
            file.write(b"\0\1" * min(1 << 20, total - start))
        file.truncate(total << cluster_bits)
    return tables << cluster_bits


def _put(descriptor: int, offset: int, numbers: list[int]) -> None:
    os.pwrite(descriptor, _big_endian(numbers), offset)


def _big_endian(numbers: list[int]) -> bytes:
    made = array("Q", numbers)
    if sys.byteorder == "little":
        made.byteswap()
    return made.tobytes()
