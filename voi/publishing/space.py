"""Room on the server's disk: what is free, less what uploads under way still need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from voi.domain.uploads import UploadDisk
from voi.errors import NoSpace
from voi.files.disk_usage import free_bytes
from voi.messages.reason import Reason

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
                Reason("no_space_beside", needed=needed, available=available, promised=promised)
                if promised
                else Reason("no_space", needed=needed, available=available)
            )
