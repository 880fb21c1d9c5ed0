"""A published level's file looked at: from outside, which is cheap, and read from end to end. All of it blocks."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from voi.domain.blocks import Found
from voi.domain.contents import Fault
from voi.domain.metainfo import Metainfo
from voi.errors import Conflict, StorageMissing
from voi.files.atomic import sync_directory
from voi.files.hashing import IsCancelled, Progress, hash_file
from voi.files.opening import regular
from voi.messages.reason import Reason, of_system
from voi.seeding.interfaces import FileFacts, FileScan


@dataclass(frozen=True, slots=True)
class Sight:
    """A file from outside: what it is recognised by, or what is wrong with it. `inode` tells it from one that is put
    in its place.
    """

    facts: FileFacts | None = None
    inode: int = 0
    fault: Fault | None = None


def look(path: Path) -> Sight:
    """See whether a regular file is there that can be opened; its size is for others to judge."""
    try:
        with regular(path) as handle:
            found = os.fstat(handle)
    except FileNotFoundError:
        return Sight(fault=Fault.missing())
    except OSError as error:
        return Sight(fault=Fault.unreadable(of_system(error.strerror)))
    except Conflict:
        return Sight(fault=Fault.unreadable(Reason("not_a_file", path=path.name)))
    return Sight(FileFacts(found.st_size, found.st_mtime_ns), found.st_ino)


@dataclass(frozen=True, slots=True)
class WholeReading:
    """What reading a file from end to end found: which pieces are right, and what it looked like meanwhile."""

    scan: FileScan
    inode: int
    length: int
    """Bytes that the file should have."""
    own: int
    """Pieces that a file of its size has, whole or cut off."""

    @property
    def right(self) -> int:
        """How many pieces are as they were published."""
        return sum(self.scan.found.have)

    @property
    def wrong(self) -> int:
        """How many are not, those that a short file lacks among them; a file that is too long counts as one."""
        return max(len(self.scan.found.have) - self.right, int(self.scan.facts.size > self.length))


def read_through(
    path: Path, torrent: Metainfo, progress: Progress | None = None, cancelled: IsCancelled | None = None
) -> WholeReading:
    """Hash a file as far as the torrent goes.

    :raises StorageMissing: it is gone, or a part of it cannot be read.
    :raises Conflict: it is no regular file, or it changed meanwhile.
    :raises Cancelled: `cancelled` said so.
    """
    seen = look(path)
    if seen.facts is None:
        why = seen.fault.reason if seen.fault is not None else ""
        raise StorageMissing(Reason("path_failed", path=str(path), text=why))
    hashes = hash_file(path, torrent.piece_length, progress, cancelled, at_most=torrent.length)
    have = torrent.right_pieces(hashes)
    own = -(-min(seen.facts.size, torrent.length) // torrent.piece_length)
    return WholeReading(FileScan(Found(have, {}), seen.facts), seen.inode, torrent.length, own)


def cut_to_length(path: Path, reading: WholeReading) -> FileScan:
    """Cut off what a file has beyond its length; the scan of it as it is then.

    :raises OSError: it cannot be changed.
    """
    if reading.scan.facts.size <= reading.length:
        return reading.scan
    os.truncate(path, reading.length)
    facts = FileFacts.of(path)
    return reading.scan if facts is None else FileScan(reading.scan.found, facts)


def move_aside(path: Path) -> Path:
    """Give a file that is not the level's another name beside it, which no file has; that name.

    :raises OSError: it cannot be renamed.
    """
    number = 1
    while not _rename(path, aside := path.with_name(f"{path.name}.other-{number}")):
        number += 1
    sync_directory(path.parent)
    return aside


def put_in_place(source: Path, target: Path) -> bool:
    """Move a file that was fetched back to where it belongs; False where a file is there again, which stays.

    :raises OSError: it cannot be moved.
    """
    if not _rename(source, target):
        return False
    sync_directory(target.parent)
    sync_directory(source.parent)
    return True


def _rename(source: Path, target: Path) -> bool:
    """Rename a file, and never replace one: a link is made first, which fails where the name is taken."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        if os.path.lexists(target):  # a file system without links: the best that it can do
            return False
        source.rename(target)
        return True
    source.unlink()
    return True
