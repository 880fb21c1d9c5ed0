"""The file in the place of a disk, compared with what is wanted, so that only the difference is fetched.

The file is hashed once while the torrent's block table comes from the server. Without a table there are whole pieces
to find, as libtorrent's own check finds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger

from voi.agent.interfaces import BlockTableFetcher
from voi.agent.reports import Active
from voi.domain.blocks import BlockTable, is_useful
from voi.domain.metainfo import Metainfo
from voi.seeding.file_scan import Reading, read
from voi.seeding.interfaces import FileScan
from voi.tasks import InThread

log = Logger()

MOST_DISTRUSTED: Final = 3
"""Pieces whose sums were wrong before no sum of that table is believed: one may be chance, three are a bad table."""


class Comparer:
    """Compares one file at a time: two would only make a hard disk seek."""

    def __init__(self, in_thread: InThread, tables: BlockTableFetcher) -> None:
        self._in_thread = in_thread
        self._tables = tables
        self._turn = DeferredLock()

    async def compare(
        self, active: Active, torrent: Metainfo, path: Path, trackers: Sequence[str], wanted: Callable[[], bool]
    ) -> FileScan:
        """What the file at `path` has of the torrent; `wanted` is asked from a thread too, whether to go on.

        :raises Cancelled: it is not wanted any more.
        :raises StorageMissing, Conflict: the file cannot be read, or another program writes to it.
        """
        active.compared = 0
        await self._turn.acquire()
        try:
            return await self._compare(active, torrent, path, trackers, wanted)
        finally:
            self._turn.release()

    async def _compare(
        self, active: Active, torrent: Metainfo, path: Path, trackers: Sequence[str], wanted: Callable[[], bool]
    ) -> FileScan:
        def progress(done: int) -> None:
            active.compared = done

        coming: Deferred[BlockTable | None] | None = None
        if is_useful(torrent) and len(active.distrusted) < MOST_DISTRUSTED:
            # Before the reading: a server that has yet to make the table makes it meanwhile.
            coming = Deferred.fromCoroutine(_fetched(self._tables, torrent, trackers, wanted))
        try:
            reading: Reading = await self._in_thread(read, path, torrent, progress, lambda: not wanted())
        except BaseException:
            if coming is not None:
                coming.cancel()
            raise
        table = await coming if coming is not None else None
        scan: FileScan = await self._in_thread(reading.against, torrent, table, frozenset(active.distrusted))
        active.hinted = frozenset(scan.found.partial)
        log.info(
            "{name}: {here} of {length} bytes are there already{how}",
            name=str(torrent.name),
            here=scan.found.here(torrent),
            length=torrent.length,
            how="" if table is not None or not is_useful(torrent) else ", by whole pieces: there is no block table",
        )
        return scan


async def _fetched(
    tables: BlockTableFetcher, torrent: Metainfo, trackers: Sequence[str], wanted: Callable[[], bool]
) -> BlockTable | None:
    """The table, or None: it is a help, and whatever goes wrong with it, the download goes on."""
    try:
        return await tables.fetch(torrent, trackers, wanted)
    except CancelledError:
        return None  # it is no longer needed
    except Exception:
        log.failure("{name}: the block table could not be fetched", name=str(torrent.name))
        return None
