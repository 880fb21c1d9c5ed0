"""What the first bytes of a qcow2 file say: a strict reader of its header.

Pure: bytes in, values out. Nothing here opens a file, and least of all the one that a header names
as its backing file. The layout is that of QEMU's ``docs/interop/qcow2.txt``; all numbers are big-endian.

Internal snapshots are allowed: terminals boot the active state and never look at them; they only cost room.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from voi.domain.image_extensions import backing_format_of, read_backing_name, read_extensions
from voi.domain.image_refusals import (
    COMPRESSION_BIT,
    ENCRYPTED,
    EXTERNAL_DATA,
    EXTERNAL_DATA_RAW,
    INCOMPATIBLE,
    check_magic,
)
from voi.errors import BadImage
from voi.messages.reason import Reason

HEADER_PREFIX = 65536
"""Bytes from the start of the file that a reader passes in: terminals look no further for the name."""

_SMALLEST_CLUSTER_BITS, _LARGEST_CLUSTER_BITS = 9, 21  # 512 bytes to 2 MiB: what the format and QEMU take
_LARGEST_VIRTUAL_SIZE = 1 << 56  # bytes; host offsets have 56 bits, so nothing larger can be addressed
_SMALLEST_VIRTUAL_SIZE = 512  # bytes; QEMU counts whole sectors, and of less than one it shows the guest nothing
LARGEST_L1 = 32 << 20
"""Bytes; QEMU opens nothing with a larger first table."""
_LARGEST_REFCOUNT_TABLE = 8 << 20  # bytes; QEMU's bound too
_MOST_SNAPSHOTS = 65536  # QEMU's bound
_V2 = struct.Struct(">4sIQIIQIIQQIIQ")  # 72 bytes, all of a version 2 header
_V3 = struct.Struct(">QQQII")  # the 32 bytes that version 3 appends
_V2_REFCOUNT_ORDER = 4  # 16 bits each, by the format
_COMPRESSION_TYPE_AT = 104
_COMPRESSION_TYPES = frozenset({1})  # zstd; 0 (deflate) is said by the absence of the bit


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The header of a qcow2 image that this server may distribute."""

    version: int
    virtual_size: int
    """Bytes that the guest sees."""
    cluster_bits: int
    backing_name: str | None
    """As the file says it; somebody else's text, never to be opened."""
    backing_format: str | None
    header_length: int
    extensions: tuple[tuple[int, bytes], ...]
    """Header extensions in order, type and data, without the end marker."""
    used_end: int
    """The first byte after header, extensions and backing name."""
    l1_offset: int
    l1_entries: int
    refcount_offset: int
    refcount_clusters: int
    """Clusters of the file that the table of reference count blocks takes."""
    refcount_bits: int
    """Bits of one reference count: 1 to 64, a power of two."""
    snapshots_offset: int
    snapshots: int

    @property
    def cluster_size(self) -> int:
        """Bytes in a cluster; the first one holds nothing but header, extensions and backing name."""
        return 1 << self.cluster_bits


def parse_header(prefix: bytes, file_size: int) -> ImageHeader:
    """Read the header of a qcow2 image of version 2 or 3.

    `prefix` is the first `HEADER_PREFIX` bytes of the file, or all of a smaller one; `file_size` is in bytes.

    :raises BadImage: it is no such image, or one that terminals could not boot; the message says why.
    """
    prefix = prefix[:HEADER_PREFIX]
    check_magic(prefix)
    if len(prefix) < min(file_size, HEADER_PREFIX) or len(prefix) < _V2.size:
        raise BadImage(Reason("image_header_cut"))
    (
        *_,
        version,
        name_offset,
        name_length,
        cluster_bits,
        virtual_size,
        crypt_method,
        l1_entries,
        l1_offset,
        refcount_offset,
        refcount_clusters,
        snapshots,
        snapshots_offset,
    ) = _V2.unpack_from(prefix)
    if version not in (2, 3):
        raise BadImage(Reason("image_version", version=version))
    if not _SMALLEST_CLUSTER_BITS <= cluster_bits <= _LARGEST_CLUSTER_BITS:
        raise BadImage(Reason("image_cluster_bits", bits=cluster_bits))
    if crypt_method != 0:
        raise BadImage(Reason("image_refused", why=ENCRYPTED))
    cluster_size = 1 << cluster_bits
    area_end = min(cluster_size, HEADER_PREFIX)
    header_length, refcount_order = (
        (_V2.size, _V2_REFCOUNT_ORDER) if version == 2 else _check_version_3(prefix, area_end)
    )
    if not _SMALLEST_VIRTUAL_SIZE <= virtual_size <= _LARGEST_VIRTUAL_SIZE:
        raise BadImage(Reason("image_virtual_size", size=virtual_size))
    _check_counts(virtual_size, cluster_size, l1_entries, refcount_clusters, snapshots)
    if snapshots_offset % cluster_size or snapshots_offset >= 1 << 63:  # also of no snapshots: QEMU does not open it
        raise BadImage(Reason("image_table_outside", what=Reason("snapshot_table")))
    _check_tables(
        [
            (Reason("level_1_table"), l1_offset, l1_entries * 8),
            # Of its last cluster, as of any, QEMU may leave the end unwritten.
            (Reason("refcount_table"), refcount_offset, (refcount_clusters - 1) * cluster_size + 8),
            *([(Reason("snapshot_table"), snapshots_offset, 8)] if snapshots else []),
        ],
        cluster_size,
        file_size,
        _most_needed(virtual_size, snapshots),
    )

    backing_name, name_end = read_backing_name(prefix, name_offset, name_length, header_length, area_end, cluster_size)
    extensions, extensions_end = read_extensions(prefix, header_length, name_offset or area_end)
    return ImageHeader(
        version=version,
        virtual_size=virtual_size,
        cluster_bits=cluster_bits,
        backing_name=backing_name,
        backing_format=backing_format_of(extensions),
        header_length=header_length,
        extensions=extensions,
        used_end=max(name_end, extensions_end),
        l1_offset=l1_offset,
        l1_entries=l1_entries,
        refcount_offset=refcount_offset,
        refcount_clusters=refcount_clusters,
        refcount_bits=1 << refcount_order,
        snapshots_offset=snapshots_offset,
        snapshots=snapshots,
    )


