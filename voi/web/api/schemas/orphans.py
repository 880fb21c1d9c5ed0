"""Files to which nothing refers, as the API answers them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from voi.web.api.schemas.fields import ListQuery
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


class OrphanQuery(ListQuery, frozen=True, forbid_unknown_fields=True):
    """Files: `q` is a part of the path."""

    sort: Literal["path", "size", "kind", "-path", "-size", "-kind"] = "path"


class OrphanList(Struct, frozen=True):
    """Such files; `total` is how many were asked for, `offset` how many of them were left out first, `size` the bytes
    of all that there are.
    """

    files: list[OrphanView]
    total: int
    offset: int
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
