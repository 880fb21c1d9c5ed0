"""Who may read what is kept on disk: the owner writes, the group reads, others see nothing, whatever the umask was.

Disks hold what people work with, and their torrents the way to them. libtorrent makes its files with mode 0666 less
the umask, so the umask is set too; what was made before is put right at the next start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from twisted.logger import Logger

log = Logger()

FILE_MODE: Final = 0o640
DIRECTORY_MODE: Final = 0o750
SECRET_MODE: Final = 0o600
"""Of what opens the whole server: the API's token, and the database with its keys and hashes of passwords."""

UMASK: Final = 0o027
"""Of the process: what others make for it (libtorrent, SQLite) has these modes as well."""


def set_umask() -> None:
    """Make everything that this process creates from now on closed to others."""
    os.umask(UMASK)


def make_directory(path: Path) -> None:
    """Make a directory with those above it, or put right the one that is there.

    :raises OSError: it cannot be made.
    """
    path.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    restrict(path, DIRECTORY_MODE)


def restrict(path: Path, mode: int = FILE_MODE) -> None:
    """Give a file or directory its mode; where that is refused, a line in the log, and no more.

    Someone else may own it, or the file system may know no modes.
    """
    try:
        found = path.stat().st_mode
        if stat.S_ISDIR(found) and found & stat.S_ISVTX:
            return  # everybody's, like /tmp
        if stat.S_IMODE(found) & 0o777 == mode:
            return
        path.chmod(stat.S_IMODE(found) & ~0o777 | mode)  # a group that is handed down (setgid) stays so
    except FileNotFoundError:
        return  # gone since it was listed
    except OSError as error:
        log.warn(
            "{path} keeps its permissions ({error}): as its owner, run chmod {mode:o} on it",
            path=str(path),
            error=error.strerror,
            mode=mode,
        )


def restrict_files(paths: Iterable[Path], mode: int = FILE_MODE) -> None:
    """Give files their mode, regular ones alone: a link may lead out of the directory."""
    for path in paths:
        if path.is_file() and not path.is_symlink():
            restrict(path, mode)
