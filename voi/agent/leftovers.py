"""Small files in ``.voi`` that belong to no disk of this terminal any more, removed at a start.

Only what this program made and can make again: torrents, and notes on what was verified. Files of disks are never
touched here, wherever they lie: one that nothing is known of is somebody's work.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from twisted.logger import Logger

from voi.errors import Malformed
from voi.names import DiskName

log = Logger()

_TORRENT: Final = ".torrent"
_NOTES: Final = re.compile(r"([0-9a-f]{40})\.(?:json|resume)")


def remove_leftovers(
    hidden: Path, seeding: Path, names: Collection[DiskName], info_hashes: Collection[bytes]
) -> list[Path]:
    """Remove what belongs neither to a disk of these names nor to a torrent of these info-hashes; what went. Blocks.

    What cannot be removed is logged, and stays. To be called before anything is fetched or offered.

    :param hidden: where the torrents of disks are.
    :param seeding: where notes on torrents are.
    """
    found = [path for path in hidden.glob(f"voi_*{_TORRENT}") if not _belongs(path.stem, names)]
    hashes = {info_hash.hex() for info_hash in info_hashes}
    found += [path for path in seeding.glob("*") if (match := _NOTES.fullmatch(path.name)) and match[1] not in hashes]
    return [path for path in sorted(found) if _removed(path)]


def _belongs(stem: str, names: Collection[DiskName]) -> bool:
    try:
        return DiskName.parse(stem) in names
    except Malformed:  # not ours
        return True


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError as error:
        log.warn("{path} cannot be removed: {error}", path=str(path), error=error)
        return False
    log.info("{path} was removed: nothing refers to it", path=str(path))
    return True
