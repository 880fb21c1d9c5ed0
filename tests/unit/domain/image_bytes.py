"""The first bytes of qcow2 images, by hand: a good one of each version, and what is changed in them."""

from __future__ import annotations

import struct

from voi.domain.image import HEADER_PREFIX

FILE_SIZE = 4 * 65536

# By hand: offsets of the fields of a header, as QEMU's description of the format lists them.
VERSION, NAME_OFFSET, NAME_LENGTH, CLUSTER_BITS, SIZE, CRYPT = 4, 8, 16, 20, 24, 32
L1_ENTRIES, L1_OFFSET, REFCOUNT_OFFSET, REFCOUNT_CLUSTERS, SNAPSHOTS, SNAPSHOTS_OFFSET = 36, 40, 48, 56, 60, 64
INCOMPATIBLE, REFCOUNT_ORDER, HEADER_LENGTH, COMPRESSION = 72, 96, 100, 104

V2_DIFF = bytes.fromhex(
    "514649fb 00000002 0000000000000060 00000008 00000010 0000000040000000 00000000 00000002"
    "0000000000030000 0000000000010000 00000001 00000000 0000000000000000"
    "e2792aca 00000005 71636f7732000000 00000000 00000000"
    "74322e71636f7732"  # t2.qcow2
)
V3_BASE = bytes.fromhex(
    "514649fb 00000003 0000000000000000 00000000 00000010 0000000040000000 00000000 00000002"
    "0000000000030000 0000000000010000 00000001 00000000 0000000000000000"
    "0000000000000000 0000000000000000 0000000000000000 00000004 00000070 0000000000000000"
    "00000000 00000000"
)


def filled(head: bytes, size: int = HEADER_PREFIX) -> bytes:
    """A header with zeros after it, as a file begins."""
    return head.ljust(size, b"\0")


def changed(head: bytes, *fields: tuple[int, str, int]) -> bytes:
    """A header with some of its numbers changed: offset, struct code, value."""
    out = bytearray(filled(head))
    for offset, code, value in fields:
        struct.pack_into(f">{code}", out, offset, value)
    return bytes(out)


def v3_diff(name: bytes = b"base", extensions: bytes = b"") -> bytes:
    """A version 3 diff whose extensions are those given, with an end marker and the name behind them."""
    area = extensions + bytes(8)
    head = V3_BASE[:8] + struct.pack(">QI", 112 + len(area), len(name)) + V3_BASE[20:112] + area + name
    return filled(head)


RAW_FORMAT = bytes.fromhex("e2792aca 00000003 7261770000000000")
UNKNOWN = bytes.fromhex("12345678 00000004 deadbeef00000000")
