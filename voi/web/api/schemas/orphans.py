"""Files to which nothing refers, as the API answers them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from voi.web.http.reasons import Why

OrphanKind = Literal["disk", "upload", "fetched", "torrent", "resume", "draft"]
"""What a file was: a level in ``disks``, an upload in ``incoming``, a torrent or a table, notes on what was verified,
or something half-written.
"""


class OrphanView(Struct, frozen=True):
    """A file to which nothing refers; `size` is what it takes on the disk, in bytes."""

    path: str
    size: int
    kind: OrphanKind


class OrphanList(Struct, frozen=True):
    """All such files by path, and their bytes in all."""

    files: list[OrphanView]
    size: int


class RefusedView(Struct, frozen=True):
    """A file that could not be deleted, and why."""

    path: str
    text: str
    why: Why | None


class SweptView(Struct, frozen=True):
    """What was deleted, its bytes in all, and what could not be."""

    deleted: list[OrphanView]
    size: int
    refused: list[RefusedView]
