"""A qcow2 image (version 3) made from nothing, with content that looks like a disk's: for trying voi without one.

The layout is that of QEMU's ``docs/interop/qcow2.txt``: header, data clusters in the order in which they are
written, then the tables, whose size is known only by then. The same arguments give the same bytes.
"""

from __future__ import annotations

import random
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CLUSTER = 65536
"""Bytes in a cluster of the images made here; QEMU's default too."""

DEFAULT_DATA = 16 << 20
"""Bytes of content by default: 256 pieces of 64 KiB, enough to see a swarm at work."""

_L2_ENTRIES = CLUSTER // 8
_REFCOUNTS = CLUSTER // 2  # of 16 bits each in one block
_COPIED = 1 << 63  # set on each entry whose cluster is referenced exactly once: on all of ours
_RUN = 64  # clusters of content that lie together, 4 MiB: file systems keep files in one piece
_TEXT_EVERY = 4  # one cluster in so many is text, the others do not compress

_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_EXTENSION = struct.Struct(">II")
_BACKING_FORMAT = 0xE2792ACA
_REFCOUNT_ORDER = 4  # 2**4 bits each
_LONGEST_NAME = 1023  # bytes, the format's bound

_SAMPLE_WORDS = (
    *("service", "terminal", "driver", "kernel", "update", "room", "lesson", "pupil", "teacher", "desktop"),
    *("printer", "network", "session", "policy", "system32", "registry", "module", "version", "error", "warning"),
    *("started", "stopped", "loaded", "true", "false", "null", "0x0000", "0xffff"),
)


def write_image(
    path: Path,
    virtual_size: int,
    content: Iterable[tuple[int, bytes]] | None = None,
    *,
    backing: str | None = None,
    seed: int = 0,
    data_bytes: int = DEFAULT_DATA,
) -> int:
    """Write a new image of `virtual_size` bytes and return the size of its file in bytes.

    `content` gives guest offsets and the bytes there. Without it, about `data_bytes` (at most `virtual_size`) are
    made up from `seed` and spread over the disk. What a touched 64 KiB cluster was not given reads as zeros, even
    where the backing file has something else. `backing` names the backing file, a qcow2 image, which is not opened.

    :raises FileExistsError: there is a file of this name; none is ever overwritten.
    :raises ValueError: a size, an offset or a name that no image can have.
    """
    if virtual_size <= 0 or virtual_size % 512:
        raise ValueError(f"a virtual size of {virtual_size} bytes; it must be a multiple of 512")
    extensions, name = _backing(backing)
    if content is None:
        content = _made_up(virtual_size, seed, min(data_bytes, virtual_size))
    with path.open("xb") as file:
        try:
            placed = _write_content(file, virtual_size, content)
            tables = _write_tables(file, virtual_size, placed)
            _write_at(file, 0, _header(virtual_size, tables, extensions, name))
        except BaseException:
            path.unlink()
            raise
    return tables.end * CLUSTER


@dataclass(frozen=True, slots=True)
class _Tables:
    """Where the tables lie, in clusters of the file."""

    l1: int
    l1_entries: int
    refcounts: int
    refcounts_length: int
    end: int


def _write_content(file: BinaryIO, virtual_size: int, content: Iterable[tuple[int, bytes]]) -> dict[int, int]:
    """Write the content behind the header; returns guest cluster -> cluster of the file."""
    placed: dict[int, int] = {}
    for offset, data in content:
        if offset < 0 or offset + len(data) > virtual_size:
            raise ValueError(f"content at {offset} of {len(data)} bytes is outside the disk")
        at = 0
        while at < len(data):
            cluster, inside = divmod(offset + at, CLUSTER)
            part = data[at : at + CLUSTER - inside]
            file.seek(placed.setdefault(cluster, 1 + len(placed)) * CLUSTER + inside)
            file.write(part)
            at += len(part)
    return placed


