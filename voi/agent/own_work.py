"""Work that is published nowhere, moved aside before the server's content takes its place, and told to the server.

Beside the disk, as ``voi_<level>_<uuid>.own-<date and time>``: the name of no disk, so that nothing boots, reports or
uploads it. What was moved is written down first, in ``.voi/set_aside.json``, and kept there until the server was told.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from twisted.logger import Logger

from voi.agent.client import ServerRefused
from voi.agent.disks import DiskState
from voi.agent.interfaces import ServerLink
from voi.agent.library import Library
from voi.agent.own_disks import ASIDE
from voi.agent.saving import save
from voi.errors import NoAnswer, StorageMissing, VoiError
from voi.files.atomic import sync_directory
from voi.files.facts import facts
from voi.files.hashing import IsCancelled, copy_and_hash
from voi.messages.reason import Reason, of_system
from voi.names import DiskName
from voi.seeding.interfaces import BitTorrentSession, FileFacts, FileScan
from voi.tasks import InThread, spawn
from voi.wire.codes import Code

log = Logger()

MOST_UNTOLD: Final = 64
"""Files of which the server was not told; the oldest is forgotten. An administrator makes a handful."""

_CLONE: Final = 0x40049409  # FICLONE: the copy shares its blocks with the original until one of them is changed
_CHUNK: Final = 1 << 20


class KeptFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that was moved: which disk it was, how it is called now, its bytes."""

    disk: str
    kept_as: str
    size: int


class OwnWork:
    """Moves files aside, and tells the server. `wall` is the time that people read, in names of files."""

    def __init__(
        self,
        library: Library,
        seeder: BitTorrentSession,
        server: ServerLink,
        in_thread: InThread,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._library = library
        self._seeder = seeder
        self._server = server
        self._in_thread = in_thread
        self._wall = wall
        self._untold: list[KeptFile] = []
        self._telling = False

    async def open(self) -> None:
        """Read what the server was not told yet."""
        self._untold = await self._in_thread(self._read)

    def _read(self) -> list[KeptFile]:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=list[KeptFile])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            log.warn("{path}: {error}", path=self._path, error=error)
            return []
        # Written down before the file is moved: it may never have been.
        return [one for one in found if (self._library.directory / one.kept_as).exists()]

    @property
    def _path(self) -> Path:
        return self._library.hidden / "set_aside.json"

    def above(self, name: DiskName) -> list[DiskState]:
        """The levels made here that stand on a level: on another content of it they are worth nothing."""
        return [s for s in self._library if s.own and s.disk.uuid == name.uuid and s.disk.level > name.level]

    async def move_above(self, name: DiskName) -> None:
        """Move those aside: the level below them gets other content.

        :raises StorageMissing: one cannot be moved.
        """
        for state in self.above(name):
            if state.key is not None:
                await self._seeder.remove(state.key, forget=True)
            await self.move(state.disk)
            await self._library.remove(state.disk)

    async def make_way(self, name: DiskName, length: int) -> Path | None:
        """Move what lies in the place of a disk aside, for one of `length` bytes, and what stands on it.

        :return: as of `move`.
        :raises NoSpace: there is no room for both; nothing was moved.
        :raises StorageMissing: it cannot be moved.
        """
        await self._library.check_room_beside(name, length)
        await self.move_above(name)
        kept = await self.move(name)
        await self._library.update(name, keep=False)
        return kept

    async def move(self, name: DiskName) -> Path | None:
        """Move what lies in the place of a disk aside; its new path, None where nothing lies there.

        :raises StorageMissing: it cannot be moved; it is where it was.
        """
        kept: tuple[Path, int] | None = await self._in_thread(self._free_name, name)
        if kept is None:
            return None
        path, size = kept
        # Written down before it is moved, so that no kill hides it; told only once it has been moved.
        one = KeptFile(str(name), path.name, size)
        await self._in_thread(save, self._path, msgspec.json.encode([*self._untold, one]))
        await self._in_thread(_rename, self._library.path(name), path)
        self._untold = [*self._untold, one][-MOST_UNTOLD:]
        log.warn("{name}, which is published nowhere, is kept as {path}", name=str(name), path=path)
        spawn(self.tell(), log, "telling the server what is kept")
        return path

    def _free_name(self, name: DiskName) -> tuple[Path, int] | None:
        path = self._library.path(name)
        found = facts(path)
        if found is None:
            return None
        stem = f"{name}{ASIDE}{time.strftime('%Y%m%d-%H%M%S', time.localtime(self._wall()))}"
        kept, count = path.with_name(stem), 1
        while os.path.lexists(kept):
            count += 1
            kept = path.with_name(f"{stem}-{count}")
        return kept, found[0]

    async def copy_back(
        self, kept: Path, name: DiskName, length: int, scan: FileScan, stop: IsCancelled
    ) -> FileScan | None:
        """Begin a disk's new content with what the file that was moved has of it, so that it need not be fetched.

        :return: what was found there, for the copy; None where the file cannot be copied, or was changed meanwhile.
        """
        try:
            found: FileFacts = await self._in_thread(_copy, kept, self._library.path(name), length, scan.facts, stop)
        except VoiError as error:
            log.info("{name} is fetched as a whole: {error}", name=str(name), error=error.message)
            return None
        return FileScan(scan.found, found)

    # What the server is told.

    async def tell(self) -> None:
        """Tell the server of every file that it was not told of; without an answer, after the next login."""
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold and self._server.online:
                one = self._untold[0]
                body = {"mac": self._server.mac, "disk": one.disk, "kept_as": one.kept_as, "size": one.size}
                try:
                    await self._server.ask(Code.SET_ASIDE, body)
                except ServerRefused as error:  # an older server knows no such message
                    log.info("{code}: {error}", code=Code.SET_ASIDE.name, error=error.message)
                except NoAnswer as error:
                    log.debug("{code}: {error}", code=Code.SET_ASIDE.name, error=error.message)
                    return
                await self._told(one)
        finally:
            self._telling = False

    async def _told(self, one: KeptFile) -> None:
        self._untold = [other for other in self._untold if other is not one]
        try:
            await self._in_thread(save, self._path, msgspec.json.encode(self._untold))
        except VoiError as error:
            log.warn("{path} will be told of again after a restart: {error}", path=one.kept_as, error=error.message)


def _rename(path: Path, kept: Path) -> None:
    try:
        path.rename(kept)
        sync_directory(path.parent)
    except OSError as error:
        raise StorageMissing(Reason("not_set_aside", path=str(path), text=of_system(error.strerror))) from error


def _copy(source: Path, target: Path, length: int, expected: FileFacts, stop: IsCancelled) -> FileFacts:
    """Copy the first `length` bytes; the blocks are shared where the file system can."""
    if not _clone(source, target):
        copy_and_hash(source, target, _CHUNK, cancelled=stop)
    try:
        if FileFacts.of(source) != expected:
            target.unlink()
            raise StorageMissing(Reason("changed_while_read", path=str(source)))
        if target.stat().st_size > length:
            os.truncate(target, length)
        found = FileFacts.of(target)
    except OSError as error:
        raise StorageMissing(Reason("path_failed", path=str(target), text=of_system(error.strerror))) from error
    assert found is not None
    return found


def _clone(source: Path, target: Path) -> bool:
    try:
        with source.open("rb") as original, target.open("xb") as copy:
            fcntl.ioctl(copy.fileno(), _CLONE, original.fileno())
    except OSError as error:
        if error.errno != errno.EEXIST:
            target.unlink(missing_ok=True)
        return False
    return True
