"""Block tables of published levels (`voi.domain.blocks`): kept beside their torrents, made where there is none."""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from voi.catalogue.interfaces import Contents
from voi.domain import metainfo
from voi.domain.blocks import BlockTable, Sums, encoded_size, is_useful
from voi.domain.metainfo import Metainfo
from voi.domain.templates import PublishedLevel
from voi.errors import Conflict, NotFound, StorageMissing
from voi.files.atomic import write_atomically
from voi.files.directory import DataDirectory
from voi.files.hashing import Cancelled, verify_file
from voi.files.torrent_file import read_torrent
from voi.messages.reason import Reason, of_system
from voi.store.interfaces.templates import Templates
from voi.tasks import InThread

log = Logger()

MOST_IN_MEMORY: Final = 4
"""Tables that are kept in memory, the last ones asked for: a rollout's levels, which a whole room asks for at once.
One of 40 GB has 2.6 MB."""


class BeingMade(Conflict):
    """The table is not there yet; it is being made, ask again."""

    http_status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE
    slug: ClassVar[str] = "being_made"


def keep_table(directory: DataDirectory, torrent: Metainfo, sums: bytes) -> None:
    """Write a torrent's table down, where there is any use in one. Blocks.

    :raises OSError: the disk does not take it.
    """
    if is_useful(torrent):
        table = BlockTable(torrent.info_hash, torrent.length, sums)
        write_atomically(directory.blocks(torrent.info_hash), table.encode())


class BlockTables:
    """Gives tables on request; `in_disk_thread` is for reading whole disks, one at a time.

    `contents` knows whether a level's file is whole, and is told of one that is not.
    """

    def __init__(
        self,
        *,
        templates: Templates,
        directory: DataDirectory,
        contents: Contents,
        in_thread: InThread,
        in_disk_thread: InThread,
    ) -> None:
        self._templates = templates
        self._directory = directory
        self._contents = contents
        self._in_thread = in_thread
        self._in_disk_thread = in_disk_thread
        self._kept: dict[bytes, bytes] = {}
        self._reading = DeferredLock()  # one at a time: the others then find it in memory
        self._making = DeferredLock()
        self._under_way: set[bytes] = set()
        self._hopeless: set[bytes] = set()
        self._stopping = False

    def stop(self) -> None:
        """Let a reading of a disk end."""
        self._stopping = True

    async def table(self, info_hash: bytes) -> bytes:
        """The encoded table of a published level.

        :raises NotFound: there is no such level, or no use in a table of it, or none can be made.
        :raises BeingMade: not yet.
        :raises StorageMissing: it cannot be read.
        """
        await self._reading.acquire()
        try:
            found = self._kept.pop(info_hash, None) or await self._read(info_hash)
            self._kept[info_hash] = found  # the last in the order
            while len(self._kept) > MOST_IN_MEMORY:
                del self._kept[next(iter(self._kept))]
        finally:
            self._reading.release()
        return found

    async def _read(self, info_hash: bytes) -> bytes:
        level = await self._level(info_hash)
        size = encoded_size(level.file_size)
        data: bytes | None = await self._in_thread(self._read_file, info_hash, size)
        if data is not None:
            return data
        if info_hash in self._hopeless or self._contents.problem(info_hash) is not None:
            raise NotFound(Reason("no_table", disk=str(level.name)))
        if info_hash not in self._under_way and not self._stopping:
            self._under_way.add(info_hash)
            self._making.run(lambda: Deferred.fromCoroutine(self._make(level))).addErrback(self._failed, level)
        raise BeingMade(Reason("table_being_made", disk=str(level.name)))

    async def _level(self, info_hash: bytes) -> PublishedLevel:
        for template in await self._templates.all():
            for level in template.levels:
                if level.info_hash == info_hash:
                    return level
        raise NotFound(Reason("no_such_torrent"))

    def _read_file(self, info_hash: bytes, size: int) -> bytes | None:
        """The table's bytes; None where there is none, or one that is not whole."""
        path = self._directory.blocks(info_hash)
        try:
            with path.open("rb") as file:
                data = file.read(size + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageMissing(Reason("path_failed", path=path.name, text=of_system(error.strerror))) from error
        if len(data) == size:
            return data
        log.warn("{path} is not a whole block table: made anew", path=path)
        return None

    async def _make(self, level: PublishedLevel) -> None:
        made = await self._in_disk_thread(self._make_in_thread, level)
        self._under_way.discard(level.info_hash)
        if made is None:
            self._contents.suspect(level.info_hash)  # once it is whole, there can be a table of it
        elif not made:
            self._hopeless.add(level.info_hash)

    def _make_in_thread(self, level: PublishedLevel) -> bool | None:
        """Whether there is a table then: False where there is no use in one, None where pieces are wrong."""
        torrent = metainfo.parse(read_torrent(self._directory.torrent(level.info_hash)), level.name)
        if not is_useful(torrent):
            return False
        log.info("{name}: its block table is made", name=str(level.name))
        sums = Sums()
        wrong = verify_file(self._directory.disk(level.name), torrent, cancelled=lambda: self._stopping, sums=sums)
        if wrong:
            log.error("{name}: {count} pieces are wrong, no block table", name=str(level.name), count=len(wrong))
            return None
        keep_table(self._directory, torrent, sums.finish())
        return True

    def _failed(self, failure: Failure, level: PublishedLevel) -> None:
        if not failure.check(Cancelled):
            self._hopeless.add(level.info_hash)
            log.failure("no block table of {name}", failure, name=str(level.name))
