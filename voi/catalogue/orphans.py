"""Files in the data directory that nothing refers to any more: left by a crash, or by a database that was put back."""

from __future__ import annotations

import enum
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from voi.errors import Malformed, StorageMissing
from voi.files.directory import DataDirectory
from voi.messages.reason import Reason, of_system
from voi.names import DiskName

_BY_HASH: Final = re.compile(r"([0-9a-f]{40})\.(torrent|blocks|json|resume)")
_DRAFT: Final = re.compile(r"\..+\.new")


class OrphanKind(enum.StrEnum):
    """What a file was, as far as its place and name tell."""

    DISK = "disk"
    """A level's file in disks/ that no template has."""
    UPLOAD = "upload"
    """A file in incoming/ that no upload under way writes."""
    FETCHED = "fetched"
    """A file in fetched/ that is not being fetched back."""
    TORRENT = "torrent"
    """A torrent or block table of nothing that is published or under way."""
    RESUME = "resume"
    """What was noted of such a torrent's file."""
    DRAFT = "draft"
    """A file that was being written when the server was killed."""
    OTHER = "other"
    """Nothing that this server makes; somebody put it there, if only in the place of a level (``.other-1``)."""


class Orphan(NamedTuple):
    """A file that nothing refers to, with the bytes that it takes on the disk."""

    path: Path
    size: int
    what: OrphanKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Referred:
    """What the database knows: names of published levels, names of uploads under way, info-hashes of both."""

    published: Collection[DiskName]
    uploads: Collection[DiskName] = ()
    info_hashes: Collection[bytes]
    fetched: Collection[DiskName] = field(default=())
    """Published levels that are being fetched back at this moment."""


def find_orphans(directory: DataDirectory, referred: Referred) -> list[Orphan]:
    """The files of a data directory to which nothing refers, in the order of their paths. Blocks.

    The database with its copies, the lock and whatever else lies beside them in the uppermost directory are nobody's
    business here. What is gone when it is looked at is passed over. A directory that is not there has no files.

    :raises StorageMissing: a directory cannot be read.
    """
    published = {str(name) for name in referred.published}
    uploads = {str(name) for name in referred.uploads}
    fetched = {str(name) for name in referred.fetched}
    hashes = {info_hash.hex() for info_hash in referred.info_hashes}
    found: list[Orphan] = []
    for place, known, kind in (
        (directory.disks, published, OrphanKind.DISK),
        (directory.incoming, uploads, OrphanKind.UPLOAD),
        (directory.fetched, fetched, OrphanKind.FETCHED),
    ):
        found += (
            Orphan(path, size, _of_disk(path.name, kind))
            for path, size in _files(place)
            if path.name not in known and path != directory.disks_identity
        )
    for place, kind in ((directory.torrents, OrphanKind.TORRENT), (directory.resume, OrphanKind.RESUME)):
        for path, size in _files(place):
            match = _BY_HASH.fullmatch(path.name)
            if match is not None and match[1] in hashes:
                continue
            if place == directory.resume and path.name in ("running", "epoch"):
                continue
            found.append(Orphan(path, size, kind if match is not None else _unnamed(path.name)))
    return sorted(found)


def _of_disk(name: str, kind: OrphanKind) -> OrphanKind:
    try:
        is_level = str(DiskName.parse(name)) == name
    except Malformed:
        is_level = False
    return kind if is_level else _unnamed(name)


def _unnamed(name: str) -> OrphanKind:
    return OrphanKind.DRAFT if _DRAFT.fullmatch(name) else OrphanKind.OTHER


def _files(place: Path) -> Iterator[tuple[Path, int]]:
    """What lies in a directory, links as links, with the bytes that each takes; directories are left alone."""
    try:
        entries = list(os.scandir(place))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageMissing(Reason("path_failed", path=str(place), text=of_system(error.strerror))) from error
    for entry in entries:
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StorageMissing(Reason("path_failed", path=entry.path, text=of_system(error.strerror))) from error
        if not stat.S_ISDIR(facts.st_mode):
            yield Path(entry.path), facts.st_blocks * 512
