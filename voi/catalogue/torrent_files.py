"""The torrents of published levels: read with care, and made again where they are lost or damaged.

One is kept twice, as a file and in the database; the file is what is read, and is written again from the database when
it is not what it should be. Where the database has none (it was published by a version before), the level's file gives
it again, if it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.logger import Logger

from voi.domain import metainfo
from voi.domain.templates import PublishedLevel
from voi.domain.torrent_repair import info_of, is_torrent_of, with_hashes
from voi.errors import StorageMissing, VoiError
from voi.files.atomic import write_atomically
from voi.files.directory import DataDirectory
from voi.files.hashing import IsCancelled, hash_file
from voi.files.torrent_file import read_torrent
from voi.store.interfaces.torrents import LevelTorrents
from voi.tasks import InThread

log = Logger()


def is_of(torrent: bytes, level: PublishedLevel) -> bool:
    """Whether these bytes are the torrent of a level."""
    return is_torrent_of(torrent, level.name, level.info_hash, level.file_size)


class TorrentFiles:
    """Gives the torrent of a level, or says that there is none; `kept` is the database's."""

    def __init__(
        self, *, directory: DataDirectory, kept: LevelTorrents, in_thread: InThread, in_disk_thread: InThread
    ) -> None:
        self._directory = directory
        self._kept = kept
        self._in_thread = in_thread
        self._in_disk_thread = in_disk_thread
        self._in_database: set[bytes] | None = None

    async def get(self, level: PublishedLevel) -> bytes | None:
        """The torrent of a level; both places have it then. None where neither had it: `make_again` may help."""
        path = self._directory.torrent(level.info_hash)
        found = await self.read(level)
        if self._in_database is None:
            self._in_database = set(await self._kept.known())
        if found is not None:
            if level.info_hash not in self._in_database:
                await self._keep(level, found)
            return found
        if level.info_hash not in self._in_database:
            return None
        kept = await self._kept.get(level.info_hash)
        if kept is None or not is_of(kept, level):
            self._in_database.discard(level.info_hash)
            return None
        await self._write(level, kept)
        log.warn("{name}: {path} was lost or damaged: written again", name=str(level.name), path=str(path))
        return kept

    async def read(self, level: PublishedLevel) -> bytes | None:
        """The torrent file of a level; None where there is none that is right."""
        found: bytes | None = await self._in_thread(self._read, level)
        return found

    async def make_again(self, level: PublishedLevel, cancelled: IsCancelled) -> bytes | None:
        """Make a torrent that is lost from the level's file; None where that does not give the same one.

        :raises StorageMissing, Conflict, Cancelled: as `hash_file` says.
        """
        made: bytes | None = await self._in_disk_thread(self._make, level, cancelled)
        if made is not None:
            await self._write(level, made)
            await self._keep(level, made)
            log.warn("{name}: its torrent was lost: made again from its file", name=str(level.name))
        return made

    def _read(self, level: PublishedLevel) -> bytes | None:
        try:
            data = read_torrent(self._directory.torrent(level.info_hash))
        except StorageMissing as error:
            log.warn("{name}: {error}", name=str(level.name), error=error.message)
            return None
        return data if is_of(data, level) else None

    def _make(self, level: PublishedLevel, cancelled: IsCancelled) -> bytes | None:
        path, hashes = self._directory.disk(level.name), dict[int, bytes]()
        for length, damaged in self._candidates(level):
            if length not in hashes:
                hashes[length] = hash_file(path, length, cancelled=cancelled, at_most=level.file_size)
            try:
                if damaged is None:
                    made = metainfo.build(level.name, level.file_size, length, hashes[length])
                else:
                    made = with_hashes(damaged, hashes[length])
            except VoiError as error:
                log.debug("{name}: no torrent of pieces of {n}: {error}", name=str(level.name), n=length, error=error)
                continue
            if is_of(made, level):
                return made
        return None

    def _candidates(self, level: PublishedLevel) -> Iterator[tuple[int, dict[bytes, Any] | None]]:
        """Lengths of pieces, the likely ones first, each with the rest of a damaged torrent, where that is read."""
        damaged = self._rest_of(level)
        length = (damaged or {}).get(b"piece length")
        if damaged is not None and length in metainfo.PIECE_LENGTHS:
            yield length, damaged
            yield length, None
        likely = metainfo.piece_length_for(level.file_size)
        yield likely, None
        for other in metainfo.PIECE_LENGTHS:
            if other != likely and -(-level.file_size // other) * 20 < metainfo.MAX_TORRENT:
                yield other, None

    def _rest_of(self, level: PublishedLevel) -> dict[bytes, Any] | None:
        """The info dictionary of a torrent whose hashes are damaged, if the rest can be read."""
        try:
            data = read_torrent(self._directory.torrent(level.info_hash))
        except StorageMissing:
            return None
        info = info_of(data[: metainfo.MAX_TORRENT])
        return info if info is not None and info.get(b"length") == level.file_size else None

    async def _write(self, level: PublishedLevel, torrent: bytes) -> None:
        try:
            await self._in_thread(write_atomically, self._directory.torrent(level.info_hash), torrent)
        except OSError as error:  # it is in the database, and written at another time
            log.warn("{name}: its torrent cannot be written: {error}", name=str(level.name), error=error.strerror)

    async def _keep(self, level: PublishedLevel, torrent: bytes) -> None:
        try:
            await self._kept.keep(level.info_hash, torrent)
        except VoiError as error:  # the file has it
            log.warn("{name}: the database does not take its torrent: {error}", name=str(level.name), error=error)
            return
        if self._in_database is not None:
            self._in_database.add(level.info_hash)
