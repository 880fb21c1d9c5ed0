"""A complete upload, examined: its hashes, its image header, and the torrent it is published with.

Everything here blocks on the disk; call it in a thread.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voi.domain import blocks, image, metainfo
from voi.domain.image import ImageHeader
from voi.domain.image_backing import check_level, rewrite_backing
from voi.domain.metainfo import Metainfo
from voi.errors import BadImage
from voi.files.atomic import sync_directory, sync_file
from voi.files.hashing import IsCancelled, verify_file
from voi.files.opening import explained, regular
from voi.files.permissions import restrict
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.publishing.image_check import ImageCheck

_SHOWN: Final = 5  # piece numbers in a message


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """An image that may be published: its header, its torrent and its block sums (made anew where the header must
    change).
    """

    header: ImageHeader
    torrent: bytes
    metainfo: Metainfo
    sums: bytes


class WrongPieces(BadImage):
    """The file on the disk is not what was received; `pieces` are to be fetched again."""

    def __init__(self, name: DiskName, pieces: list[int]) -> None:
        shown = ", ".join(map(str, pieces[:_SHOWN])) + (" ..." if len(pieces) > _SHOWN else "")
        super().__init__(Reason("wrong_pieces", disk=str(name), count=len(pieces), shown=shown))
        self.pieces = pieces


def read_header(path: Path) -> ImageHeader:
    """The header of an image file; what lies behind it is not looked at.

    :raises BadImage: the image cannot be distributed; the message says why.
    :raises StorageMissing: the file cannot be read.
    :raises Conflict: it is a symbolic link, or no regular file.
    """
    with explained(path), regular(path) as file:
        return image.parse_header(os.pread(file, image.HEADER_PREFIX, 0), os.fstat(file).st_size)


def check_parent(header: ImageHeader, name: DiskName, parent_size: int | None) -> str | None:
    """Whether an image fits on the level below it, whose virtual size in bytes is given; the backing name it needs.

    :raises BadImage: it does not.
    """
    needed = check_level(header, name.level, name.uuid)
    if needed is not None and parent_size != header.virtual_size:
        # A parent without a size is not published: that is refused before.
        size = header.virtual_size
        raise BadImage(Reason("parent_size", disk=str(name), size=size, parent=needed, parent_size=parent_size or 0))
    return needed


def examine(
    path: Path, torrent: bytes, name: DiskName, parent_size: int | None, check: ImageCheck, cancelled: IsCancelled
) -> VerifiedImage:
    """Check a received file: every piece, header and tables, the fit on its parent.

    The file is not changed: where its header names the wrong backing file, the torrent given back is that of
    the file as `put_right` will make it.

    :raises WrongPieces: the disk gave back other bytes than were received.
    :raises BadImage: the image cannot be distributed.
    """
    known = metainfo.parse(torrent, name)
    sync_file(path)
    reader = blocks.Sums()
    wrong = verify_file(path, known, cancelled=cancelled, sums=reader)
    if wrong:
        raise WrongPieces(name, wrong)
    if path.stat().st_size != known.length:
        raise BadImage(Reason("longer_than_torrent", disk=str(name)))
    # After the pieces: what the disk lost is fetched again, and is no fault of the image.
    needed = check_parent(read_header(path), name, parent_size)
    header, sums = check(path, cancelled), reader.finish()
    if needed is None or needed == header.backing_name:
        return VerifiedImage(header, torrent, known, sums)
    patch = _patch(path, header, needed)
    anew = _torrent_with_patch(path, known, patch)
    sums = blocks.with_start(sums, _patched_start(path, patch), known.length)
    return VerifiedImage(header, anew, metainfo.parse(anew, name), sums)


def put_right(path: Path, name: DiskName) -> None:
    """Make the header of a difference name its parent; doing it twice does no harm."""
    header = read_header(path)
    needed = check_level(header, name.level, name.uuid)
    if needed is None or needed == header.backing_name:
        return
    patch = _patch(path, header, needed)
    with path.open("r+b") as file:
        file.write(patch)
        file.flush()
        os.fsync(file.fileno())


def install(source: Path, target: Path, name: DiskName) -> None:
    """Put a checked file right and rename it into place; a file that is there already is left alone."""
    if source.exists():
        put_right(source, name)
        restrict(source)
        source.rename(target)
        sync_directory(target.parent)
        sync_directory(source.parent)
    elif not target.exists():
        raise BadImage(Reason("file_vanished", disk=str(name)))


def _patch(path: Path, header: ImageHeader, needed: str) -> bytes:
    with path.open("rb") as file:
        return rewrite_backing(file.read(image.HEADER_PREFIX), header, needed)


def _patched_start(path: Path, patch: bytes) -> bytes:
    """The file's first blocks as they will be with `patch` at its start: all that it touches."""
    with path.open("rb") as file:
        start = file.read(-(-len(patch) // blocks.BLOCK) * blocks.BLOCK)
    return patch[: len(start)] + start[len(patch) :]


def _torrent_with_patch(path: Path, known: Metainfo, patch: bytes) -> bytes:
    """The torrent of the file as it will be with `patch` at its start: only the pieces it touches are hashed."""
    hashes = bytearray(known.piece_hashes)
    with path.open("rb") as file:
        for index in range(-(-len(patch) // known.piece_length)):
            start = index * known.piece_length
            piece = bytearray(file.read(known.piece_size(index)))
            part = patch[start : start + len(piece)]
            piece[: len(part)] = part
            hashes[index * 20 : index * 20 + 20] = hashlib.sha1(piece, usedforsecurity=False).digest()
    return metainfo.build(known.name, known.length, known.piece_length, bytes(hashes), None)
