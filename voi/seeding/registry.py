"""What libtorrent says of each torrent, taken in: what we hold to be true of it changes here, on events."""

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
    verified: bool = False  # the ledger vouches for the whole file
    checked: bool = False
    complete: bool = False
    removing: bool = False
    failed: bool = False
    announces: int = 0  # under way
    early_peers: list[tuple[str, int]] = field(default_factory=list)
    early_trackers: Sequence[str] | None = None
    status: TorrentStatus | None = None
    window: Window | None = None  # the partly present pieces, of which some are wanted at a time

    def ask(self, work: Callable[[lt.torrent_handle], object]) -> None:
        """Ask its handle, where there is one; of one that has gone a moment ago its removal tells whoever waits."""
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

    def vouched_for(self, noted: object) -> None:
        """The ledger has noted the whole file, or (not True) has not."""
        self.verified = self.verified or noted is True


class TorrentRegistry:
    """Keeps `torrents` true, fires who is `waiters`, and notes in the `verification` what follows.

    `on_event` is told every event but the announces that went well. `admitted` is told what came in, with
    None for a torrent that nobody wants any more. `totals` is what was last heard of all torrents together.
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

    def hear(self, event: Event) -> None:
        """Take in what libtorrent says, and hand it on to who waits and to who is told everything."""
        key = getattr(event, "info_hash", None)
        if key is not None and key not in self._torrents and not isinstance(event, alerts.Added):
            return  # said before libtorrent had heard that the torrent is to go
        handler = self._handlers.get(type(event))
        told = event if handler is None else handler(event)
        if told is not None:
            self._waiters.fire(type(told), key or b"", told)
            self.tell(told)

    def tell(self, event: Event) -> None:
        """Hand an event on; what goes wrong there stays there."""
        try:
            self._on_event(event)
        except Exception:
            log.failure("who was told of {event} failed", event=event)

    def _listening(self, event: alerts.Listening) -> Event:
        return event

    def _listen_failed(self, event: alerts.ListenFailed) -> Event:
        error = StartupError(f"BitTorrent cannot listen on {event.host} port {event.port}: {event.reason}")
        self._waiters.fail(alerts.Listening, b"", error)
        return event

    def _added(self, event: alerts.Added) -> Event | None:
        held = self._torrents.get(event.info_hash)
        if held is not None:
            held.handle = event.handle
        self._admitted(event, held)
        return None if held is None else event

    def _state_changed(self, event: alerts.StateChanged) -> Event:
        held = self._torrents[event.info_hash]
        if event.state == "checking":
            # The check that it was added for is told late, and says nothing against who has read the file meanwhile.
            expected = held.trust is Trust.CHECK and not held.checked
            held.checked = held.complete = False
            if not expected:
                self._distrust(event.info_hash, held)
        return event

    def _distrust(self, info_hash: bytes, held: TorrentState) -> None:
        """Take back what was noted of a file: libtorrent found it to be otherwise."""
        if held.verified:
            held.verified = False
            self._background.unawaited(partial(self._verification.forget, info_hash))

    def _checked(self, event: alerts.Checked) -> Event:
        held = self._torrents[event.info_hash]
        held.checked = True
        if held.trust is Trust.CHECK and not held.complete:
            self._distrust(event.info_hash, held)
        if held.complete and held.trust is Trust.CHECK and held.facts is not None and not held.verified:
            work = partial(self._verification.record_verified, event.info_hash, held.path, held.facts)
            self._background.unawaited(work, held.vouched_for)
        held.facts = None
        return replace(event, complete=held.complete)

    def _piece_done(self, event: alerts.PieceDone) -> None:
        held = self._torrents[event.info_hash]
        following = None if held.window is None else held.window.had(event.piece)
        if following is not None:
            held.want([following])

    def _finished(self, event: alerts.Finished) -> Event | None:
        held = self._torrents[event.info_hash]
        if held.window is not None and not held.window.done:
            # All that was wanted came faster than more could be wanted: no end, and no more pacing. The window stays,
            # for what libtorrent says next may be as early: it may not have heard yet what else is wanted.
            held.want(held.window.open_all())
            # libtorrent lets go of seeds and forgets them as soon as it wants nothing, and does not go back by itself.
            held.look_for_peers()
            return None
        held.complete = True
        return event

    def _torrent_failed(self, event: alerts.TorrentFailed) -> Event | None:
        held = self._torrents[event.info_hash]
        if held.failed:
            return None  # libtorrent says it again for each block it had in hand
        held.failed = True
        return event

    def _removed(self, event: alerts.Removed) -> Event:
        del self._torrents[event.info_hash]
        self._waiters.fire(alerts.Removed, event.info_hash, event)
        self._waiters.fail_about(event.info_hash, NotFound(Reason("torrent_removed")))
        return event

    def _resume_data(self, event: alerts.ResumeData) -> Event:
        held = self._torrents[event.info_hash]
        if event.data is not None and not (held.verified or held.removing):
            work = partial(self._verification.record_partial, event.info_hash, held.path, event.data)
            self._background.unawaited(work)
        return event

    def _announcing(self, event: alerts.Announcing) -> None:
        self._torrents[event.info_hash].announces += 1

    def _announced(self, event: alerts.AnnounceSucceeded | alerts.AnnounceFailed) -> Event | None:
        held = self._torrents[event.info_hash]
        held.announces = max(0, held.announces - 1)
        return event if isinstance(event, alerts.AnnounceFailed) else None

    def _status(self, event: TorrentStatus) -> Event:
        held = self._torrents[event.info_hash]
        held.status = event
        if event.state == "seeding" and held.checked and not held.complete:
            # libtorrent says so of a torrent of which it has everything, so we missed some of what it said before.
            held.complete = True
            told = alerts.Finished(event.info_hash)
            self._waiters.fire(alerts.Finished, event.info_hash, told)
            self.tell(told)
        return event

    def _take_totals(self, event: alerts.Totals) -> None:
        self.totals = event
