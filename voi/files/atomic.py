"""Files that must survive a power cut: whole or not there at all, and on the disk when it is said. All of it blocks."""

from __future__ import annotations

import os
from pathlib import Path

from voi.files.permissions import FILE_MODE


def write_atomically(path: Path, data: bytes, mode: int = FILE_MODE) -> None:
    """Write a small file so that after a crash it is there whole or as it was before; `mode` whatever the umask.

    Each path has one writer at a time: a draft that a crash left is written over.

    :raises OSError: the disk does not take it; what was there before still is.
    """
    draft = path.with_name(f".{path.name}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def remove_drafts(directory: Path) -> None:
    """Remove what a crash left half-written in a directory; for a time when nobody writes there.

    :raises OSError: the directory cannot be read, or not be changed.
    """
    for draft in directory.glob(".*.new"):
        draft.unlink(missing_ok=True)


def sync_file(path: Path) -> None:
    """Wait until what was written to a file is on the disk.

    :raises OSError: the disk has not taken it, or there is no such file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory (what was made, renamed or removed there) are on the disk.

    :raises OSError: the disk has not taken them.
    """
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
