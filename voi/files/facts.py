"""What a file looks like from outside, and its first bytes. All of it blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Final

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
