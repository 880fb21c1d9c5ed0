"""Room for a file on its disk, taken before the first byte of it is written. All of it blocks."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from voi.errors import NoSpace, StorageMissing
from voi.files.facts import BLOCK, facts
from voi.files.permissions import FILE_MODE
from voi.messages.reason import Reason, of_system

_KEEP_SIZE: Final = 1  # FALLOC_FL_KEEP_SIZE: the blocks are the file's, its length is as before
_NOT_OFFERED: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_libc = ctypes.CDLL(None, use_errno=True)

Allocate = Callable[[int, int], None]
"""Takes blocks for a file descriptor, so many bytes from its start; raises OSError."""


def allocate(descriptor: int, length: int) -> None:
    """Take the blocks for `length` bytes of a file; its length stays as it is.

    Linux's own call and not `posix_fallocate`, which writes to each block where the file system cannot do it: ext4,
    XFS, Btrfs, F2FS and tmpfs can, in an instant; NFS before 4.2, exFAT and FAT cannot.

    :raises OSError: EOPNOTSUPP or the like where it cannot, ENOSPC where there is no room.
    """
    call = getattr(_libc, "fallocate64", None) or getattr(_libc, "fallocate", None)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while call(descriptor, _KEEP_SIZE, 0, length):
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))


def check_room(path: Path, length: int, promised: int = 0, *, beside: bool = False) -> None:
    """See that a file of `length` bytes fits at `path`; nothing is changed.

    :param promised: bytes that others are still to get on this disk.
    :param beside: what is at `path` stays, elsewhere on this disk: it makes no room.
    :raises NoSpace: says what is needed and what there is.
    :raises StorageMissing: the disk cannot be asked, or no file can be there.
    """
    needed, free = shortage(path, length, beside=beside)
    if needed + promised > free:
        raise NoSpace(Reason("terminal_full", name=path.name, needed=needed + promised, free=free))


def shortage(path: Path, length: int, *, beside: bool = False) -> tuple[int, int]:
    """Bytes that a file of `length` bytes needs beyond those that it has, and the bytes that are free.

    :raises StorageMissing: the disk cannot be asked, or no file can be there.
    """
    try:
        here = facts(path)
        if here is None and os.path.lexists(path):
            raise StorageMissing(Reason("not_a_file", path=str(path)))
        disk = os.statvfs(path.parent)
        taken = 0 if here is None or beside else min(length, path.stat().st_blocks * BLOCK)
    except OSError as error:
        raise _failed(path, error) from error
    return length - taken, disk.f_bavail * disk.f_frsize


def reserve(path: Path, length: int, promised: int = 0, take: Allocate = allocate) -> bool:
    """Take the room for a file of `length` bytes; what is there beyond that length is cut off.

    The file's content and its time of change stay as they are, so what is noted of it stays true.

    :param promised: bytes that others are still to get on this disk; what is reserved is not among them.
    :return: False where the file system cannot reserve: it fits now, and may not later.
    :raises NoSpace: says what is needed and what there is.
    :raises StorageMissing: the file cannot be changed, or is none.
    """
    check_room(path, length, promised)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            found = os.fstat(descriptor)
            if found.st_size > length:
                os.ftruncate(descriptor, length)
                found = os.fstat(descriptor)
            if found.st_blocks * BLOCK >= length:
                return True
            take(descriptor, length)
            os.utime(descriptor, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _NOT_OFFERED:
            return False
        if error.errno in _FULL:
            needed, free = shortage(path, length)
            raise NoSpace(Reason("terminal_full", name=path.name, needed=needed, free=free)) from error
        raise _failed(path, error) from error
    return True


def _failed(path: Path, error: OSError) -> StorageMissing:
    return StorageMissing(Reason("path_failed", path=str(path), text=of_system(error.strerror)))
