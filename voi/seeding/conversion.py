"""libtorrent's alerts made into events.

An alert's memory is libtorrent's, and is reused at the next `pop_alerts`: reading one later kills the process.
So each is copied, whole, into an event at once, and nothing else ever sees an alert.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import libtorrent as lt
from twisted.logger import Logger

from voi.messages.reason import Reason, of_system
from voi.seeding.alerts import (
    Added,
    AnnounceFailed,
    AnnounceSucceeded,
    Announcing,
    BlockCame,
    BlockSent,
    Checked,
    Event,
    Finished,
    Flushed,
    ListenFailed,
    Listening,
    PeerBanned,
    PieceDone,
    PieceFailed,
    Removed,
    ResumeData,
    StateChanged,
    TorrentFailed,
    Totals,
)
from voi.seeding.interfaces import ConnectedPeer, TorrentStatus

log = Logger()

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
