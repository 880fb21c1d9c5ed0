"""A disk copied from a file on the server, checked before and hashed while it is copied. Blocks on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from voi.catalogue.block_tables import keep_table
from voi.domain import blocks, metainfo
from voi.domain.uploads import UploadDisk
from voi.errors import Conflict
from voi.files.atomic import write_atomically
from voi.files.directory import DataDirectory
from voi.files.hashing import IsCancelled, copy_and_hash
from voi.messages.reason import Reason
from voi.publishing.image_check import ImageCheck
from voi.publishing.verification import check_parent, read_header


def copy_disk(
    disk: UploadDisk,
    directory: DataDirectory,
    check_image: ImageCheck,
    progress: Callable[[float], None],
    cancelled: IsCancelled,
) -> bytes:
    """Copy the source of an import to where uploads are received; its torrent, kept on the disk with its block table.

    :param progress: is told how far it is, 0 to 1.
    :raises BadImage: the image cannot be distributed.
    :raises StorageMissing, NoSpace, Conflict, Cancelled: as `copy_and_hash` says; Conflict also where the source
        changed after it was checked.
    """
    assert disk.source is not None
    source, target = Path(disk.source), directory.upload(disk.name)
    seen = source.stat()
    check_parent(read_header(source), disk.name, None)
    check_image(source, cancelled)  # before hours of copying
    target.unlink(missing_ok=True)  # a copy that a crash cut off
    size = seen.st_size
    length = metainfo.piece_length_for(size)
    sums = blocks.Sums()
    hashes = copy_and_hash(source, target, length, lambda done: progress(done / size), cancelled, sums=sums)
    after = source.stat()
    if (seen.st_ino, seen.st_size, seen.st_mtime_ns) != (after.st_ino, after.st_size, after.st_mtime_ns):
        raise Conflict(Reason("changed_while_read", path=str(source)))  # what was checked is not what was copied
    torrent = metainfo.build(disk.name, size, length, hashes, None)
    keep_torrent(directory, torrent)
    keep_table(directory, metainfo.parse(torrent), sums.finish())
    return torrent


def keep_torrent(directory: DataDirectory, torrent: bytes) -> None:
    """Write a torrent down under its info-hash."""
    write_atomically(directory.torrent(metainfo.parse(torrent).info_hash), torrent)
