"""The one libtorrent session of a process, inside the reactor: add, remove, connect, ask, and stop cleanly.

Nothing here waits for libtorrent on the reactor's thread: what is asked is answered by an alert.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import libtorrent as lt
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from voi.errors import Conflict, StartupError, VoiError
from voi.messages.reason import Reason
from voi.seeding import alerts
from voi.seeding.alerts import Event
from voi.seeding.background import BackgroundWork
from voi.seeding.block_watch import BlockWatch
from voi.seeding.interfaces import BitTorrentSession, ConnectedPeer, FileScan, TorrentStatus, Trust
from voi.seeding.peer_queries import PeerQueries
from voi.seeding.preparation import FilePreparation
from voi.seeding.pump import Pump
from voi.seeding.registry import TorrentRegistry, TorrentState
from voi.seeding.settings import address_filter, limit_every_address
from voi.seeding.shutdown import Shutdown, write_down
from voi.seeding.threads import new_threads_behind
from voi.seeding.torrent_changes import TorrentChanges
from voi.seeding.verification import VerificationStore
from voi.seeding.waiters import AlertWaiters

log = Logger()

_LISTEN_WITHIN = 10.0  # seconds; binding a port is instant, this is for a machine that swaps
_LAST_ANNOUNCE_WITHIN = 1.0  # seconds at a stop, for one that happens to be under way
_GOODBYE_WITHIN = 2.5  # seconds at a stop; a little more than libtorrent gives the tracker
_CHANGE_WITHIN = 0.1  # seconds until a torrent's new state is asked for; one request for many that change together
_EARLY_PEERS = 16  # peers remembered for a torrent that is still being added: an uploader and some neighbours


class TorrentSession(BitTorrentSession):
    """The torrents of this process.

    `reactor` gives time, descriptors and threads (IReactorTime, IReactorFDSet, IReactorThreads). `settings`
    come from `voi.seeding.settings`. `state_directory` is for the verification store alone. `on_event` is told
    every event of `voi.seeding.alerts` but the announces that went well; what it raises is logged.
    `save_interval` is the time in seconds between saves of resume data, `status_interval` that between
    statuses. Starts once; a second start takes a second session.
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
        self._lifecycle = DeferredLock()  # starting and stopping do not overlap
        self._background = BackgroundWork(reactor)
        self._registry = TorrentRegistry(
            self._torrents, self._waiters, self._background, self._verification, on_event, self._admitted
        )
        self._peer_queries = PeerQueries(
            self._torrents, self._waiters, self._background, self._registry.receive, self._check_running
        )
        preparation = FilePreparation(
            self._verification,
            Random(),  # noqa: S311 - in which order pieces are fetched is no secret
        )
        self._changes = TorrentChanges(
            torrents=self._torrents,
            ask=self._ask,
            check_running=self._check_running,
            registry=self._registry,
            preparation=preparation,
            verification=self._verification,
            background=self._background,
            waiters=self._waiters,
        )
        self._blocks = BlockWatch(self._torrents, settings["alert_mask"], self._apply, reactor.seconds)
        self._blocked: frozenset[str] = frozenset()
        self._failed_pieces = 0
        self._running = False
        self._change_call: IDelayedCall | None = None
        self._loops = [LoopingCall(_go_on, work) for work in (self._ask_status, self._ask_totals, self._save)]

    # Starting and stopping

    def start(self) -> Deferred[int]:
        """Open the verification store and the session; fires with the TCP port that it listens on.

        Fails with StartupError when the port is busy or the state directory cannot be used.
        """
        return self._lifecycle.run(lambda: Deferred.fromCoroutine(self._start()))

    def stop(self) -> Deferred[None]:
        """Pause, save what downloads need to go on, say goodbye to trackers, and end the session.

        Takes at most about fifteen seconds, and as long as the disk needs for what it has not yet written.
        """
        return self._lifecycle.run(lambda: Deferred.fromCoroutine(self._stop()))

    async def _start(self) -> int:
        try:
            clean = await self._background.in_thread(self._verification.open)
        except OSError as error:
            raise StartupError(f"{self._state_directory}: {error.strerror}") from error
        if not clean:
            log.warn("the last stop was unclean: downloads are checked, seeds are checked as they are sent")
        self._pump = pump = Pump(self._reactor, self._take, self._on_event)
        await self._background.in_thread(self._create, pump.wake_descriptor)
        answer = self._waiters.expect(alerts.Listening, b"", _LISTEN_WITHIN)
        pump.start()
        try:
            listening = await answer
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
        session.set_ip_filter(address_filter(self._blocked))
        session.set_alert_fd(wake_descriptor)
        self._session = session

    async def _stop(self) -> None:
        if self._session is None or self._pump is None:
            return
        self._running = False
        for loop in self._loops:
            if loop.running:
                loop.stop()
        if self._change_call is not None:
            self._change_call.cancel()
            self._change_call = None
        shutdown = Shutdown(self._reactor, self._torrents, self._waiters)
        await self._drain()
        await shutdown.announces_answered(_LAST_ANNOUNCE_WITHIN)  # a goodbye cannot overtake one: it is left out
        self._session.pause()
        await self._drain()
        await self._background.idle()
        await self._peer_queries.idle()
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

    async def _drain(self) -> None:
        """Wait until libtorrent has done what it was asked, and take all alerts of it."""
        await self._background.in_thread(self._until_idle)
        if self._pump is not None:
            self._pump.doRead()

    def _until_idle(self) -> None:
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

    # Torrents

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Trust]:
        """Offer the file in `directory`; fires, with how far the file was trusted, when it is in the session.

        Fails with BadTorrent, TorrentRefused, Conflict (it is in the session already) or StorageMissing.
        A file that proves damaged (`Checked` says not complete) is mended by peers that have the pieces.
        """
        return Deferred.fromCoroutine(self._changes.add(torrent, directory, (), seeding=True))

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        """Fetch the file into `directory`, going on from what is there; fires when it is in the session.

        The torrent's own trackers are dropped for `trackers`. What a `scan` found is taken for true if the file
        is still as it was then; without one the file is checked, if it must be. Fails as `seed`; a directory that
        is missing is also told as TorrentFailed.
        """
        return Deferred.fromCoroutine(self._changes.add(torrent, directory, trackers, scan, seeding=False)).addCallback(
            lambda _: None
        )

    def doubts(self, torrent: bytes, directory: Path) -> Deferred[bool]:
        """Whether a file lies in `directory` that would be checked from end to end if it were added now.

        Fails with BadTorrent, TorrentRefused or StorageMissing.
        """
        return Deferred.fromCoroutine(self._changes.doubts(torrent, directory))

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        """Note that the file at `path` was read and found right. StorageMissing if it is not there."""
        return Deferred.fromCoroutine(self._changes.mark_verified(info_hash, path))

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Take a torrent out; fires when its file is closed. The file stays. An unknown one is no error.

        `forget` also drops what the verification store has of it; StorageMissing where that cannot be done.
        """
        return Deferred.fromCoroutine(self._changes.remove(info_hash, forget))

    def flush(self, info_hash: bytes) -> Deferred[None]:
        """Bring what was received to the disk itself. NotFound for a torrent that is not in the session."""
        return Deferred.fromCoroutine(self._changes.flush(info_hash))

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[ConnectedPeer, ...]]:
        """Who is connected. NotFound for a torrent that is not in the session."""
        return Deferred.fromCoroutine(self._peer_queries.peers(info_hash))

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """Connect to a peer, `host` being an IP address. An unknown torrent is ignored."""
        state = self._torrents.get(info_hash)
        if state is None or not self._running:
            return
        try:
            peer = (str(ipaddress.ip_address(host)), port)
        except ValueError:
            log.warn("cannot connect to a peer at {host!r}: not an IP address", host=host)
            return
        if not 0 < port < 65536:
            log.warn("cannot connect to a peer at {host} port {port}", host=host, port=port)
            return
        if state.handle is not None:
            state.ask(lambda handle: handle.connect_peer(peer))
        elif len(state.early_peers) < _EARLY_PEERS:
            state.early_peers.append(peer)

    def block(self, hosts: Collection[str]) -> None:
        """Have no connection with peers at these IP addresses, in any torrent, and with all others again."""
        self._blocked = frozenset(hosts)
        if self._session is not None:
            self._session.set_ip_filter(address_filter(self._blocked))

    def forgive(self, info_hash: bytes, host: str, port: int) -> None:
        """Trust a peer again that was banned from a torrent, and connect to it.

        libtorrent has no call for that, but forgets whoever is filtered: the address is, for an instant.
        """
        if self._session is None or not self._running or info_hash not in self._torrents:
            return
        self._session.set_ip_filter(address_filter(self._blocked | {host}))
        self._session.set_ip_filter(address_filter(self._blocked))
        self.connect(info_hash, host, port)
        for state in self._torrents.values():
            if not state.complete and state.handle is not None:
                state.look_for_peers()  # it was forgotten there as well

    def set_trackers(self, info_hash: bytes, urls: Sequence[str]) -> None:
        """Announce a torrent to these from now on, in this order of preference. An unknown one is ignored."""
        state = self._torrents.get(info_hash)
        if state is None or not self._running:
            return
        if state.handle is None:
            state.early_trackers = urls
            return
        entries = [lt.announce_entry(url) for url in urls]
        for tier, entry in enumerate(entries):
            entry.tier = tier
        state.ask(lambda handle: handle.replace_trackers(entries))

    def status(self, info_hash: bytes) -> TorrentStatus | None:
        """Where a torrent stood when last seen, at the last turn of its interval; None before the first time."""
        state = self._torrents.get(info_hash)
        return None if state is None else state.status

    def statuses(self) -> Mapping[bytes, TorrentStatus]:
        """Where every torrent stood when last seen."""
        return {key: state.status for key, state in self._torrents.items() if state.status is not None}

    @property
    def sent(self) -> int:
        """Bytes of payload sent since the start, of torrents that are gone too; at most a status interval old."""
        return self._registry.totals.sent

    @property
    def received(self) -> int:
        """Bytes of payload received since the start, as `sent`."""
        return self._registry.totals.received

    @property
    def failed_pieces(self) -> int:
        """How many pieces did not match since the start, of torrents that are gone too."""
        return self._failed_pieces

    @property
    def failing(self) -> int:
        """How many torrents make no progress because their files cannot be read or written."""
        return sum(state.failed for state in self._torrents.values())

    def __contains__(self, info_hash: object) -> bool:
        return info_hash in self._torrents

    def _ask(self, question: Callable[[lt.session], None]) -> bool:
        """Ask the session something, if there is one; whether there is."""
        if self._session is None:
            return False
        question(self._session)
        return True

    def _check_running(self) -> None:
        if not self._running:
            raise _stopping()

    # Events of libtorrent

    def _admitted(self, added: alerts.Added, state: TorrentState | None) -> None:
        if added.handle is None:
            return
        if state is None:
            if self._session is not None:
                self._session.remove_torrent(added.handle)
            return
        for host, port in state.early_peers:
            self.connect(added.info_hash, host, port)
        state.early_peers.clear()
        if state.early_trackers is not None:
            self.set_trackers(added.info_hash, state.early_trackers)

    def _take(self) -> list[lt.alert]:
        return [] if self._session is None else self._session.pop_alerts()

    def _apply(self, settings: lt.settings_pack) -> None:
        if self._session is not None:
            self._session.apply_settings(settings)

    def _on_event(self, event: Event) -> None:
        taken = self._blocks.take(event)
        if taken is None:
            return
        event = taken
        if isinstance(event, alerts.PieceDone):
            self._blocks.done(event.info_hash, event.piece)
        elif isinstance(event, alerts.PieceFailed):
            self._failed_pieces += 1
        self._registry.receive(event)
        if isinstance(event, alerts.StateChanged) and self._change_call is None and self._running:
            # The tracker's answers depend on whether we have all of a torrent: not only at the next interval.
            self._change_call = self._reactor.callLater(_CHANGE_WITHIN, self._ask_changed)

    # Timers and threads

    def _ask_changed(self) -> None:
        self._change_call = None
        _go_on(self._ask_status)

    def _ask_status(self) -> None:
        for sent in self._blocks.sent():
            self._registry.receive(sent)
        self._blocks.rest()
        if self._session is not None:
            self._session.post_torrent_updates(0)

    def _ask_totals(self) -> None:
        if self._session is not None:
            self._session.post_session_stats()

    def _save(self) -> None:
        for state in self._torrents.values():
            if state.handle is not None and state.checked and not (state.verified or state.removing):
                state.ask(lambda handle: handle.save_resume_data(lt.save_resume_flags_t.only_if_modified))


def _stopping() -> Conflict:
    return Conflict(Reason("seed_stopped"))


def _go_on(work: Callable[[], None]) -> None:
    """A timer's turn: what goes wrong in it is logged, and the next turn comes."""
    try:
        work()
    except Exception:
        log.failure("a timer of the BitTorrent session failed")
