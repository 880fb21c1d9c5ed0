"""libtorrent's alerts as frozen values.

An alert's memory is libtorrent's, and is reused at the next `pop_alerts`: reading one later kills the process.
So each is copied, whole, into one of these events at once, and nothing else ever sees an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import libtorrent as lt
from twisted.logger import Logger

from voi.messages.reason import Reason, of_system
from voi.seeding.interfaces import ConnectedPeer, TorrentStatus

log = Logger()


@dataclass(frozen=True, slots=True)
class Listening:
    """The session takes peers at this address and TCP port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ListenFailed:
    """An address could not be listened on; `reason` is the operating system's."""

    host: str
    port: int
    reason: str


@dataclass(frozen=True, slots=True)
class Added:
    """A torrent is in the session, or is not and `error` says why."""

    info_hash: bytes
    error: str | None = None
    handle: lt.torrent_handle | None = field(default=None, compare=False, repr=False)
    """For the session alone: it answers no question without blocking."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A torrent went on to another state, one of those of `TorrentStatus.state`."""

    info_hash: bytes
    state: str


@dataclass(frozen=True, slots=True)
class Checked:
    """It is known which pieces are there, with or without reading them; `complete` means all."""

    info_hash: bytes
    complete: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """All pieces are there. Also comes once for a torrent that was added complete, before its `Checked`."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class PieceDone:
    """A piece has come and matches its hash. For the session alone."""

    info_hash: bytes
    piece: int


@dataclass(frozen=True, slots=True)
class PieceFailed:
    """A piece did not match its hash: a bad peer, or a file that changed under a seed.

    `senders` are the addresses that its blocks came from, where that is known of every block; empty where it is not.
    """

    info_hash: bytes
    piece: int
    senders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerBanned:
    """libtorrent trusts a peer no more, and drops it: what failed came from it alone, or from it and others too often.

    `port` is the one it listens on, where that is known, else that of its connection.
    """

    info_hash: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class BlockCame:
    """A block of a piece has come from a peer. For the session alone, and only while it looks for bad peers."""

    info_hash: bytes
    piece: int
    block: int
    host: str


@dataclass(frozen=True, slots=True)
class BlockSent:
    """A block of a piece was sent to a peer, `port` being that of the connection. For the session alone."""

    info_hash: bytes
    piece: int
    block: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class BytesSent:
    """What was sent since the last such event: host, port of the connection, and bytes of payload, for each peer."""

    info_hash: bytes
    sent: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class TorrentFailed:
    """The torrent makes no progress: its file cannot be read or written. `reason` is the operating system's."""

    info_hash: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The torrent is gone and its file is closed."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class ResumeData:
    """What libtorrent needs at the next start; None when there is nothing new, or no torrent."""

    info_hash: bytes
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Flushed:
    """What was received of a torrent has been handed to the operating system."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class Announcing:
    """An announce is under way."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class AnnounceSucceeded:
    """An announce was answered."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class AnnounceFailed:
    """An announce failed, and will be tried again; `reason` is the tracker's or the network's."""

    info_hash: bytes
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class Peers:
    """The connected peers of a torrent."""

    info_hash: bytes
    peers: tuple[ConnectedPeer, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """Bytes of payload of all torrents since the session's start, of those that are gone too. For the session alone."""

    sent: int
    received: int


Event: TypeAlias = (
    Listening
    | ListenFailed
    | Added
    | StateChanged
    | Checked
    | Finished
    | PieceDone
    | PieceFailed
    | PeerBanned
    | BlockCame
    | BlockSent
    | BytesSent
    | TorrentFailed
    | Removed
    | ResumeData
    | Flushed
    | Announcing
    | AnnounceSucceeded
    | AnnounceFailed
    | TorrentStatus
    | Peers
    | Totals
)

_STATES: Mapping[int, str] = {
    lt.torrent_status.queued_for_checking: "checking",
    lt.torrent_status.checking_files: "checking",
    lt.torrent_status.checking_resume_data: "checking",
    lt.torrent_status.downloading_metadata: "downloading",
    lt.torrent_status.allocating: "downloading",
    lt.torrent_status.downloading: "downloading",
    lt.torrent_status.finished: "finished",
    lt.torrent_status.seeding: "seeding",
}

