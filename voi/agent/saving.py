"""What a terminal must remember, on its disk; a disk that does not take it has a sentence for the server."""

from __future__ import annotations

from pathlib import Path

from voi.errors import StorageMissing
from voi.files.atomic import write_atomically
from voi.messages.reason import Reason, of_system


def save(path: Path, data: bytes) -> None:
    """Write a small file so that after a crash it is there whole or as it was before. Blocks.

    :raises StorageMissing: the disk does not take it; says which file, and what the system said.
    """
    try:
        write_atomically(path, data)
    except OSError as error:
        raise StorageMissing(Reason("not_written", path=str(path), text=of_system(error.strerror))) from error
