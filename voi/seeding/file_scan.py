"""What a disk file already has of a torrent, read once from end to end. Blocks; call it in a thread."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from voi.domain.blocks import BlockTable, Sums, compare
from voi.domain.metainfo import Metainfo
from voi.errors import StorageMissing
from voi.files.hashing import IsCancelled, Progress, hash_file
from voi.messages.reason import Reason, of_system
from voi.seeding.interfaces import FileFacts, FileScan


@dataclass(frozen=True, slots=True)
class Reading:
    """The hashes and sums of a file, cut as a torrent cuts it."""

    facts: FileFacts
    piece_hashes: bytes
    sums: bytes

    def against(self, metainfo: Metainfo, table: BlockTable | None, distrusted: Collection[int] = ()) -> FileScan:
        """What of the torrent is there; see `voi.domain.blocks.compare`."""
        return FileScan(compare(metainfo, self.piece_hashes, self.sums, table, distrusted), self.facts)


def read(
    path: Path, metainfo: Metainfo, progress: Progress | None = None, cancelled: IsCancelled | None = None
) -> Reading:
    """Hash a file as far as the torrent goes.

    :raises StorageMissing: it cannot be read.
    :raises Conflict: it is no regular file, or it changed meanwhile.
    :raises Cancelled: `cancelled` said so.
    """
    try:
        facts = FileFacts.of(path)
    except OSError as error:
        raise StorageMissing(Reason("path_failed", path=str(path), text=of_system(error.strerror))) from error
    if facts is None:
        raise StorageMissing(Reason("file_absent", path=str(path)))
    sums = Sums()
    hashes = hash_file(path, metainfo.piece_length, progress, cancelled, sums=sums, at_most=metainfo.length)
    return Reading(facts, hashes, sums.finish())
