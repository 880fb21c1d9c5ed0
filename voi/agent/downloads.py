"""Disks that the server sends: 1015 to the last byte on the disk, reported with 9025 and 9015; and 1025.

A task is written down before it is confirmed and a disk before it is reported complete, so whatever stops the
terminal, it goes on where it was and never offers half a disk. Where there is a file already, an older version or what
a kill left, it is compared first (`voi.agent.comparison`), and what differs is fetched into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.agent.bad_peers import BadPeers
from voi.agent.comparison import Comparer
from voi.agent.disk_watch import DiskWatch
from voi.agent.disks import DiskState, same_file
from voi.agent.interfaces import BlockTableFetcher, ServerLink
from voi.agent.library import Library
from voi.agent.own_work import OwnWork
from voi.agent.reports import Active, Reports
from voi.agent.transfers import Transfers
from voi.domain import metainfo
from voi.domain.metainfo import Metainfo
from voi.errors import BadTorrent, Conflict, TorrentRefused, VoiError
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.seeding import alerts
from voi.seeding.interfaces import BitTorrentSession, FileScan
from voi.tasks import InThread
from voi.wire.codes import ALREADY_THERE, SUCCESS, TERMINAL_TORRENT_ERROR
from voi.wire.torrent_body import TorrentBody

log = Logger()


class TorrentUnusable(VoiError):
    """A 1015 with a torrent that this terminal does not take."""

    wire_code = TERMINAL_TORRENT_ERROR


class Downloads:
    """Everything that comes from the server, and the seeding of what has come.

    `busy_with` says whether a disk is being uploaded and must stay as it is; `own_changed` is told of a disk made here
    whose file changed. `own_work` moves aside what is published nowhere.
    """

    def __init__(
        self,
        *,
        library: Library,
        seeder: BitTorrentSession,
        server: ServerLink,
        in_thread: InThread,
        clock: IReactorTime,
        busy_with: Callable[[DiskName], bool],
        tables: BlockTableFetcher,
        own_work: OwnWork,
        own_changed: Callable[[DiskName], None],
    ) -> None:
        self.told: Callable[[DiskName], bool] = lambda _name: False
        """Whether the server was told on this connection that a disk is here."""
        self._own_work = own_work
        self._clock = clock
        self._library = library
        self._seeder = seeder
        self._server = server
        self._in_thread = in_thread
        self._busy_with = busy_with
        active: dict[bytes, Active] = {}
        self._bad_peers = BadPeers(seeder, clock, active, lambda: server.hosts)
        self._reports = Reports(library, seeder, server, clock, active, self._bad_peers.why)
        self._transfers = Transfers(
            library=library,
            seeder=seeder,
            server=server,
            comparer=Comparer(in_thread, tables),
            own_work=own_work,
            reports=self._reports,
            active=active,
            in_thread=in_thread,
            clock=clock,
        )
        self._watch = DiskWatch(
            library=library,
            seeder=seeder,
            active=active,
            fail=self._transfers.fail,
            begin_again=self._begin_again,
            own_changed=own_changed,
        )
        self._events: Mapping[type, Callable[[Any], None]] = {
            alerts.Finished: self._finished,
            alerts.Checked: self._checked,
            alerts.StateChanged: self._state_changed,
            alerts.TorrentFailed: self._torrent_failed,
            alerts.PieceFailed: self._piece_failed,
            alerts.PeerBanned: self._bad_peers.banned,
            alerts.AnnounceFailed: self._announce_failed,
        }

    @property
    def active(self) -> list[DiskName]:
        """What is being fetched now."""
        return sorted(active.name for active in self._transfers.active.values())

    # Beginning and end.

    async def resume(self) -> None:
        """After a start: seed what is complete, go on with what is not."""
        for name in [state.disk for state in self._library]:
            await self._transfers.lock.run(self._resume, name)

    async def _resume(self, name: DiskName) -> None:
        state = self._library.get(name)  # as it is by now: commands are handled already
        if state is None or state.key is None or state.key in self._seeder or self._transfers.stopped:
            return
        if state.key in self._transfers.active:
            return
        try:
            if state.wanted:
                await self._resume_download(state)
            elif state.complete:
                torrent = await self._library.torrent(state)
                await self._seeder.seed(torrent, self._library.directory)
                if self._server.trackers:
                    self._seeder.set_trackers(state.key, self._server.trackers)
                if state.task_uuid is not None:
                    self._transfers.read_again(metainfo.parse(torrent, name), torrent)
        except VoiError as error:
            log.warn("{name} cannot be resumed: {error}", name=state.name, error=error.message)
            if state.wanted and not self._transfers.stopped:
                await self._transfers.give_up(state, error.reason)

    async def _resume_download(self, state: DiskState) -> None:
        torrent = await self._library.torrent(state)
        parsed = metainfo.parse(torrent, state.disk)
        log.info("the download of {name} goes on", name=state.name)
        if state.damaged:  # a crash may have come before
            await self._seeder.remove(parsed.info_hash, forget=True)
        await self._transfers.begin(parsed, torrent)

    def stop(self) -> None:
        """No more reports; what is under way goes on after the next start."""
        self._transfers.stopped = True
        self._bad_peers.stop()
        self._reports.pause()

    def online(self) -> None:
        """The terminal has logged in: report at once what is under way, and the results that were not answered."""
        if not self._transfers.stopped:
            self._reports.begin()

    def lost(self) -> None:
        """The connection ended."""
        self._reports.pause()

    # 1015.

    async def take(self, body: TorrentBody) -> int:
        """Begin what a 1015 asks for; the code to answer: success, or that the disk is there already.

        :raises TorrentUnusable: the torrent is not one to take.
        :raises NoSpace: says what is needed and what there is.
        :raises Conflict: the disk is being uploaded.
        """
        await self._transfers.lock.acquire()
        try:
            return await self._take(body)
        finally:
            self._transfers.lock.release()

    async def _take(self, body: TorrentBody) -> int:
        torrent: Metainfo = await self._in_thread(_parse, body)
        name = torrent.name
        await self._look()  # what is said below is what is there
        old = self._library.get(name)
        given: dict[str, Any] = {"operate_id": body.operate_id, "group_uuid": body.group_uuid, "type": body.type}
        if old is not None and old.key == torrent.info_hash:
            if old.complete and self._is_doubted(old, body):
                await self._library.note_sent(name, task_uuid=body.task_uuid, result=None, why=None, **given)
                self._transfers.read_again(torrent, body.torrent)
                return SUCCESS
            if old.complete:
                # What counts is the content: the same bytes under a new count are the new level.
                await self._library.note_sent(name, own=False, **given)
                return ALREADY_THERE
            if old.wanted and torrent.info_hash in self._transfers.active:
                await self._library.note_sent(name, task_uuid=body.task_uuid, result=None, why=None, **given)
                return SUCCESS
        if self._busy_with(name) or any(self._busy_with(state.disk) for state in self._own_work.above(name)):
            raise Conflict(Reason("uploads_here", disk=str(name)))
        if old is not None and old.key is not None:
            self._transfers.active.pop(old.key, None)
            await self._seeder.remove(old.key, forget=old.damaged or old.key != torrent.info_hash)
        self._transfers.waiting.drop(name)
        touched = old is not None and await self._library.is_touched(old)
        unknown = touched or (old is None and await self._library.is_occupied(name))
        state = DiskState(
            name=str(name),
            sys_type=body.sys_type,
            real_size=body.real_size,
            reserve_size=body.reserve_size,
            template_uuid=old.template_uuid if old and not old.own else None,
            template_name=old.template_name if old and not old.own else "",
            info_hash=torrent.info_hash.hex(),
            wanted=True,
            keep=unknown or (old is not None and (old.own or old.keep)),
            damaged=old is not None and old.damaged,
            task_uuid=body.task_uuid,
            **given,
        )
        log.info("{name}: {length} bytes to fetch", name=str(name), length=torrent.length)
        try:
            begun = await self._library.begin(state, body.torrent, torrent.length)
        except VoiError:
            await self._offer_again(old)
            raise
        try:
            if old is not None and old.key != torrent.info_hash and not begun.keep:
                await self._own_work.move_above(name)
            await self._transfers.begin(torrent, body.torrent)
        except VoiError as error:
            if self._library.get(name) is begun:
                await self._transfers.give_up(begun, error.reason, told=True)
            raise
        return SUCCESS

    def _is_doubted(self, old: DiskState, body: TorrentBody) -> bool:
        """Whether a task is for just what the server was told is here: it sends that where somebody doubts the file,
        and a look from outside does not show whether its bytes are right.
        """
        return not old.own and old.result is None and old.operate_id == body.operate_id and self.told(old.disk)

    async def _offer_again(self, old: DiskState | None) -> None:
        """A level that was to be replaced, and is not, is seeded as before."""
        if old is not None and old.complete and old.key is not None:
            await self._resume(old.disk)

    # What is there.

    async def look(self) -> None:
        """See whether the disks are as they were noted, and go on with what this terminal's disk had stopped.

        What is gone is forgotten and not offered any more; what was changed is compared with what was published.
        """
        await self._transfers.lock.acquire()
        try:
            await self._look()
            for name in self._transfers.waiting.due(self._clock.seconds()):
                await self._go_on(name)
        except VoiError as error:
            log.warn("the disks cannot be looked at: {error}", error=error.message)
        finally:
            self._transfers.lock.release()

    async def _look(self) -> None:
        if not self._transfers.stopped:
            await self._watch.look()

    async def _go_on(self, name: DiskName) -> None:
        state = self._library.get(name)
        if state is None or not state.wanted or state.key in self._transfers.active:
            self._transfers.waiting.drop(name)
            return
        await self._begin_again(name)

    async def _begin_again(self, name: DiskName) -> None:
        state = self._library.get(name)
        assert state is not None
        try:
            self._transfers.waiting.begun(name)
            await self._resume_download(state)
        except VoiError as error:
            await self._transfers.give_up(state, error.reason, told=name in self._transfers.waiting)

    async def mend(self, found: DiskState, torrent: Metainfo, raw: bytes, scan: FileScan) -> bool:
        """Fetch what a complete disk lacks by the `scan` of its file, into that file, though nobody changed it.

        It counts as incomplete first, on the disk too: whatever comes between, it is neither booted nor offered.

        :param found: what was known of the disk when it was read.
        :return: whether it is being mended; not where it is another file by now, or an upload needs it as it is.
        """
        await self._transfers.lock.acquire()
        try:
            state = self._library.get(found.disk)
            if self._transfers.stopped or state is None or not same_file(state, found) or self._busy_with(found.disk):
                return False
            changes = {"complete": False, "wanted": True, "damaged": True}
            state = await self._library.update(state.disk, anyway=True, **changes)
            try:
                await self._seeder.remove(torrent.info_hash, forget=True)
                await self._transfers.begin(torrent, raw, scan)
            except VoiError as error:
                await self._transfers.give_up(state, error.reason)
            return True
        finally:
            self._transfers.lock.release()

    # 1025.

    async def cancel(self, tasks: Sequence[str] | None) -> list[str]:
        """Stop the downloads of these tasks, or all; their names. What has come stays for another time."""
        await self._transfers.lock.acquire()
        try:
            stopped = []
            for state in self._library:
                under_way = state.wanted or state.key in self._transfers.active
                if under_way and state.key is not None and (tasks is None or state.task_uuid in tasks):
                    self._transfers.active.pop(state.key, None)
                    self._transfers.waiting.drop(state.disk)
                    if state.keep:
                        await self._library.own_again(state.disk)
                    else:
                        await self._library.update(state.disk, wanted=False, task_uuid=None)
                    if not state.complete:  # else it was only read again
                        await self._seeder.remove(state.key)
                    if not (state.complete or state.keep):
                        await self._library.update(state.disk, **await self._library.left_behind(state.disk))
                    stopped.append(state.name)
            return stopped
        finally:
            self._transfers.lock.release()

    # Events of the BitTorrent session.

    def event(self, event: alerts.Event) -> None:
        """Handle an event."""
        handler = self._events.get(type(event))
        if handler is not None and not self._transfers.stopped:
            handler(event)

    def _finished(self, event: alerts.Finished) -> None:
        active = self._transfers.active.get(event.info_hash)
        if active is not None and not active.finishing and active.compared is None:
            active.finishing = True
            self._transfers.spawn(self._transfers.finish(active))

    def _checked(self, event: alerts.Checked) -> None:
        if not event.complete:
            self._damaged(event.info_hash)

    def _state_changed(self, event: alerts.StateChanged) -> None:
        if event.state == "checking":
            self._transfers.spawn(self._checking(event.info_hash))

    async def _checking(self, info_hash: bytes) -> None:
        """The BitTorrent session found something wrong in a file and reads all of it: before it writes, see whether
        somebody changed it.
        """
        await self.look()
        self._damaged(info_hash)

    def _piece_failed(self, event: alerts.PieceFailed) -> None:
        active = self._transfers.active.get(event.info_hash)
        if active is not None and event.piece in active.hinted:
            active.distrusted.add(event.piece)
            if active.compared is None and not active.finishing:
                active.compared = 0
                self._transfers.spawn(self._transfers.compare_again(active))
        else:
            self._bad_peers.piece_failed(event)
        state = self._library.by_hash(event.info_hash)
        if state is not None and state.complete:
            log.error("{name}: piece {piece} is damaged", name=state.name, piece=event.piece)

    def _damaged(self, info_hash: bytes) -> None:
        """A disk that was complete is being checked, or did not pass: it is incomplete until it is repaired."""
        state = self._library.by_hash(info_hash)
        if state is not None and state.complete and info_hash not in self._transfers.active:
            log.error("{name} may be damaged: it is checked, and what differs is fetched again", name=state.name)
            self._transfers.active[info_hash] = Active(state.disk, info_hash, state.size)
            self._library.update(state.disk, complete=False, wanted=True, damaged=True).addErrback(
                lambda failure: log.failure("{name}", failure, name=state.name)
            )

    def _torrent_failed(self, event: alerts.TorrentFailed) -> None:
        active = self._transfers.active.get(event.info_hash)
        if active is not None:
            self._transfers.spawn(self._transfers.fail(active, event.reason))

    def _announce_failed(self, event: alerts.AnnounceFailed) -> None:
        log.debug("announce to {url} failed: {reason}", url=event.url, reason=event.reason)


def _parse(body: TorrentBody) -> Metainfo:
    """Read the torrent of a 1015; what its struct says of the disk must be what the torrent says."""
    expected = DiskName(body.disk_uuid, body.level) if body.disk_uuid is not None and body.level is not None else None
    try:
        return metainfo.parse(body.torrent, expected)
    except (BadTorrent, TorrentRefused) as error:
        raise TorrentUnusable(error.reason, field=error.field) from error