_NOT_YET = lt.peer_info.connecting | lt.peer_info.handshake
_NO_HASH = bytes(20)  # what the handle of a torrent that is gone answers


def key_of(hashes: lt.info_hash_t) -> bytes:
    """The 20 bytes by which a torrent goes here and at the tracker: BEP 3's, or BEP 52's cut short."""
    return hashes.v1.to_bytes() if hashes.has_v1() else hashes.v2.to_bytes()[:20]


def convert(alert: lt.alert) -> tuple[Event, ...]:
    """The events that an alert amounts to: none for one of no interest, or whose torrent is gone."""
    converter = CONVERTERS.get(type(alert))
    return () if converter is None else converter(alert)


def _about(make: Callable[[bytes], Event]) -> Callable[[lt.torrent_alert], tuple[Event, ...]]:
    """A converter of alerts that say nothing but which torrent they are about."""

    def converter(alert: lt.torrent_alert) -> tuple[Event, ...]:
        key = key_of(alert.handle.info_hashes())
        return () if key == _NO_HASH else (make(key),)

    return converter


def _listening(alert: lt.listen_succeeded_alert) -> tuple[Event, ...]:
    if int(alert.socket_type) != int(lt.socket_type_t.tcp):
        return ()  # a UDP socket is opened beside each TCP one, used or not
    return (Listening(alert.address, alert.port),)


def _listen_failed(alert: lt.listen_failed_alert) -> tuple[Event, ...]:
    return (ListenFailed(alert.address, alert.port, alert.error.message()),)


def _added(alert: lt.add_torrent_alert) -> tuple[Event, ...]:
    params = alert.params
    key = key_of(params.ti.info_hashes() if params.ti is not None else params.info_hashes)
    if alert.error.value():
        return (Added(key, alert.error.message()),)
    return (Added(key, handle=alert.handle),)


def _state_changed(alert: lt.state_changed_alert) -> tuple[Event, ...]:
    state = _STATES.get(int(alert.state), "downloading")
    return _about(lambda key: StateChanged(key, state))(alert)


def _piece_done(alert: lt.piece_finished_alert) -> tuple[Event, ...]:
    piece = alert.piece_index
    return _about(lambda key: PieceDone(key, piece))(alert)


def _piece_failed(alert: lt.hash_failed_alert) -> tuple[Event, ...]:
    piece = alert.piece_index
    return _about(lambda key: PieceFailed(key, piece))(alert)


def _peer_banned(alert: lt.peer_ban_alert) -> tuple[Event, ...]:
    host, port = alert.ip
    return _about(lambda key: PeerBanned(key, host, port))(alert)


def _block_came(alert: lt.block_finished_alert) -> tuple[Event, ...]:
    key = key_of(alert.handle.info_hashes())
    return () if key == _NO_HASH else (BlockCame(key, alert.piece_index, alert.block_index, alert.ip[0]),)


def _block_sent(alert: lt.block_uploaded_alert) -> tuple[Event, ...]:
    key = key_of(alert.handle.info_hashes())
    return () if key == _NO_HASH else (BlockSent(key, alert.piece_index, alert.block_index, *alert.ip),)


def _file_failed(alert: lt.file_error_alert) -> tuple[Event, ...]:
    reason = Reason("file_failed", text=of_system(alert.error.message()), path=alert.filename())
    return _about(lambda key: TorrentFailed(key, reason))(alert)


def _torrent_failed(alert: lt.torrent_error_alert) -> tuple[Event, ...]:
    reason = Reason("torrent_stopped", text=of_system(alert.error.message()))
    return _about(lambda key: TorrentFailed(key, reason))(alert)


def _removed(alert: lt.torrent_removed_alert) -> tuple[Event, ...]:
    return (Removed(key_of(alert.info_hashes)),)


