"""What a damaged torrent still tells, so that the file it is of can give the same torrent again. Pure."""

from __future__ import annotations

from typing import Any

import bencodepy

from voi.domain import metainfo
from voi.errors import BadTorrent, TorrentRefused
from voi.messages.reason import Reason
from voi.names import DiskName


def info_of(data: bytes) -> dict[bytes, Any] | None:
    """The info dictionary of a torrent, whatever is in it; None where the bytes cannot be read that far."""
    try:
        info = metainfo.decode(data).get(b"info")
    except BadTorrent:
        return None
    return info if isinstance(info, dict) else None


def with_hashes(info: dict[bytes, Any], piece_hashes: bytes) -> bytes:
    """A torrent that has this info dictionary, but for the hashes of its pieces.

    :raises BadTorrent: something in it cannot be encoded.
    """
    try:
        made: bytes = bencodepy.encode({b"info": info | {b"pieces": piece_hashes}})
    except (TypeError, ValueError) as error:
        raise BadTorrent(Reason("torrent_not_bencoded", text=str(error))) from error
    return made


def is_torrent_of(data: bytes, name: DiskName, info_hash: bytes, length: int) -> bool:
    """Whether these bytes are the torrent of a level: readable, of its info-hash, of a file of `length` bytes."""
    try:
        found = metainfo.parse(data, name)
    except (BadTorrent, TorrentRefused):
        return False
    return found.info_hash == info_hash and found.length == length
