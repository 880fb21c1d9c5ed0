"""A torrent's bytes made into what libtorrent is asked to add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import libtorrent as lt
from twisted.logger import Logger

from voi.domain.blocks import Found
from voi.errors import BadTorrent, TorrentRefused
from voi.messages.reason import Reason
from voi.seeding.blocks import BLOCK
from voi.seeding.conversion import key_of
from voi.seeding.interfaces import Trust
from voi.seeding.pacing import LEAST, Window
from voi.seeding.verification import Judgement

log = Logger()

WANTED: Final = 4
"""libtorrent's default priority of a piece; 0 is not wanted."""

_FLAGS = (
    lt.torrent_flags.update_subscribe  # its status comes with post_torrent_updates
    | lt.torrent_flags.apply_ip_filter
    | lt.torrent_flags.duplicate_is_error
    | lt.torrent_flags.disable_dht
    | lt.torrent_flags.disable_lsd
    | lt.torrent_flags.disable_pex
    # Trackers are ours to name, and web seeds would have us fetch whatever URL is in an uploaded torrent.
    | lt.torrent_flags.override_trackers
    | lt.torrent_flags.override_web_seeds
)
"""Neither auto-managed nor paused: five of ten auto-managed seeds silently stop."""


@dataclass(frozen=True, slots=True)
class Torrent:
    """A torrent of one file: its info-hash, what the file is called, and its size and that of a piece in bytes."""

    info_hash: bytes
    name: str
    length: int
    piece_length: int
    raw: bytes

    def block_size(self, piece: int, block: int) -> int:
        """How many bytes a block has: BitTorrent's, less at the end."""
        rest = min(self.piece_length, self.length - piece * self.piece_length) - block * BLOCK
        return max(0, min(BLOCK, rest))

    def block_count(self, piece: int) -> int:
        """How many blocks a piece has."""
        return -(-min(self.piece_length, self.length - piece * self.piece_length) // BLOCK)

    @classmethod
    def parse(cls, raw: bytes) -> Torrent:
        """Read a .torrent.

        :raises BadTorrent: libtorrent cannot read it.
        :raises TorrentRefused: it has not exactly one file, or that file is in a directory.
        """
        info = _info(_parameters(raw))
        layout = info.layout()
        if layout.num_files() != 1 or layout.file_path(0) != info.name():
            raise TorrentRefused(Reason("torrent_one_file"))
        return cls(key_of(info.info_hashes()), info.name(), info.total_size(), info.piece_length(), raw)


def parameters(
    torrent: Torrent, directory: Path, trackers: Sequence[str], judgement: Judgement, found: Found | None = None
) -> lt.add_torrent_params:
    """What libtorrent is asked to add: the torrent, where its file is, and how far that is trusted.

    The torrent's own trackers and web seeds are dropped. `found` is what was just read in the file, and replaces
    the check that libtorrent would make where the judgement is CHECK.
    """
    fresh = _parameters(torrent.raw)
    params = fresh
    if judgement.trust is Trust.RESUME and judgement.resume is not None:
        params = _resumed(torrent, judgement.resume) or fresh
    params.ti = fresh.ti
    params.save_path = str(directory)
    params.storage_mode = lt.storage_mode_t.storage_mode_sparse
    params.flags = _FLAGS
    params.trackers = list(trackers)
    params.tracker_tiers = list(range(len(trackers)))
    params.url_seeds = []
    params.http_seeds = []
    params.dht_nodes = []
    params.piece_priorities = []  # resume data have those of a window that is gone
    params.banned_peers = []  # and bans: the server may be among them, and whoever is mended by now
    if judgement.trust in (Trust.WHOLE, Trust.LAZY):
        params.have_pieces = [True] * _info(fresh).num_pieces()
    if judgement.trust is Trust.CHECK and found is not None:
        # Pieces that are had are taken at their word, without a check; a piece in `unfinished_pieces` is
        # hashed when its last request has come.
        params.have_pieces = list(found.have)
        params.unfinished_pieces = {index: list(requests) for index, requests in found.partial.items()}
    if judgement.trust is Trust.LAZY:
        params.flags |= lt.torrent_flags.seed_mode
    return params


def open_window(params: lt.add_torrent_params, random: Random) -> Window | None:
    """Where many pieces are there in part, let only some of them be wanted at first; the window to go on with."""
    partial = params.unfinished_pieces
    if len(partial) <= LEAST:
        return None
    window = Window(partial, random)
    hidden = window.hidden
    params.piece_priorities = [0 if index in hidden else WANTED for index in range(_info(params).num_pieces())]
    return window


def _resumed(torrent: Torrent, resume: bytes) -> lt.add_torrent_params | None:
    try:
        params = lt.read_resume_data(resume)
    except RuntimeError as error:
        # The file is then hashed from end to end, which finds the same pieces.
        log.warn("{name}: resume data cannot be read: {error}", name=torrent.name, error=error)
        return None
    if key_of(params.info_hashes) != torrent.info_hash:
        log.warn("{name}: resume data are another torrent's", name=torrent.name)
        return None
    return params


def _parameters(raw: bytes) -> lt.add_torrent_params:
    try:
        return lt.load_torrent_buffer(raw)
    except RuntimeError as error:
        raise BadTorrent(Reason("torrent_unreadable", text=str(error))) from error


def _info(params: lt.add_torrent_params) -> lt.torrent_info:
    if params.ti is None:
        raise BadTorrent(Reason("torrent_no_info"))
    return params.ti
