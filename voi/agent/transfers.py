"""The steps of a disk on its way from the server: compared with what lies in its place, fetched, finished, failed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.agent.comparison import Comparer
from voi.agent.disk_faults import WaitingForDisk, explained, of_the_disk
from voi.agent.disks import DiskState
from voi.agent.interfaces import ServerLink
from voi.agent.library import Library
from voi.agent.own_work import OwnWork
from voi.agent.reports import Active, Reports
from voi.domain import metainfo
from voi.domain.metainfo import Metainfo
from voi.errors import VoiError
from voi.names import DiskName
from voi.seeding.interfaces import BitTorrentSession, FileScan
from voi.tasks import InThread, spawn
from voi.wire.messages import encode_reason

log = Logger()

FAILED: Final = 2
"""The result of a 9015 for a download that failed."""


class Transfers:
    """Downloads under way, in `active` by info-hash; `waiting` are those that this terminal's disk stopped.

    Whoever begins or ends one holds the `lock`. Nothing goes on that was `stopped`.
    """

    def __init__(
        self,
        *,
        library: Library,
        seeder: BitTorrentSession,
        server: ServerLink,
        comparer: Comparer,
        own_work: OwnWork,
        reports: Reports,
        active: dict[bytes, Active],
        in_thread: InThread,
        clock: IReactorTime,
    ) -> None:
        self.active = active
        self.waiting = WaitingForDisk()
        self.lock = DeferredLock()
        self.stopped = False
        self._library = library
        self._seeder = seeder
        self._server = server
        self._comparer = comparer
        self._own_work = own_work
        self._reports = reports
        self._in_thread = in_thread
        self._clock = clock

    async def begin(self, torrent: Metainfo, raw: bytes, scan: FileScan | None = None) -> None:
        """Fetch a disk, going on with what lies in its place; that is compared first, unless a `scan` of it is given.

        :raises VoiError: it cannot begin.
        """
        name = torrent.name
        active = Active(name, torrent.info_hash, torrent.length)
        self.active[torrent.info_hash] = active
        try:
            keep = await self._has_own_work(name)
            if not keep:
                await self._library.reserve(name, torrent.length)
            if scan is None and (keep or await self._seeder.doubts(raw, self._library.directory)):
                self.spawn(self._compare(active, torrent, raw))  # reads the whole file: not awaited
            else:
                await self._seeder.download(raw, self._library.directory, self.trackers(torrent), scan)
        except VoiError:
            if self.is_current(active):
                del self.active[torrent.info_hash]
            raise

    async def _compare(self, active: Active, torrent: Metainfo, raw: bytes) -> None:
        """Find out what the file in its place has of the torrent, then fetch the rest."""
        path = self._library.path(active.name)

        def wanted() -> bool:
            return self.is_current(active) and not self.stopped

        try:
            scan: FileScan | None = await self._comparer.compare(active, torrent, path, self.trackers(torrent), wanted)
            assert scan is not None
            state = self._library.get(active.name)
            if state is not None and state.keep:
                scan = await self._keep(active, torrent, scan, wanted)
            await self.lock.acquire()
            try:
                if wanted():
                    await self._library.reserve(active.name, active.length)
                    active.compared = None
                    await self._seeder.download(raw, self._library.directory, self.trackers(torrent), scan)
            finally:
                self.lock.release()
        except VoiError as error:
            if wanted():
                await self.fail(active, error.reason)

    async def compare_again(self, active: Active) -> None:
        """Begin anew without the hints that proved wrong.

        libtorrent knows nothing of hints: it blames a wrong piece on the peer that sent the rest of it and never asks
        that one again, the server as likely as another. Removed and added again, the torrent has no banned peers.
        """
        log.warn("{name}: blocks did not match their sums: compared again", name=str(active.name))
        await self.lock.acquire()
        try:
            state = self._library.get(active.name)
            if not self.is_current(active) or self.stopped or state is None:
                return
            await self._seeder.remove(active.info_hash, forget=True)
            raw = await self._library.torrent(state)
        except VoiError as error:
            await self.fail(active, error.reason)
            return
        finally:
            self.lock.release()
        await self._compare(active, metainfo.parse(raw, active.name), raw)

    async def finish(self, active: Active) -> None:
        """All of it has come: it is complete once it is on the disk and noted there, and told after that."""
        try:
            await self._seeder.flush(active.info_hash)
            await self._seeder.mark_verified(active.info_hash, self._library.path(active.name))
            if not self.is_current(active):
                return
            await self._library.complete(active.name, active.length)
        except VoiError as error:
            if self.is_current(active) and not self.stopped:
                await self.fail(active, error.reason)
            return
        if self.is_current(active):
            del self.active[active.info_hash]
        self.waiting.drop(active.name)
        log.info("{name} is complete", name=str(active.name))
        await self._reports.ended(active, 100.0)

    # What is sent again.

    def read_again(self, torrent: Metainfo, raw: bytes) -> None:
        """Read a complete disk from end to end; it stays what it is, unless something in it is wrong."""
        if torrent.info_hash not in self.active:
            active = self.active[torrent.info_hash] = Active(torrent.name, torrent.info_hash, torrent.length)
            active.compared = 0
            self.spawn(self._read_complete(active, torrent, raw))

    async def _read_complete(self, active: Active, torrent: Metainfo, raw: bytes) -> None:
        path, trackers = self._library.path(active.name), self.trackers(torrent)

        def wanted() -> bool:
            return self.is_current(active) and not self.stopped

        try:
            scan = await self._comparer.compare(active, torrent, path, trackers, wanted)
            await self.lock.acquire()
            try:
                if not wanted():
                    return
                if all(scan.found.have) and scan.facts.size == active.length:
                    await self._library.complete(active.name, active.length)
                    del self.active[active.info_hash]
                else:
                    log.error("{name} is damaged: what differs is fetched again", name=str(active.name))
                    await self._library.update(active.name, complete=False, wanted=True, damaged=True)
                    await self._seeder.remove(active.info_hash, forget=True)
                    active.compared = None
                    await self._seeder.download(raw, self._library.directory, trackers, scan)
                    return
            finally:
                self.lock.release()
        except VoiError as error:
            if wanted():
                await self.fail(active, error.reason)
            return
        await self._reports.ended(active, 100.0)

    # Work that is published nowhere.

    async def _has_own_work(self, name: DiskName) -> bool:
        """Whether what lies in the place of a disk is to be kept. What lies there no more is not: it was moved when a
        kill came, or somebody removed it.
        """
        state = self._library.get(name)
        if state is None or not state.keep:
            return False
        if not await self._library.is_gone(name):
            return True
        await self._own_work.move_above(name)
        await self._library.update(name, keep=False)
        return False

    async def _keep(
        self, active: Active, torrent: Metainfo, scan: FileScan, wanted: Callable[[], bool]
    ) -> FileScan | None:
        """What lies in the place of a disk is moved aside, unless it is just what is wanted.

        :return: what is in its place by now, None for nothing.
        :raises NoSpace: there is no room for both; nothing was moved.
        :raises StorageMissing: it cannot be moved.
        """
        name = active.name
        await self.lock.acquire()
        try:
            if not wanted():
                return None
            if all(scan.found.have) and scan.facts.size == active.length:
                await self._library.update(name, keep=False)
                return scan
            kept = await self._own_work.make_way(name, active.length)
        finally:
            self.lock.release()
        if kept is None or not scan.found.here(torrent):
            return None
        return await self._own_work.copy_back(kept, name, active.length, scan, lambda: not wanted())

    # Failure.

    async def fail(self, active: Active, reason: str, *, forget: bool = False) -> None:
        """End a download that cannot go on, and tell the server why; `forget` what was noted of its file."""
        if not self.is_current(active):
            return
        del self.active[active.info_hash]
        try:
            await self._seeder.remove(active.info_hash, forget=forget)
        except VoiError as error:  # what it was removed for is worth more
            log.warn("{name}: {error}", name=str(active.name), error=error.message)
        reason = await self._in_thread(explained, reason, self._library.path(active.name), active.length)
        state = self._library.get(active.name)
        if state is not None and state.key == active.info_hash:
            await self.give_up(state, reason)
        self.spawn(self._reports.ended(active, 0.0, reason))  # the disks are not held until the server answers

    async def give_up(self, state: DiskState, reason: str, *, told: bool = False) -> None:
        """A download failed; what this terminal's disk stopped stays wanted, and is tried again.

        It counts also where it cannot be written down. `told`: the server knows the reason already.
        """
        log.error("the download of {name} failed: {reason}", name=state.name, reason=reason)
        changes: dict[str, Any] = {}
        if not told and state.task_uuid:
            changes = {"result": FAILED, "why": encode_reason(reason)}
        if state.keep:
            await self._library.own_again(state.disk, **changes)
        elif of_the_disk(reason):
            self.waiting.add(state.disk, reason, self._clock.seconds())
            await self._library.update(state.disk, anyway=True, wanted=True, complete=False, **changes)
        else:
            changes |= {"task_uuid": None, **await self._library.left_behind(state.disk)}
            await self._library.update(state.disk, anyway=True, wanted=False, complete=False, **changes)

    # What all of these need.

    def is_current(self, active: Active) -> bool:
        """Whether this download is the one under way of its content: it may have ended, or been begun anew."""
        return self.active.get(active.info_hash) is active

    def trackers(self, torrent: Metainfo) -> Sequence[str]:
        """Where it is announced: what the server said, else what the torrent says."""
        return self._server.trackers or ([torrent.announce] if torrent.announce else [])

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do a step for which nobody waits; its faults are logged."""
        spawn(work, log, "a step of a download")
