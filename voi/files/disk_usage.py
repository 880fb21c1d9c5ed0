"""How much of a disk is free."""

from __future__ import annotations

import shutil
from pathlib import Path

from voi.errors import StorageMissing
from voi.messages.reason import Reason, of_system


def free_bytes(directory: Path) -> int:
    """Bytes that can still be written below `directory`.

    :raises StorageMissing: the directory cannot be asked.
    """
    return disk_usage(directory)[0]


def disk_usage(directory: Path) -> tuple[int, int]:
    """Bytes that can still be written below `directory`, and all of its disk.

    :raises StorageMissing: the directory cannot be asked.
    """
    try:
        usage = shutil.disk_usage(directory)
    except OSError as error:
        raise StorageMissing(Reason("path_failed", path=str(directory), text=of_system(error.strerror))) from error
    return usage.free, usage.total