def _check_version_3(prefix: bytes, area_end: int) -> tuple[int, int]:
    """The length of a version 3 header and its refcount_order, after its features were found to be harmless."""
    if len(prefix) < _V2.size + _V3.size:
        raise BadImage(Reason("image_header_cut"))
    incompatible, _compatible, autoclear, refcount_order, length = _V3.unpack_from(prefix, _V2.size)
    for bit, why in INCOMPATIBLE.items():
        if incompatible & bit:
            raise BadImage(Reason("image_refused", why=why))
    if autoclear & EXTERNAL_DATA_RAW:
        raise BadImage(Reason("image_refused", why=INCOMPATIBLE[EXTERNAL_DATA]))
    unknown = incompatible & ~COMPRESSION_BIT
    if unknown:
        raise BadImage(Reason("image_features", bits=f"{unknown:#x}"))
    if refcount_order > 6:
        raise BadImage(Reason("image_refcount_order", order=refcount_order))
    if length < _V2.size + _V3.size or length % 8 or length > min(area_end, len(prefix)):
        raise BadImage(Reason("image_header_length", length=length))
    compression = prefix[_COMPRESSION_TYPE_AT] if length > _COMPRESSION_TYPE_AT else 0
    if bool(incompatible & COMPRESSION_BIT) != (compression != 0):
        raise BadImage(Reason("image_compression_bit"))
    if compression and compression not in _COMPRESSION_TYPES:
        raise BadImage(Reason("image_compression", kind=compression))
    return int(length), int(refcount_order)


def _check_counts(
    virtual_size: int, cluster_size: int, l1_entries: int, refcount_clusters: int, snapshots: int
) -> None:
    covered_by_entry = cluster_size * (cluster_size // 8)  # one level 2 table of 8-byte entries, a cluster each
    if l1_entries * 8 > LARGEST_L1 or l1_entries * covered_by_entry < virtual_size:
        raise BadImage(Reason("image_level_1_size", count=l1_entries))
    if refcount_clusters == 0:
        raise BadImage(Reason("image_no_refcounts"))
    if refcount_clusters * cluster_size > _LARGEST_REFCOUNT_TABLE:
        raise BadImage(
            Reason("image_refcounts_large", length=refcount_clusters * cluster_size, most=_LARGEST_REFCOUNT_TABLE)
        )
    if snapshots > _MOST_SNAPSHOTS:
        raise BadImage(Reason("image_snapshots", count=snapshots, most=_MOST_SNAPSHOTS))


def _most_needed(virtual_size: int, snapshots: int) -> int:
    """Bytes that a file of so large a disk has at most; beyond that a number in the header is wrong."""
    if snapshots:  # each may hold a disk of its own, and a machine's memory
        return 1 << 62
    return 2 * virtual_size + (1 << 30)


def _check_tables(
    tables: Sequence[tuple[Reason, int, int]], cluster_size: int, file_size: int, most_needed: int
) -> None:
    """That tables (each what it is, its offset and its bytes) are where tables may be, and in the file."""
    needed = 0
    for what, offset, size in tables:
        # The first cluster is the header's: a table there would be overwritten together with the backing name.
        if offset < cluster_size or offset % cluster_size or offset + size > max(file_size, most_needed):
            raise BadImage(Reason("image_table_outside", what=what))
        needed = max(needed, offset + size)
    if needed > file_size:
        # What is counted and what is cut off is not known any more: there may have been more.
        raise BadImage(Reason("image_cut_tables", missing=needed - file_size, wanted=needed, length=file_size))
