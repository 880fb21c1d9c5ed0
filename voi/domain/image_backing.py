"""Which backing file the image of a level must name, and how it is given that name."""

from __future__ import annotations

import struct

from voi.domain.image import HEADER_PREFIX, ImageHeader
from voi.domain.image_extensions import BACKING_FORMAT, END, EXTENSION, LONGEST_BACKING_NAME
from voi.domain.image_refusals import MAGIC
from voi.errors import BadImage
from voi.messages.reason import Reason
from voi.names import HIGHEST_PUBLISHED_LEVEL, DiskName

_BACKING_FIELDS = struct.Struct(">QI")  # offset and length of the name, at byte 8 of the header


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
    if header.backing_name is None or len(prefix) < header.header_length or prefix[:4] != MAGIC:
        raise BadImage(Reason("no_backing"))
    try:
        name = new_name.encode()
    except UnicodeEncodeError as error:
        raise BadImage(Reason("backing_not_utf8")) from error
    if not name or len(name) > LONGEST_BACKING_NAME or not new_name.isprintable():
        raise BadImage(Reason("backing_not_printable", most=LONGEST_BACKING_NAME))
    head = bytearray(prefix[: header.header_length])
    for kind, data in header.extensions:
        value = b"qcow2" if kind == BACKING_FORMAT else data
        head += EXTENSION.pack(kind, len(value)) + value + bytes(-len(value) % 8)
    head += EXTENSION.pack(END, 0)
    _BACKING_FIELDS.pack_into(head, 8, len(head), len(name))
    head += name
    if len(head) > min(header.cluster_size, HEADER_PREFIX):
        raise BadImage(Reason("backing_does_not_fit"))
    return bytes(head.ljust(header.used_end, b"\0"))
