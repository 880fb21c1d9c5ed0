"""Units of the terminal protocol and of disks."""

from __future__ import annotations

from typing import Final

SECTOR: Final = 512
"""Bytes of a sector, in which sizes of disks and files stand in messages (protocol sections 2 and 3)."""


def sectors(size: int) -> int:
    """How many sectors so many bytes fill, the last one in part."""
    return -(-size // SECTOR)
