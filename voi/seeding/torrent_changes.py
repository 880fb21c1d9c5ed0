"""Torrents put into the session of libtorrent and taken out again; what is known of their files goes with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import libtorrent as lt
from twisted.logger import Logger

from voi.errors import Conflict, NotFound, StorageMissing, TorrentRefused
from voi.files.atomic import sync_file
from voi.messages.reason import Reason, of_system
from voi.seeding import alerts
from voi.seeding.background import BackgroundWork
from voi.seeding.interfaces import FileScan, Trust
from voi.seeding.preparation import FilePreparation, file_failed
from voi.seeding.registry import TorrentRegistry, TorrentState
from voi.seeding.torrents import Torrent
from voi.seeding.verification import VerificationStore
from voi.seeding.waiters import AlertWaiters

log = Logger()

_ANSWER_WITHIN = 60.0  # seconds to add, remove or flush: a hard disk with everything queued before it


class TorrentChanges:
    """Asks libtorrent, and waits for the alert that answers.

    `ask` calls with libtorrent's session, False where there is none: who held it would keep it from ending.
    `check_running` raises Conflict unless it takes torrents.
    """

    def __init__(
        self,
        *,
        torrents: dict[bytes, TorrentState],
        ask: Callable[[Callable[[lt.session], None]], bool],
        check_running: Callable[[], None],
        registry: TorrentRegistry,
        preparation: FilePreparation,
        verification: VerificationStore,
        background: BackgroundWork,
        waiters: AlertWaiters,
    ) -> None:
        self._torrents = torrents
        self._ask = ask
        self._check_running = check_running
        self._registry = registry
        self._preparation = preparation
        self._verification = verification
        self._background = background
        self._waiters = waiters

    async def doubts(self, raw: bytes, directory: Path) -> bool:
        """As `BitTorrentSession.doubts`."""
        torrent = Torrent.parse(raw)
        return await self._background.in_turn(self._preparation.doubts, torrent, directory)

    async def add(
        self, raw: bytes, directory: Path, trackers: Sequence[str], scan: FileScan | None = None, *, seeding: bool
    ) -> Trust:
        """Put a torrent into the session, for a file that is whole (`seeding`) or to be fetched; how far that is
        trusted. As `BitTorrentSession.seed` and `BitTorrentSession.download`.
        """
        self._check_running()
        torrent = Torrent.parse(raw)
        key = torrent.info_hash
        if key in self._torrents:
            raise Conflict(Reason("torrent_there", name=torrent.name))
        state = self._torrents[key] = TorrentState(torrent, directory / torrent.name)
        try:
            judgement, params = await self._background.in_turn(
                self._preparation.prepare, state, trackers, scan, seeding
            )
            self._check_running()
            state.trust = judgement.trust
            state.facts = judgement.facts
            state.verified = judgement.trust in (Trust.WHOLE, Trust.LAZY)
            answer = self._waiters.expect(alerts.Added, key, _ANSWER_WITHIN)
            self._ask(lambda session: session.async_add_torrent(params))
            added = await answer
            if added.error is not None:
                raise TorrentRefused(Reason("torrent_refused", name=torrent.name, text=of_system(added.error)))
        except Exception as error:
            if self._torrents.get(key) is state:
                del self._torrents[key]
            if isinstance(error, StorageMissing):
                self._registry.emit(alerts.TorrentFailed(key, error.reason))
            self._waiters.fail_about(key, error)
            raise
        return judgement.trust

    async def mark_verified(self, info_hash: bytes, path: Path) -> None:
        """As `BitTorrentSession.mark_verified`."""
        try:
            await self._background.in_thread(sync_file, path)  # not in the store's turn: it may take minutes
            noted = await self._background.in_turn(self._verification.record_verified, info_hash, path)
        except OSError as error:
            raise StorageMissing(file_failed(error, path)) from error
        state = self._torrents.get(info_hash)
        if state is not None and state.path == path:
            state.note_verified(noted)

    async def remove(self, info_hash: bytes, forget: bool) -> None:
        """As `BitTorrentSession.remove`."""
        state = self._torrents.get(info_hash)
        if state is not None:
            if state.handle is None:
                try:
                    await self._waiters.expect(alerts.Added, info_hash, _ANSWER_WITHIN)
                except Exception as error:
                    # Its caller is told; here it only means that there is nothing to take out.
                    log.debug("{name} never came in: {error}", name=state.torrent.name, error=error)
            if self._torrents.get(info_hash) is state and state.handle is not None:
                gone = self._waiters.expect(alerts.Removed, info_hash, _ANSWER_WITHIN)
                if not state.removing:
                    handle = state.handle
                    state.removing = self._ask(lambda session: session.remove_torrent(handle))
                await gone
        if forget:
            try:
                await self._background.in_turn(self._verification.forget, info_hash)
            except OSError as error:
                raise StorageMissing(file_failed(error, error.filename)) from error

    async def flush(self, info_hash: bytes) -> None:
        """As `BitTorrentSession.flush`."""
        state = self._torrents.get(info_hash)
        if state is None or state.handle is None:
            raise NotFound(Reason("torrent_not_there"))
        flushed = self._waiters.expect(alerts.Flushed, info_hash, _ANSWER_WITHIN)
        state.ask(lambda handle: handle.flush_cache())
        await flushed
        try:
            await self._background.in_thread(sync_file, state.path)
        except OSError as error:
            raise StorageMissing(file_failed(error, state.path)) from error
