"""Opening the file that is meant and no other, and saying why it cannot be."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from voi.errors import Conflict, NoSpace, StorageMissing, VoiError
from voi.messages.reason import Reason, of_system


@contextmanager
def regular(path: Path) -> Iterator[int]:
    """A regular file, opened for reading; no symbolic link is followed, and no pipe waited for.

    :raises OSError: it cannot be opened; of a link, ELOOP.
    :raises Conflict: it is something else.
    """
    # O_NONBLOCK: without it, opening a pipe without a writer would block the thread for ever.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Conflict(Reason("not_regular", path=str(path)))
        yield fd
    finally:
        os.close(fd)


_REASONS: dict[int, tuple[type[VoiError], Callable[[str], Reason]]] = {
    errno.ENOENT: (StorageMissing, lambda path: Reason("file_absent", path=path)),
    errno.EACCES: (StorageMissing, lambda path: Reason("file_not_permitted", path=path)),
    errno.ELOOP: (Conflict, lambda path: Reason("file_is_link", path=path)),
    errno.EEXIST: (Conflict, lambda path: Reason("file_already_there", path=path)),
    errno.EISDIR: (Conflict, lambda path: Reason("not_regular", path=path)),
    errno.ENOSPC: (NoSpace, lambda path: Reason("no_room_for_file", path=path)),
    errno.EDQUOT: (NoSpace, lambda path: Reason("quota_of_file", path=path)),
    errno.EFBIG: (NoSpace, lambda path: Reason("file_too_large", path=path)),
}
"""The operating system's error -> what the administrator reads."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What the operating system says of a file, as a sentence for the administrator.

    :raises StorageMissing: the file cannot be read or written.
    :raises Conflict: it is not what it should be.
    :raises NoSpace: the disk is full.
    """
    try:
        yield
    except OSError as error:
        known = _REASONS.get(error.errno or 0)
        if known is None:
            text = of_system(error.strerror or str(error))
            raise StorageMissing(Reason("path_failed", path=str(path), text=text)) from error
        kind, reason = known
        raise kind(reason(str(path))) from error