def _write_tables(file: BinaryIO, virtual_size: int, placed: dict[int, int]) -> _Tables:
    """Write level 2 and level 1 tables and the reference counts behind the content."""
    l1_entries = _ceil_div(virtual_size, CLUSTER * _L2_ENTRIES)
    at = 1 + len(placed)

    l1 = array("Q", bytes(l1_entries * 8))
    l2: dict[int, array[int]] = {}
    for guest, host in placed.items():
        table = l2.setdefault(guest // _L2_ENTRIES, array("Q", bytes(CLUSTER)))
        table[guest % _L2_ENTRIES] = host * CLUSTER | _COPIED
    for index, table in sorted(l2.items()):
        l1[index] = at * CLUSTER | _COPIED
        at = _write_at(file, at, _big_endian(table))
    l1_at = at
    at = _write_at(file, at, _big_endian(l1))

    # The counts count their own clusters too, so their number is the smallest that covers itself.
    blocks = 1
    while blocks * _REFCOUNTS < at + blocks + _table_clusters(blocks):
        blocks += 1
    total = at + blocks + _table_clusters(blocks)
    counts = array("H", [1]) * total
    counts.extend([0] * (blocks * _REFCOUNTS - total))
    blocks_at = at
    at = _write_at(file, at, _big_endian(counts))
    table_at = at
    addresses = array("Q", ((blocks_at + block) * CLUSTER for block in range(blocks)))
    at = _write_at(file, at, _big_endian(addresses))

    return _Tables(l1_at, l1_entries, table_at, _table_clusters(blocks), at)


def _header(virtual_size: int, tables: _Tables, extensions: bytes, name: bytes) -> bytes:
    fixed = _HEADER.pack(
        b"QFI\xfb",
        3,
        _HEADER.size + len(extensions) if name else 0,
        len(name),
        CLUSTER.bit_length() - 1,
        virtual_size,
        0,  # not encrypted
        tables.l1_entries,
        tables.l1 * CLUSTER,
        tables.refcounts * CLUSTER,
        tables.refcounts_length,
        0,  # no snapshots,
        0,  # and no table of them
        0,  # no features: neither incompatible
        0,  # nor compatible
        0,  # nor autoclear
        _REFCOUNT_ORDER,
        _HEADER.size,
    )
    return fixed + extensions + name


def _backing(name: str | None) -> tuple[bytes, bytes]:
    """The header extensions with their end marker, and the backing name."""
    end = _EXTENSION.pack(0, 0)
    if name is None:
        return end, b""
    encoded = name.encode()
    if not 0 < len(encoded) <= _LONGEST_NAME:
        raise ValueError(f"a backing name of {len(encoded)} bytes; it must have 1 to {_LONGEST_NAME}")
    return _EXTENSION.pack(_BACKING_FORMAT, 5) + b"qcow2".ljust(8, b"\0") + end, encoded


def _made_up(virtual_size: int, seed: int, amount: int) -> Iterator[tuple[int, bytes]]:
    """Clusters of content, in runs that are spread over the disk; the first cluster is always among them."""
    source = random.Random(seed)  # noqa: S311 - content to look at, the same each time; no secret
    text = "\n".join(" ".join(source.choices(_SAMPLE_WORDS, k=12)) for _ in range(4096)).encode()
    clusters, available = _ceil_div(amount, CLUSTER), virtual_size // CLUSTER
    runs = _ceil_div(clusters, _RUN)
    for index in range(clusters):
        cluster = index + (max(available, clusters) - clusters) * (index // _RUN) // runs
        offset = cluster * CLUSTER
        if index % _TEXT_EVERY:
            data = source.randbytes(CLUSTER)
        else:
            start = source.randrange(len(text) - CLUSTER)
            data = b"%016d\n" % source.getrandbits(50) + text[start : start + CLUSTER - 17]
        yield offset, data[: virtual_size - offset]


def _write_at(file: BinaryIO, cluster: int, data: bytes) -> int:
    """Write whole clusters, the last one filled up with zeros; returns the first cluster after them."""
    file.seek(cluster * CLUSTER)
    file.write(data + bytes(-len(data) % CLUSTER))
    return cluster + _ceil_div(len(data), CLUSTER)


def _table_clusters(blocks: int) -> int:
    return _ceil_div(blocks * 8, CLUSTER)


def _big_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()


def _ceil_div(value: int, by: int) -> int:
    return -(-value // by)
