"""What stands behind the header of a qcow2 image in its first cluster: extensions, and the name of its backing file."""

from __future__ import annotations

import struct

from voi.domain.image_refusals import REFUSED_EXTENSIONS
from voi.errors import BadImage
from voi.messages.reason import Reason

LONGEST_BACKING_NAME = 1023
"""Bytes; the format's own bound."""

EXTENSION = struct.Struct(">II")  # type, length of the data, which is padded to 8 bytes

END = 0
BACKING_FORMAT = 0xE2792ACA


def read_backing_name(
    prefix: bytes, offset: int, length: int, header_length: int, area_end: int, cluster_size: int
) -> tuple[str | None, int]:
    """The backing name, and the first byte after it."""
    if offset == 0:
        return None, 0
    if length > LONGEST_BACKING_NAME:
        raise BadImage(Reason("backing_name_long", length=length, most=LONGEST_BACKING_NAME))
    if not header_length <= offset <= area_end - length:
        far = area_end < cluster_size
        raise BadImage(Reason("backing_name_far") if far else Reason("backing_name_misplaced"))
    if len(prefix) < offset + length:
        raise BadImage(Reason("image_name_cut"))
    if length == 0:
        return None, offset  # QEMU too takes an empty name for no backing file
    return _text(prefix[offset : offset + length], Reason("backing_name")), offset + length


def read_extensions(prefix: bytes, start: int, end: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """The header extensions, and the first byte after them; at most 8192 fit where they must lie."""
    found: list[tuple[int, bytes]] = []
    seen: set[int] = set()
    at = start
    end = min(end, len(prefix))
    while at < end:
        if end - at < EXTENSION.size:
            raise BadImage(Reason("extension_cut"))
        kind, length = EXTENSION.unpack_from(prefix, at)
        at += EXTENSION.size
        if length > end - at:  # of the end marker too: QEMU looks at it before it looks what it is
            raise BadImage(Reason("extension_long", kind=f"{kind:#x}"))
        if kind == END:
            return tuple(found), at
        if kind in seen:
            raise BadImage(Reason("extension_twice", kind=f"{kind:#x}"))
        if kind in REFUSED_EXTENSIONS:
            raise BadImage(Reason("image_refused", why=REFUSED_EXTENSIONS[kind]))
        seen.add(kind)
        found.append((kind, prefix[at : at + length]))
        at += length + -length % 8
    return tuple(found), min(at, end)


def backing_format_of(extensions: tuple[tuple[int, bytes], ...]) -> str | None:
    """The format of the backing file, where an extension says it."""
    for kind, data in extensions:
        if kind == BACKING_FORMAT:
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