def _resume_data(alert: lt.save_resume_data_alert) -> tuple[Event, ...]:
    data = lt.write_resume_data_buf(alert.params)
    return _about(lambda key: ResumeData(key, data))(alert)


def _announce_failed(alert: lt.tracker_error_alert) -> tuple[Event, ...]:
    url = alert.url
    reason = alert.error_message() or alert.error.message()
    return _about(lambda key: AnnounceFailed(key, url, reason))(alert)


def _statuses(alert: lt.state_update_alert) -> tuple[Event, ...]:
    return tuple(_status(status) for status in alert.status)


def _totals(alert: lt.session_stats_alert) -> tuple[Event, ...]:
    values = alert.values
    return (Totals(values["net.sent_payload_bytes"], values["net.recv_payload_bytes"]),)


def _status(status: lt.torrent_status) -> TorrentStatus:
    return TorrentStatus(
        info_hash=key_of(status.info_hashes),
        state=_STATES.get(int(status.state), "downloading"),
        progress=status.progress,
        done=status.total_done,  # of all pieces, those included that are not wanted yet
        wanted=status.total_wanted,
        upload_rate=status.upload_payload_rate,
        download_rate=status.download_payload_rate,
        uploaded=status.total_payload_upload,
        downloaded=status.total_payload_download,
        peers=status.num_peers,
        seeds=status.num_seeds,
        redundant=status.total_redundant_bytes,
        failed=status.total_failed_bytes,
    )


def peers_of(handle: lt.torrent_handle) -> tuple[ConnectedPeer, ...]:
    """The peers that have shaken hands. Blocks until libtorrent answers: call it in a thread.

    The alert that would bring them (post_peer_info) cannot be read from Python in libtorrent 2.1.1.

    :raises RuntimeError: the torrent is gone.
    """
    return tuple(_peer(peer) for peer in handle.get_peer_info() if not peer.flags & _NOT_YET)


def _peer(peer: lt.peer_info) -> ConnectedPeer:
    host, port = peer.ip
    return ConnectedPeer(
        host=host,
        port=port,
        client=peer.client.decode("utf-8", "replace"),
        progress=peer.progress,
        seed=bool(peer.flags & lt.peer_info.seed),
        up_rate=peer.payload_up_speed,
        down_rate=peer.payload_down_speed,
        total_up=peer.total_upload,
        total_down=peer.total_download,
    )


def _dropped(alert: lt.alerts_dropped_alert) -> tuple[Event, ...]:
    log.error(
        "libtorrent lost alerts of {kinds} kinds: the reactor was away for too long",
        kinds=sum(alert.dropped_alerts),
    )
    return ()


CONVERTERS: Mapping[type[lt.alert], Callable[[Any], tuple[Event, ...]]] = {
    lt.listen_succeeded_alert: _listening,
    lt.listen_failed_alert: _listen_failed,
    lt.add_torrent_alert: _added,
    lt.state_changed_alert: _state_changed,
    # Whether it is complete is known from what came before: the session puts that in.
    lt.torrent_checked_alert: _about(lambda key: Checked(key, complete=False)),
    lt.torrent_finished_alert: _about(Finished),
    lt.piece_finished_alert: _piece_done,
    lt.hash_failed_alert: _piece_failed,
    lt.peer_ban_alert: _peer_banned,
    lt.block_finished_alert: _block_came,
    lt.block_uploaded_alert: _block_sent,
    lt.file_error_alert: _file_failed,
    lt.torrent_error_alert: _torrent_failed,
    lt.torrent_removed_alert: _removed,
    lt.save_resume_data_alert: _resume_data,
    lt.save_resume_data_failed_alert: _about(lambda key: ResumeData(key, None)),
    lt.cache_flushed_alert: _about(Flushed),
    lt.tracker_announce_alert: _about(Announcing),
    lt.tracker_reply_alert: _about(AnnounceSucceeded),
    lt.tracker_error_alert: _announce_failed,
    lt.state_update_alert: _statuses,
    lt.session_stats_alert: _totals,
    lt.alerts_dropped_alert: _dropped,
}
