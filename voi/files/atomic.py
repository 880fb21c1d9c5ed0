"""Small files that must survive a power cut, and what a file looks like from outside. All of it blocks."""

from __future__ import annotations

import os
from pathlib import Path

from voi.errors import NoSpace, StorageMissing
from voi.files.permissions import FILE_MODE
from voi.messages.reason import Reason, of_system


def write_atomically(path: Path, data: bytes) -> None:
    """Write a small file so that after a crash it is there whole or as it was before.

    :raises StorageMissing: the disk does not take it.
    """
    draft = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, FILE_MODE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise StorageMissing(Reason("not_written", path=str(path), text=of_system(error.strerror))) from error


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
    """Bring the names in a directory to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
        taken = path.stat().st_blocks * 512 if here is not None else 0
        disk = os.statvfs(path.parent)
    except OSError as error:
        raise StorageMissing(Reason("path_failed", path=str(path), text=of_system(error.strerror))) from error
    free = disk.f_bavail * disk.f_frsize
    if length - taken > free:
        raise NoSpace(Reason("terminal_full", name=path.name, needed=length - taken, free=free))
