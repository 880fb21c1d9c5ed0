"""Room on the server's disk: what is free, less what uploads under way still need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from voi.domain.uploads import UploadDisk
from voi.errors import NoSpace
from voi.store.database import free_bytes

MARGIN: Final = 256 << 20
"""Bytes that stay free for the database, torrents and logs."""


class Space:
    """Answers whether so many more bytes fit.

    `measure` gives the free bytes below a directory.
    """

    def __init__(self, directory: Path, measure: Callable[[Path], int] = free_bytes) -> None:
        self._directory = directory
        self._measure = measure

    def check(self, needed: int, under_way: Iterable[tuple[UploadDisk, float]]) -> None:
        """Whether `needed` bytes fit beside the uploads under way, given with the part of each that is here.

        :raises NoSpace: says what is needed and what there is.
        """
        promised = sum(round(disk.size * (1 - fraction)) for disk, fraction in under_way)
        available = max(0, self._measure(self._directory) - promised - MARGIN)
        if needed > available:
            raise NoSpace(
                f"{_size(needed)} are needed on the server, {_size(available)} are available"
                + (f" beside {_size(promised)} promised to other uploads" if promised else "")
            )


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the last unit returns")
