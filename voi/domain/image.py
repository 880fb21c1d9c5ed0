"""What the first bytes of a qcow2 file say: a strict reader of its header, a new backing name.

Pure: bytes in, values out. Nothing here opens a file, and least of all the one that a header names
as its backing file. The layout is that of QEMU's ``docs/interop/qcow2.txt``; all numbers are big-endian.

Internal snapshots are allowed: terminals boot the active state and never look at them; they only cost room.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from voi.errors import BadImage
from voi.messages.reason import Reason
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName

HEADER_PREFIX = 65536
"""Bytes from the start of the file that a reader passes in: terminals look no further for the name."""

LONGEST_BACKING_NAME = 1023
"""Bytes; the format's own bound."""

_SMALLEST_CLUSTER_BITS, _LARGEST_CLUSTER_BITS = 9, 21  # 512 bytes to 2 MiB: what the format and QEMU take
_LARGEST_VIRTUAL_SIZE = 1 << 56  # bytes; host offsets have 56 bits, so nothing larger can be addressed
_SMALLEST_VIRTUAL_SIZE = 512  # bytes; QEMU counts whole sectors, and of less than one it shows the guest nothing
LARGEST_L1 = 32 << 20
"""Bytes; QEMU opens nothing with a larger first table."""
_LARGEST_REFCOUNT_TABLE = 8 << 20  # bytes; QEMU's bound too
_MOST_SNAPSHOTS = 65536  # QEMU's bound

_MAGIC = b"QFI\xfb"
_V2 = struct.Struct(">4sIQIIQIIQQIIQ")  # 72 bytes, all of a version 2 header
_V3 = struct.Struct(">QQQII")  # the 32 bytes that version 3 appends
_EXTENSION = struct.Struct(">II")  # type, length of the data, which is padded to 8 bytes
_BACKING_FIELDS = struct.Struct(">QI")  # offset and length of the name, at byte 8 of the header
_V2_REFCOUNT_ORDER = 4  # 16 bits each, by the format
_COMPRESSION_TYPE_AT = 104
_COMPRESSION_TYPES = frozenset({1})  # zstd; 0 (deflate) is said by the absence of the bit

_END = 0
_BACKING_FORMAT = 0xE2792ACA

_DIRTY, _CORRUPT, _EXTERNAL_DATA, _COMPRESSION_BIT, _SUBCLUSTERS = (1 << bit for bit in range(5))

_EXTERNAL_DATA_RAW = 2  # an autoclear bit, and nonsense without the other: QEMU opens no image that has it alone

_ENCRYPTED = Reason("encrypted")
_INCOMPATIBLE: dict[int, Reason] = {
    _CORRUPT: Reason("corrupt"),
    _DIRTY: Reason("dirty"),
    _EXTERNAL_DATA: Reason("external_data"),
    _SUBCLUSTERS: Reason("subclusters"),
}
"""Incompatible feature bit -> why an image that has it is refused, worst first."""

_REFUSED_EXTENSIONS: dict[int, Reason] = {
    0x44415441: _INCOMPATIBLE[_EXTERNAL_DATA],
    0x0537BE77: _ENCRYPTED,
}
"""Header extension -> why an image that has it is refused."""

