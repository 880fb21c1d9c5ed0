"""The one libtorrent session of a process, inside the reactor: add, remove, connect, ask, and stop cleanly.

Nothing here waits for libtorrent on the reactor's thread: what is asked is answered by an alert.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import libtorrent as lt
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from voi.errors import Conflict, NotFound, StartupError, StorageMissing, TorrentRefused, VoiError
from voi.files.atomic import sync_file
from voi.messages.reason import Reason, of_system
from voi.seeding import alerts
from voi.seeding.alerts import Event
from voi.seeding.background import BackgroundWork
from voi.seeding.interfaces import BitTorrentSession, ConnectedPeer, FileScan, TorrentStatus, Trust
from voi.seeding.pump import Pump
from voi.seeding.registry import TorrentRegistry, TorrentState
from voi.seeding.settings import limit_every_address
from voi.seeding.shutdown import Shutdown, write_down
from voi.seeding.threads import new_threads_behind
from voi.seeding.torrents import Torrent, pace, parameters
from voi.seeding.verification import Judgement, VerificationStore
from voi.seeding.waiters import AlertWaiters

log = Logger()

_LISTEN_WITHIN = 10.0  # seconds; binding a port is instant, this is for a machine that swaps
_ANSWER_WITHIN = 60.0  # seconds to add, remove or flush: a hard disk with everything queued before it
_PEERS_WITHIN = 5.0  # seconds that a page may wait
_LAST_ANNOUNCE_WITHIN = 1.0  # seconds at a stop, for one that happens to be under way
_GOODBYE_WITHIN = 2.5  # seconds at a stop; a little more than libtorrent gives the tracker
_NEWS_WITHIN = 0.1  # seconds until a torrent's new state is asked for; one question for many that change together
_EARLY_PEERS = 16  # peers remembered for a torrent that is still being added: an uploader and some neighbours


class TorrentSession(BitTorrentSession):
    """The torrents of this process.

    `reactor` gives time, descriptors and threads (IReactorTime, IReactorFDSet, IReactorThreads). `settings`
    come from `voi.seeding.settings`. `state_directory` is the ledger's and nobody else's. `on_event` is told
    every event of `voi.seeding.alerts` but the announces that went well; what it raises is logged.
    `save_interval` is the time in seconds between saves of resume data, `status_interval` that between
    statuses. Starts once; a second start takes a second Seeding.
    """

    def __init__(
        self,
        *,
        reactor: Any,
        settings: lt.settings_pack,
        state_directory: Path,
        on_event: Callable[[Event], None],
        save_interval: float = 30.0,
        status_interval: float = 1.0,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._intervals = (status_interval, status_interval, save_interval)
        self._verification = VerificationStore(state_directory)
        self._state_directory = state_directory
        self._session: lt.session | None = None  # the only reference: dropping it ends the session
        self._pump: Pump | None = None
        self._waiters = AlertWaiters(reactor)
        self._torrents: dict[bytes, TorrentState] = {}
        self._life = DeferredLock()  # starting and stopping do not overlap
        self._background = BackgroundWork(reactor)
        self._registry = TorrentRegistry(
            self._torrents, self._waiters, self._background, self._verification, on_event, self._admitted
        )
        self._questions = DeferredLock()  # one thread at most waits for libtorrent's answer
        self._chance = random.Random()  # noqa: S311 - in which order pieces are fetched is no secret
        self._running = False
        self._news: IDelayedCall | None = None
        self._loops = [LoopingCall(_go_on, work) for work in (self._ask_status, self._ask_totals, self._save)]

    # Life

    def start(self) -> Deferred[int]:
        """Open the ledger and the session; fires with the TCP port that it listens on.

        Fails with StartupError when the port is busy or the state directory cannot be used.
        """
        return self._life.run(lambda: Deferred.fromCoroutine(self._start()))

    def stop(self) -> Deferred[None]:
        """Pause, save what downloads need to go on, say goodbye to trackers, and end the session.

        Takes at most about fifteen seconds, and as long as the disk needs for what it has not yet written.
        """
        return self._life.run(lambda: Deferred.fromCoroutine(self._stop()))

    async def _start(self) -> int:
        try:
            clean = await self._background.in_thread(self._verification.open)
        except OSError as error:
            raise StartupError(f"{self._state_directory}: {error.strerror}") from error
        if not clean:
            log.warn("the last stop was unclean: downloads are checked, seeds are checked as they are sent")
        self._pump = pump = Pump(self._reactor, self._take, self._take_in)
        await self._background.in_thread(self._create, pump.wake_descriptor)
        heard = self._waiters.expect(alerts.Listening, b"", _LISTEN_WITHIN)
        pump.start()
        try:
            listening = await heard
        except VoiError as error:
            await self._drop()
            await self._background.in_thread(self._verification.close)
            raise StartupError(error.message) from error
        self._running = True
        for loop, interval in zip(self._loops, self._intervals, strict=True):
            loop.clock = self._reactor
            loop.start(interval, now=False).addErrback(lambda failure: log.failure("a timer died", failure))
        return listening.port

    def _create(self, wake_descriptor: int) -> None:
        with new_threads_behind():
            session = lt.session(lt.session_params(self._settings))
        limit_every_address(session)
        session.set_alert_fd(wake_descriptor)
        self._session = session

    async def _stop(self) -> None:
        if self._session is None or self._pump is None:
            return
        self._running = False
        for loop in self._loops:
            if loop.running:
                loop.stop()
        if self._news is not None:
            self._news.cancel()
            self._news = None
        shutdown = Shutdown(self._reactor, self._torrents, self._waiters)
        await self._hear()
        await shutdown.announces_answered(_LAST_ANNOUNCE_WITHIN)  # a goodbye cannot overtake one: it is left out
        self._session.pause()
        await self._hear()
        await self._background.idle()
        await self._questions.run(lambda: None)
        left = await shutdown.save()
        # The session's destructor waits for open announces while it holds Python's lock: the whole process
        # would stand still, and a tracker in this same process could not even answer.
        await shutdown.announces_answered(_GOODBYE_WITHIN)
        self._waiters.fail_all(_stopping())
        await self._drop()
        try:
            await self._background.in_turn(write_down, self._verification, left)
        except OSError:
            log.failure("the stop could not be noted, the next start will take it for unclean")

    async def _hear(self) -> None:
        """Wait until libtorrent has done what it was asked, and take all that it said of it."""
        await self._background.in_thread(self._until_heard)
        if self._pump is not None:
            self._pump.doRead()

    def _until_heard(self) -> None:
        """Block until libtorrent has done all that it was asked before."""
        if self._session is not None:
            self._session.is_paused()

    async def _drop(self) -> None:
        pump, self._pump = self._pump, None
        last_reference, self._session = [self._session], None
        self._torrents.clear()
        if pump is not None:
            pump.stop()
            await self._background.in_thread(last_reference.clear)  # the destructor waits for the disk
            pump.close()

    # What is asked of it

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Trust]:
        """Offer the file in `directory`; fires, with how far the file was trusted, when it is in the session.

        Fails with BadTorrent, TorrentRefused, Conflict (it is in the session already) or StorageMissing.
        A file that proves damaged (`Checked` says not complete) is mended by peers that have the pieces.
        """
        return Deferred.fromCoroutine(self._add(torrent, directory, (), seeding=True))

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        """Fetch the file into `directory`, going on from what is there; fires when it is in the session.

        The torrent's own trackers are dropped for `trackers`. What a `scan` found is taken for true if the file
        is still as it was then; without one the file is checked, if it must be. Fails as `seed`; a directory that
        is missing is also told as TorrentFailed.
        """
        return Deferred.fromCoroutine(self._add(torrent, directory, trackers, scan, seeding=False)).addCallback(
            lambda _: None
        )

    def doubts(self, torrent: bytes, directory: Path) -> Deferred[bool]:
        """Whether a file lies in `directory` that would be checked from end to end if it were added now.

        Fails with BadTorrent, TorrentRefused or StorageMissing.
        """
        return Deferred.fromCoroutine(self._doubts(torrent, directory))

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        """Note that somebody has read the file at `path` and found it right. StorageMissing if it is not there."""
        return Deferred.fromCoroutine(self._mark_verified(info_hash, path))

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Take a torrent out; fires when its file is closed. The file stays. An unknown one is no error.

        `forget` also drops what the ledger knows of it; StorageMissing where that cannot be done.
        """
        return Deferred.fromCoroutine(self._remove(info_hash, forget))

    def flush(self, info_hash: bytes) -> Deferred[None]:
        """Bring what was received to the disk itself. NotFound for a torrent that is not in the session."""
        return Deferred.fromCoroutine(self._flush(info_hash))

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[ConnectedPeer, ...]]:
        """Who is connected. NotFound for a torrent that is not in the session."""
        return Deferred.fromCoroutine(self._ask_peers(info_hash))

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """Connect to a peer, `host` being an IP address. An unknown torrent is ignored."""
        held = self._torrents.get(info_hash)
        if held is None or not self._running:
            return
        try:
            peer = (str(ipaddress.ip_address(host)), port)
        except ValueError:
            log.warn("cannot connect to a peer at {host!r}: not an IP address", host=host)
            return
        if not 0 < port < 65536:
            log.warn("cannot connect to a peer at {host} port {port}", host=host, port=port)
            return
        if held.handle is not None:
            held.ask(lambda handle: handle.connect_peer(peer))
        elif len(held.early_peers) < _EARLY_PEERS:
            held.early_peers.append(peer)

    def set_trackers(self, info_hash: bytes, urls: Sequence[str]) -> None:
        """Announce a torrent to these from now on, in this order of preference. An unknown one is ignored."""
        held = self._torrents.get(info_hash)
        if held is None or not self._running:
            return
        if held.handle is None:
            held.early_trackers = urls
            return
        entries = [lt.announce_entry(url) for url in urls]
        for tier, entry in enumerate(entries):
            entry.tier = tier
        held.ask(lambda handle: handle.replace_trackers(entries))

    def status(self, info_hash: bytes) -> TorrentStatus | None:
        """Where a torrent stood when last seen, at the last turn of its interval; None before the first time."""
        held = self._torrents.get(info_hash)
        return None if held is None else held.status

    def statuses(self) -> Mapping[bytes, TorrentStatus]:
        """Where every torrent stood when last seen."""
        return {key: held.status for key, held in self._torrents.items() if held.status is not None}

    @property
    def sent(self) -> int:
        """Bytes of payload sent since the start, of torrents that are gone too; at most a status interval old."""
        return self._registry.totals.sent

    @property
    def received(self) -> int:
        """Bytes of payload received since the start, as `sent`."""
        return self._registry.totals.received

    @property
    def failing(self) -> int:
        """How many torrents stand still because their files cannot be read or written."""
        return sum(held.failed for held in self._torrents.values())

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self._torrents

    async def _doubts(self, raw: bytes, directory: Path) -> bool:
        torrent = Torrent.parse(raw)
        path = directory / torrent.name
        try:
            judgement = await self._background.in_turn(
                self._verification.judge, torrent.info_hash, path, torrent.length
            )
        except OSError as error:
            raise StorageMissing(_file_failed(error, path)) from error
        return judgement.trust is Trust.CHECK and judgement.facts is not None and judgement.facts.size > 0

    async def _add(
        self, raw: bytes, directory: Path, trackers: Sequence[str], scan: FileScan | None = None, *, seeding: bool
    ) -> Trust:
        if not self._running:
            raise _stopping()
        torrent = Torrent.parse(raw)
        key = torrent.info_hash
        if key in self._torrents:
            raise Conflict(Reason("torrent_there", name=torrent.name))
        held = self._torrents[key] = TorrentState(torrent, directory / torrent.name)
        try:
            judgement, params = await self._background.in_turn(self._prepare, held, trackers, scan, seeding)
            if self._session is None or not self._running:
                raise _stopping()
            held.trust = judgement.trust
            held.facts = judgement.facts
            held.verified = judgement.trust in (Trust.WHOLE, Trust.LAZY)
            answer = self._waiters.expect(alerts.Added, key, _ANSWER_WITHIN)
            self._session.async_add_torrent(params)
            added = await answer
            if added.error is not None:
                raise TorrentRefused(Reason("torrent_refused", name=torrent.name, text=of_system(added.error)))
        except Exception as error:
            if self._torrents.get(key) is held:
                del self._torrents[key]
            if isinstance(error, StorageMissing):
                self._registry.tell(alerts.TorrentFailed(key, error.reason))
            self._waiters.fail_about(key, error)
            raise
        return judgement.trust

    def _prepare(
        self, held: TorrentState, trackers: Sequence[str], scan: FileScan | None, seeding: bool
    ) -> tuple[Judgement, lt.add_torrent_params]:
        directory = held.path.parent
        try:
            directory.stat()  # libtorrent would make it, and fill the disk below a mount that is missing
            if seeding:
                held.path.stat()
            judgement = self._verification.judge(held.torrent.info_hash, held.path, held.torrent.length)
        except OSError as error:
            raise StorageMissing(_file_failed(error, error.filename)) from error
        if scan is not None and scan.facts != judgement.facts:
            log.warn("{name} was changed since it was compared: it is checked", name=held.torrent.name)
            scan = None
        found = None if scan is None else scan.found
        params = parameters(held.torrent, directory, trackers, judgement, found)
        held.window = pace(params, self._chance)
        return judgement, params

    async def _mark_verified(self, info_hash: bytes, path: Path) -> None:
        try:
            await self._background.in_thread(sync_file, path)  # out of the ledger's turn: it may take minutes
            noted = await self._background.in_turn(self._verification.record_verified, info_hash, path)
        except OSError as error:
            raise StorageMissing(_file_failed(error, path)) from error
        held = self._torrents.get(info_hash)
        if held is not None and held.path == path:
            held.vouched_for(noted)

    async def _remove(self, info_hash: bytes, forget: bool) -> None:
        held = self._torrents.get(info_hash)
        if held is not None:
            if held.handle is None:
                try:
                    await self._waiters.expect(alerts.Added, info_hash, _ANSWER_WITHIN)
                except Exception as error:
                    # Whoever added it is told; here it only means that there is nothing to take out.
                    log.debug("{name} never came in: {error}", name=held.torrent.name, error=error)
            if self._torrents.get(info_hash) is held and held.handle is not None:
                gone = self._waiters.expect(alerts.Removed, info_hash, _ANSWER_WITHIN)
                if not held.removing and self._session is not None:
                    held.removing = True
                    self._session.remove_torrent(held.handle)
                await gone
        if forget:
            try:
                await self._background.in_turn(self._verification.forget, info_hash)
            except OSError as error:
                raise StorageMissing(_file_failed(error, error.filename)) from error

    async def _flush(self, info_hash: bytes) -> None:
        held = self._torrents.get(info_hash)
        if held is None or held.handle is None:
            raise NotFound(Reason("torrent_not_there"))
        flushed = self._waiters.expect(alerts.Flushed, info_hash, _ANSWER_WITHIN)
        held.ask(lambda handle: handle.flush_cache())
        await flushed
        try:
            await self._background.in_thread(sync_file, held.path)
        except OSError as error:
            raise StorageMissing(_file_failed(error, held.path)) from error

    async def _ask_peers(self, info_hash: bytes) -> tuple[ConnectedPeer, ...]:
        held = self._torrents.get(info_hash)
        if held is None or held.handle is None:
            raise NotFound(Reason("torrent_not_there"))
        under_way = self._waiters.expected(alerts.Peers, info_hash)
        answer = self._waiters.expect(alerts.Peers, info_hash, _PEERS_WITHIN)
        if not under_way:
            self._questions.run(self._question, info_hash, held.handle).addErrback(self._no_answer, info_hash)
        return (await answer).peers

    def _question(self, info_hash: bytes, handle: lt.torrent_handle) -> Deferred[None]:
        if not self._running:
            raise _stopping()
        return self._background.in_thread(alerts.peers_of, handle).addCallback(
            lambda views: self._registry.hear(alerts.Peers(info_hash, views))
        )

    def _no_answer(self, failure: Failure, info_hash: bytes) -> None:
        gone = failure.check(RuntimeError) is not None
        problem = (
            NotFound(Reason("torrent_removed"))
            if gone
            else VoiError(Reason("torrent_stopped", text=str(failure.value)))
        )
        self._waiters.fail(alerts.Peers, info_hash, problem)

    # What libtorrent says

    def _admitted(self, added: alerts.Added, held: TorrentState | None) -> None:
        if added.handle is None:
            return
        if held is None:
            if self._session is not None:
                self._session.remove_torrent(added.handle)
            return
        for host, port in held.early_peers:
            self.connect(added.info_hash, host, port)
        held.early_peers.clear()
        if held.early_trackers is not None:
            self.set_trackers(added.info_hash, held.early_trackers)

    def _take(self) -> list[lt.alert]:
        return [] if self._session is None else self._session.pop_alerts()

    def _take_in(self, event: Event) -> None:
        self._registry.hear(event)
        if isinstance(event, alerts.StateChanged) and self._news is None and self._running:
            # Whether we have all of a torrent is what the tracker tells others: not only at the next interval.
            self._news = self._reactor.callLater(_NEWS_WITHIN, self._ask_news)

    # Timers and threads

    def _ask_news(self) -> None:
        self._news = None
        _go_on(self._ask_status)

    def _ask_status(self) -> None:
        if self._session is not None:
            self._session.post_torrent_updates(0)

    def _ask_totals(self) -> None:
        if self._session is not None:
            self._session.post_session_stats()

    def _save(self) -> None:
        for held in self._torrents.values():
            if held.handle is not None and held.checked and not (held.verified or held.removing):
                held.ask(lambda handle: handle.save_resume_data(lt.save_resume_flags_t.only_if_modified))


def _file_failed(error: OSError, path: object) -> Reason:
    return Reason("file_failed", text=of_system(error.strerror), path=str(path))


def _stopping() -> Conflict:
    return Conflict(Reason("seed_stopped"))


def _go_on(work: Callable[[], None]) -> None:
    """A timer's turn: what goes wrong in it is logged, and the next turn comes."""
    try:
        work()
    except Exception:
        log.failure("a timer of the BitTorrent session failed")
