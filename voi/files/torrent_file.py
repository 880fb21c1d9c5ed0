"""Torrent files as they lie on the disk. All of it blocks."""

from __future__ import annotations

from pathlib import Path

from voi.domain.metainfo import MAX_TORRENT
from voi.errors import StorageMissing
from voi.messages.reason import Reason, of_system


def read_torrent(path: Path) -> bytes:
    """The bytes of a torrent file, whatever they are; of one that is too large one more than a torrent may have.

    :raises StorageMissing: it cannot be read; the message names the file and says why.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_TORRENT + 1)
    except OSError as error:
        raise StorageMissing(Reason("torrent_file_missing", name=path.name, text=of_system(error.strerror))) from error