_OTHER_FORMATS: tuple[tuple[int, bytes, Reason], ...] = (
    (0, b"conectix", Reason("vhd")),
    (0, b"vhdxfile", Reason("vhdx")),
    (0, b"KDMV", Reason("vmdk")),
    (0, b"COWD", Reason("vmdk")),
    (0, b"# Disk DescriptorFile", Reason("vmdk_descriptor")),
    (64, b"\x7f\x10\xda\xbe", Reason("vdi")),
    (0, b"QED\0", Reason("qed")),
    (0, b"\x1f\x8b", Reason("gzip")),
    (0, b"\xfd7zXZ\0", Reason("xz")),
    (0, b"\x28\xb5\x2f\xfd", Reason("zstd")),
    (0, b"PK\x03\x04", Reason("zip")),
    (32769, b"CD001", Reason("cd")),
    (512, b"EFI PART", Reason("raw_gpt")),
    (510, b"\x55\xaa", Reason("raw_boot_sector")),
)
"""Offset, signature, and what a file is that has it there."""


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
    _check_magic(prefix)
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
        raise BadImage(Reason("image_refused", why=_ENCRYPTED))
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

    backing_name, name_end = _backing_name(prefix, name_offset, name_length, header_length, area_end, cluster_size)
    extensions, extensions_end = _extensions(prefix, header_length, name_offset or area_end)
    return ImageHeader(
        version=version,
        virtual_size=virtual_size,
        cluster_bits=cluster_bits,
        backing_name=backing_name,
        backing_format=_backing_format(extensions),
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


def check_level(header: ImageHeader, level: int, disk_uuid: str) -> str | None:
    """Whether an image may stand at `level` of its disk; the backing name it needs there (level 0: None).

    The name that an uploaded diff brings may differ: what opens the diff first gives it this one, with
    `rewrite_backing`.

    :raises BadImage: a base with a backing file, a diff without one, or a level that is not distributed.
    """
    if not 0 <= level <= HIGHEST_PUBLISHED_LEVEL:
        raise BadImage(Reason("level_unknown", level=level, highest=HIGHEST_PUBLISHED_LEVEL))
    if level == 0:
        if header.backing_name is not None:
            raise BadImage(Reason("base_with_backing", text=header.backing_name[:200]))
        return None
    if header.backing_name is None:
        raise BadImage(Reason("difference_alone", level=level))
    return str(DiskName(disk_uuid, level).parent)


def rewrite_backing(prefix: bytes, header: ImageHeader, new_name: str) -> bytes:
    """The bytes to write at offset 0 of the file, so that its backing file is `new_name`.

    They hold the header, all its extensions, the name, and zeros over what is left of a longer old one. A
    backing format that is stated becomes qcow2, which every level is. The result is one piece so that one
    write does it; it never leaves the first cluster, where the format allows nothing but these things.

    :raises BadImage: there is no backing file to rename, or the new name is not one that fits.
    """
    if header.backing_name is None or len(prefix) < header.header_length or prefix[:4] != _MAGIC:
        raise BadImage(Reason("no_backing"))
    try:
        name = new_name.encode()
    except UnicodeEncodeError as error:
        raise BadImage(Reason("backing_not_utf8")) from error
    if not name or len(name) > LONGEST_BACKING_NAME or not new_name.isprintable():
        raise BadImage(Reason("backing_not_printable", most=LONGEST_BACKING_NAME))
    head = bytearray(prefix[: header.header_length])
    for kind, data in header.extensions:
        value = b"qcow2" if kind == _BACKING_FORMAT else data
        head += _EXTENSION.pack(kind, len(value)) + value + bytes(-len(value) % 8)
    head += _EXTENSION.pack(_END, 0)
    _BACKING_FIELDS.pack_into(head, 8, len(head), len(name))
    head += name
    if len(head) > min(header.cluster_size, HEADER_PREFIX):
        raise BadImage(Reason("backing_does_not_fit"))
    return bytes(head.ljust(header.used_end, b"\0"))


def _check_magic(prefix: bytes) -> None:
    if prefix[:4] == _MAGIC:
        return
    for offset, signature, what in _OTHER_FORMATS:
        if prefix[offset : offset + len(signature)] == signature:
            raise BadImage(Reason("other_format", what=what))
    if not prefix.strip(b"\0"):
        raise BadImage(Reason("empty_file"))
    raise BadImage(Reason("raw_file"))


def _check_version_3(prefix: bytes, area_end: int) -> tuple[int, int]:
    """The length of a version 3 header and its refcount_order, after its features were found to be harmless."""
    if len(prefix) < _V2.size + _V3.size:
        raise BadImage(Reason("image_header_cut"))
    incompatible, _compatible, autoclear, refcount_order, length = _V3.unpack_from(prefix, _V2.size)
    for bit, why in _INCOMPATIBLE.items():
        if incompatible & bit:
            raise BadImage(Reason("image_refused", why=why))
    if autoclear & _EXTERNAL_DATA_RAW:
        raise BadImage(Reason("image_refused", why=_INCOMPATIBLE[_EXTERNAL_DATA]))
    unknown = incompatible & ~_COMPRESSION_BIT
    if unknown:
        raise BadImage(Reason("image_features", bits=f"{unknown:#x}"))
    if refcount_order > 6:
        raise BadImage(Reason("image_refcount_order", order=refcount_order))
    if length < _V2.size + _V3.size or length % 8 or length > min(area_end, len(prefix)):
        raise BadImage(Reason("image_header_length", length=length))
    compression = prefix[_COMPRESSION_TYPE_AT] if length > _COMPRESSION_TYPE_AT else 0
    if bool(incompatible & _COMPRESSION_BIT) != (compression != 0):
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


def _backing_name(
    prefix: bytes, offset: int, length: int, header_length: int, area_end: int, cluster_size: int
) -> tuple[str | None, int]:
    """The backing name, and the first byte after it."""
    if offset == 0:
        return None, 0
    if length > LONGEST_BACKING_NAME:
        raise BadImage(Reason("backing_name_long", length=length, most=LONGEST_BACKING_NAME))
    if not header_length <= offset <= area_end - length:
        far = cluster_size > HEADER_PREFIX
        raise BadImage(Reason("backing_name_far") if far else Reason("backing_name_misplaced"))
    if len(prefix) < offset + length:
        raise BadImage(Reason("image_name_cut"))
    if length == 0:
        return None, offset  # QEMU too takes an empty name for no backing file
    return _text(prefix[offset : offset + length], Reason("backing_name")), offset + length


def _extensions(prefix: bytes, start: int, end: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """The header extensions, and the first byte after them; at most 8192 fit where they must lie."""
    found: list[tuple[int, bytes]] = []
    seen: set[int] = set()
    at = start
    end = min(end, len(prefix))
    while at < end:
        if end - at < _EXTENSION.size:
            raise BadImage(Reason("extension_cut"))
        kind, length = _EXTENSION.unpack_from(prefix, at)
        at += _EXTENSION.size
        if length > end - at:  # of the end marker too: QEMU looks at it before it looks what it is
            raise BadImage(Reason("extension_long", kind=f"{kind:#x}"))
        if kind == _END:
            return tuple(found), at
        if kind in seen:
            raise BadImage(Reason("extension_twice", kind=f"{kind:#x}"))
        if kind in _REFUSED_EXTENSIONS:
            raise BadImage(Reason("image_refused", why=_REFUSED_EXTENSIONS[kind]))
        seen.add(kind)
        found.append((kind, prefix[at : at + length]))
        at += length + -length % 8
    return tuple(found), min(at, end)


def _backing_format(extensions: tuple[tuple[int, bytes], ...]) -> str | None:
    for kind, data in extensions:
        if kind == _BACKING_FORMAT:
            return _text(data, Reason("backing_format"))
    return None


def _text(raw: bytes, what: Reason) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadImage(Reason("not_utf8", what=what)) from error
    # isprintable would refuse some spaces that file names have; only NUL and control characters must go.
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text):
        raise BadImage(Reason("control_characters", what=what))
    return text
