"""What a file looks like from outside, its first bytes, and room for one. All of it blocks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from voi.errors import NoSpace, StorageMissing
from voi.messages.reason import Reason, of_system

BLOCK: Final = 512
"""Bytes of the blocks in which `stat` counts what a file takes, whatever the file system's own are."""


def facts(path: Path) -> tuple[int, int] | None:
    """Size in bytes and time of change in nanoseconds of a file; None when there is no regular one."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return (found.st_size, found.st_mtime_ns) if path.is_file() and not path.is_symlink() else None


def read_start(path: Path, most: int) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(most)


def make_room(path: Path, length: int) -> None:
    """See that a file of `length` bytes fits at `path`; what is there beyond that length is cut off.

    :raises NoSpace: says what is needed and what there is.
    :raises StorageMissing: the file cannot be changed, or is none.
    """
    try:
        here = facts(path)
        if here is None and os.path.lexists(path):
            raise StorageMissing(Reason("not_a_file", path=str(path)))
        if here is not None and here[0] > length:
            os.truncate(path, length)
        taken = path.stat().st_blocks * BLOCK if here is not None else 0
        disk = os.statvfs(path.parent)
    except OSError as error:
        raise StorageMissing(Reason("path_failed", path=str(path), text=of_system(error.strerror))) from error
    free = disk.f_bavail * disk.f_frsize
    if length - taken > free:
        raise NoSpace(Reason("terminal_full", name=path.name, needed=length - taken, free=free))
