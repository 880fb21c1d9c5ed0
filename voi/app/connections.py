"""Every connection between parts of the server, in the order in which listeners are called.

No part connects itself to another: what follows from an event is found here.
"""

from __future__ import annotations

import time
from collections.abc import Container

from twisted.logger import Logger

from voi.app.assembly import Assembly
from voi.catalogue.contents import ContentMonitor
from voi.rollouts.peer_terminals import terminals_of
from voi.seeding.alerts import (
    BytesSent,
    Checked,
    Event,
    Finished,
    PeerBanned,
    PieceFailed,
    StateChanged,
    TorrentFailed,
)
from voi.tracker.announced import PeerAnnounced

log = Logger()


class _Either:
    """What is in one of two collections, as they are whenever it is asked."""

    def __init__(self, one: Container[bytes], other: Container[bytes]) -> None:
        self._one, self._other = one, other

    def __contains__(self, key: object) -> bool:
        return key in self._one or key in self._other


def connect(parts: Assembly) -> None:
    """Connect all; once, when everything is made and nothing has begun."""
    registry, publisher = parts.base.registry, parts.uploads.publisher
    contents, coordinator = parts.uploads.contents, parts.rollouts.coordinator

    # A terminal came online: what waits for it is sent.
    registry.online.connect(parts.uploads.notifications.terminal_came)
    registry.online.connect(parts.uploads.admission.terminal_came)
    registry.online.connect(parts.commands.terminal_came)
    registry.online.connect(coordinator.terminal_came)
    registry.online.connect(parts.web.api.changed)

    # A terminal went offline.
    registry.offline.connect(parts.uploads.admission.terminal_left)
    registry.offline.connect(lambda mac: _note_left(parts, mac))
    registry.offline.connect(coordinator.terminal_left)
    registry.offline.connect(parts.web.api.changed)

    # A terminal reported what it has, or what it started from.
    parts.terminals.handlers.reported.connect(parts.web.api.changed)

    # A terminal was seen to run what a rollout brought.
    parts.terminals.handlers.ran.connect(parts.web.api.ran)

    # A peer announced itself to the tracker.
    parts.swarm.announced.connect(lambda peer: publisher.announced(peer.info_hash, peer.host, peer.port))
    parts.swarm.announced.connect(lambda peer: contents.announced(peer.info_hash, peer.host, peer.port))
    parts.swarm.announced.connect(lambda peer: _note_progress(parts, peer))

    # An event of the BitTorrent session.
    parts.swarm.session_event.connect(lambda event: _session_event(parts, event))

    # A disk of an upload was published, or failed: its uploader is told.
    publisher.ended.connect(parts.uploads.notifications.tell_end)

    # Terminals are in other rooms: their peers are moved there.
    parts.base.room_directory.changed.connect(parts.swarm.tracker.rooms_changed)

    # An entry of the audit log is on disk: open pages get it, and what it is about.
    parts.base.audit_log.added.connect(parts.web.api.noted)

    # The tracker reports announces of these torrents and terminals alone.
    parts.swarm.tracker.tell_only_of(_Either(publisher.receiving, contents.wanted), coordinator.terminals)


def _note_left(parts: Assembly, mac: str) -> None:
    parts.base.repositories.terminals.seen(mac, time.time()).addErrback(
        lambda failure: log.failure("noting that {mac} left", failure, mac=mac)
    )


def _note_progress(parts: Assembly, peer: PeerAnnounced) -> None:
    parts.rollouts.coordinator.progress_receiver.announced(peer.terminal, peer.info_hash, peer.left)


def _session_event(parts: Assembly, event: Event) -> None:
    tell_contents(parts.uploads.contents, event)
    if isinstance(event, Finished):
        parts.uploads.publisher.finished(event.info_hash)
    elif isinstance(event, TorrentFailed):
        log.error("torrent {hash}: {reason}", hash=event.info_hash.hex(), reason=event.reason)
        parts.uploads.publisher.transfer_failed(event.info_hash, event.reason)
    elif isinstance(event, BytesSent):
        parts.rollouts.coordinator.stall_monitor.sent(event.info_hash, event.sent)
    elif isinstance(event, PeerBanned):
        _log_ban(parts, event)


def _log_ban(parts: Assembly, event: PeerBanned) -> None:
    known = terminals_of([(event.host, event.port)], parts.swarm.tracker.peers(event.info_hash))
    log.warn(
        "torrent {hash}: pieces from {host}, terminal {terminal}, do not match",
        hash=event.info_hash.hex(),
        host=event.host,
        terminal=known.get((event.host, event.port), "unknown"),
    )


def tell_contents(contents: ContentMonitor, event: Event) -> None:
    """What an event of the BitTorrent session means for the files of what is published."""
    if isinstance(event, Finished):
        contents.finished(event.info_hash)
    elif isinstance(event, Checked):
        contents.checked(event.info_hash, event.complete)
    elif isinstance(event, TorrentFailed):
        contents.transfer_failed(event.info_hash, event.reason)
    elif isinstance(event, PieceFailed) or (isinstance(event, StateChanged) and event.state == "checking"):
        contents.wrong_piece(event.info_hash)  # a seed only looks again at a file in which it met a wrong piece
