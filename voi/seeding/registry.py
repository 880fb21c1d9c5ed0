"""The state of each torrent, kept by libtorrent's events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import libtorrent as lt
from twisted.logger import Logger

from voi.errors import NotFound, StartupError
from voi.messages.reason import Reason
from voi.seeding import alerts
from voi.seeding.alerts import Event
from voi.seeding.background import BackgroundWork
from voi.seeding.interfaces import FileFacts, TorrentStatus, Trust
from voi.seeding.pacing import Window
from voi.seeding.torrents import WANTED, Torrent
from voi.seeding.verification import VerificationStore
from voi.seeding.waiters import AlertWaiters

log = Logger()


@dataclass(slots=True)
class TorrentState:
    """What is known of one torrent."""

    torrent: Torrent
    path: Path
    handle: lt.torrent_handle | None = None
    trust: Trust = Trust.CHECK
    facts: FileFacts | None = None  # of the file before it was checked
    verified: bool = False  # the verification store has the whole file
    checked: bool = False
    complete: bool = False
    removing: bool = False
    failed: bool = False
    failed_pieces: int = 0
    announces: int = 0  # under way
    early_peers: list[tuple[str, int]] = field(default_factory=list)
    early_trackers: Sequence[str] | None = None
    status: TorrentStatus | None = None
    window: Window | None = None  # the partly present pieces, of which some are wanted at a time

    def ask(self, work: Callable[[lt.torrent_handle], object]) -> None:
        """Ask its handle, where there is one; of one that has just gone, its removal ends the waiting."""
        if self.handle is None:
            return
        try:
            work(self.handle)
        except RuntimeError as error:
            log.debug("{name} is gone: {error}", name=self.torrent.name, error=error)

    def want(self, pieces: Sequence[int]) -> None:
        """Let pieces of the window be fetched."""
        if pieces:
            self.ask(lambda handle: handle.prioritize_pieces([(piece, WANTED) for piece in pieces]))

    def look_for_peers(self) -> None:
        """Ask the tracker for peers now."""
        self.ask(lambda handle: handle.force_reannounce())

    def note_verified(self, recorded: object) -> None:
        """The verification store has recorded the whole file, or (not True) has not."""
        self.verified = self.verified or recorded is True


class TorrentRegistry:
    """Keeps `torrents`, fires `waiters`, and records in `verification` what follows.

    `on_event` is told every event but the announces that went well. `admitted` is told what came in, with
    None for a torrent that was removed meanwhile. `totals` are the last of all torrents together.
    """

    def __init__(
        self,
        torrents: dict[bytes, TorrentState],
        waiters: AlertWaiters,
        background: BackgroundWork,
        verification: VerificationStore,
        on_event: Callable[[Event], None],
        admitted: Callable[[alerts.Added, TorrentState | None], None],
    ) -> None:
        self._torrents = torrents
        self._waiters = waiters
        self._background = background
        self._verification = verification
        self._on_event = on_event
        self._admitted = admitted
        self.totals = alerts.Totals(0, 0)
        self._handlers: Mapping[type, Callable[[Any], Event | None]] = {
            alerts.Listening: self._listening,
            alerts.ListenFailed: self._listen_failed,
            alerts.Added: self._added,
            alerts.StateChanged: self._state_changed,
            alerts.Checked: self._checked,
            alerts.Finished: self._finished,
            alerts.PieceDone: self._piece_done,
            alerts.TorrentFailed: self._torrent_failed,
            alerts.Removed: self._removed,
            alerts.ResumeData: self._resume_data,
            alerts.Announcing: self._announcing,
            alerts.AnnounceSucceeded: self._announced,
            alerts.AnnounceFailed: self._announced,
            TorrentStatus: self._status,
            alerts.Totals: self._take_totals,
        }

    def receive(self, event: Event) -> None:
        """Handle an event of libtorrent, and hand it on to waiters and to the listener."""
        key = getattr(event, "info_hash", None)
        if key is not None and key not in self._torrents and not isinstance(event, alerts.Added):
            return  # from before libtorrent knew that the torrent is to go
        handler = self._handlers.get(type(event))
        result = event if handler is None else handler(event)
        if result is not None:
            self._waiters.fire(type(result), key or b"", result)
            self.emit(result)

    def emit(self, event: Event) -> None:
        """Hand an event to the listener; its faults are logged."""
        try:
            self._on_event(event)
        except Exception:
            log.failure("the listener failed at {event}", event=event)

    def _listening(self, event: alerts.Listening) -> Event:
        return event

    def _listen_failed(self, event: alerts.ListenFailed) -> Event:
        error = StartupError(f"BitTorrent cannot listen on {event.host} port {event.port}: {event.reason}")
        self._waiters.fail(alerts.Listening, b"", error)
        return event

    def _added(self, event: alerts.Added) -> Event | None:
        state = self._torrents.get(event.info_hash)
        if state is not None:
            state.handle = event.handle
        self._admitted(event, state)
        return None if state is None else event

    def _state_changed(self, event: alerts.StateChanged) -> Event:
        state = self._torrents[event.info_hash]
        if event.state == "checking":
            # The check that it was added for is reported late, and does not outweigh who read the file meanwhile.
            expected = state.trust is Trust.CHECK and not state.checked
            state.checked = state.complete = False
            if not expected:
                self._distrust(event.info_hash, state)
        return event

    def _distrust(self, info_hash: bytes, state: TorrentState) -> None:
        """Take back what was recorded of a file: libtorrent found something else."""
        if state.verified:
            state.verified = False
            self._background.unawaited(partial(self._verification.forget, info_hash))

    def _checked(self, event: alerts.Checked) -> Event:
        state = self._torrents[event.info_hash]
        state.checked = True
        if state.trust is Trust.CHECK and not state.complete:
            self._distrust(event.info_hash, state)
        if state.complete and state.trust is Trust.CHECK and state.facts is not None and not state.verified:
            work = partial(self._verification.record_verified, event.info_hash, state.path, state.facts)
            self._background.unawaited(work, state.note_verified)
        state.facts = None
        return replace(event, complete=state.complete)

    def _piece_done(self, event: alerts.PieceDone) -> None:
        state = self._torrents[event.info_hash]
        following = None if state.window is None else state.window.had(event.piece)
        if following is not None:
            state.want([following])

    def _finished(self, event: alerts.Finished) -> Event | None:
        state = self._torrents[event.info_hash]
        if state.window is not None and not state.window.done:
            # All that was wanted came faster than more could be wanted: not the end, and no more pacing. The window
            # stays: the next event may be as early, from before libtorrent knew what else is wanted.
            state.want(state.window.open_all())
            # libtorrent lets go of seeds and forgets them as soon as it wants nothing, and does not go back by itself.
            state.look_for_peers()
            return None
        state.complete = True
        return event

    def _torrent_failed(self, event: alerts.TorrentFailed) -> Event | None:
        state = self._torrents[event.info_hash]
        if state.failed:
            return None  # it comes again for each block that was under way
        state.failed = True
        return event

    def _removed(self, event: alerts.Removed) -> Event:
        del self._torrents[event.info_hash]
        self._waiters.fire(alerts.Removed, event.info_hash, event)
        self._waiters.fail_about(event.info_hash, NotFound(Reason("torrent_removed")))
        return event

    def _resume_data(self, event: alerts.ResumeData) -> Event:
        state = self._torrents[event.info_hash]
        if event.data is not None and not (state.verified or state.removing):
            work = partial(self._verification.record_partial, event.info_hash, state.path, event.data)
            self._background.unawaited(work)
        return event

    def _announcing(self, event: alerts.Announcing) -> None:
        self._torrents[event.info_hash].announces += 1

    def _announced(self, event: alerts.AnnounceSucceeded | alerts.AnnounceFailed) -> Event | None:
        state = self._torrents[event.info_hash]
        state.announces = max(0, state.announces - 1)
        return event if isinstance(event, alerts.AnnounceFailed) else None

    def _status(self, event: TorrentStatus) -> Event:
        state = self._torrents[event.info_hash]
        state.status = event
        if event.state == "seeding" and state.checked and not state.complete:
            # libtorrent has everything of it, so an event before this one was lost.
            state.complete = True
            finished = alerts.Finished(event.info_hash)
            self._waiters.fire(alerts.Finished, event.info_hash, finished)
            self.emit(finished)
        return event

    def _take_totals(self, event: alerts.Totals) -> None:
        self.totals = event
