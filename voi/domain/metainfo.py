"""Torrent files: those that come from outside, read strictly, and the ones this server makes (BEP 3, BEP 27).

Pure: bytes in, values out. A torrent is taken only in canonical bencoding, because two readers that understand
one text differently would also compute different info-hashes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import bencodepy

from voi.errors import BadTorrent, Malformed, TorrentRefused
from voi.messages.reason import Reason
from voi.names import DiskName

MAX_TORRENT = (1 << 20) - 4096
"""Bytes. Deployed terminals read at most 1 MiB of token and data in a frame; what is left below it is for the
token (64), the struct before the torrent (150), and a terminal's own announce URL, which may be longer than the
one it replaces (2048)."""

LONGEST_URL = 2048
"""Bytes of an announce URL: ours have about a hundred, and `MAX_TORRENT` leaves room for so many."""

SMALLEST_PIECE, LARGEST_PIECE = 16 << 10, 16 << 20
"""Bytes. One block of the peer protocol; and what a terminal still can hold several of while it downloads."""

PIECE_LENGTHS = tuple(SMALLEST_PIECE << shift for shift in range((LARGEST_PIECE // SMALLEST_PIECE).bit_length()))
"""Bytes of a piece, as many as there may be: the powers of two between these."""

LARGEST_LENGTH = 1 << 50
"""Bytes; far above any disk, and no sum of sizes overflows an i64 of the torrent struct."""

_HASH_SIZE = 20

_MOST_TOKENS = 4096  # a torrent of one file has about 30, a long announce-list some hundreds
_DEEPEST = 16  # lists and dictionaries in one another; announce-list is the deepest known, with 3
_TOKEN = re.compile(rb"i(?:0|-?[1-9][0-9]{0,18})e|(0|[1-9][0-9]{0,6}):|[lde]")

_KEPT_KEYS = frozenset({b"announce", b"comment", b"created by", b"creation date", b"encoding", b"info"})
"""All of a torrent that travels on. Other trackers, web seeds and DHT nodes are the uploader's own affair, and
his announce URL holds his key."""

_REFUSED_INFO_KEYS: dict[bytes, Reason] = {
    b"files": Reason("torrent_many_files"),
    b"meta version": Reason("torrent_version_2"),
    b"file tree": Reason("torrent_file_tree"),
    b"symlink path": Reason("torrent_symlink"),
    b"path": Reason("torrent_second_name", key="path"),
    b"path.utf-8": Reason("torrent_second_name", key="path.utf-8"),
    b"name.utf-8": Reason("torrent_second_name", key="name.utf-8"),
}
"""Key of the info dictionary -> why a torrent that has it is refused."""

_HARMLESS_ATTRIBUTES = frozenset(b"xh")
"""BEP 47: executable and hidden. libtorrent states x for any file on an NTFS or FAT mount, so uploaders do send it.
Symbolic links (l) and padding (p) are not harmless."""


@dataclass(frozen=True, slots=True)
class Metainfo:
    """A torrent of one disk level."""

    name: DiskName
    length: int
    """Bytes of the file."""
    piece_length: int
    """Bytes of every piece but the last."""
    piece_hashes: bytes
    """SHA-1 of each piece, 20 bytes each, one after the other."""
    private: bool
    info_hash: bytes
    """SHA-1 of `info`, 20 bytes."""
    announce: str | None
    info: bytes
    """The bencoded info dictionary."""

    @property
    def piece_count(self) -> int:
        """How many pieces the file has."""
        return len(self.piece_hashes) // _HASH_SIZE

    def piece_size(self, index: int) -> int:
        """Bytes of the piece `index`; the last one may be shorter than the others.

        :raises IndexError: there is no such piece.
        """
        if not 0 <= index < self.piece_count:
            raise IndexError(index)
        return min(self.piece_length, self.length - index * self.piece_length)

    def piece_hash(self, index: int) -> bytes:
        """The SHA-1 of the piece `index`, 20 bytes.

        :raises IndexError: there is no such piece.
        """
        if not 0 <= index < self.piece_count:
            raise IndexError(index)
        return self.piece_hashes[index * _HASH_SIZE : (index + 1) * _HASH_SIZE]

    def right_pieces(self, hashes: bytes) -> tuple[bool, ...]:
        """Which pieces have these SHA-1s, which stand in a row; of a shorter file the last ones are lacking."""
        return tuple(
            hashes[index * _HASH_SIZE : (index + 1) * _HASH_SIZE] == self.piece_hash(index)
            for index in range(self.piece_count)
        )


def parse(data: bytes, expected: DiskName | None = None) -> Metainfo:
    """Read a torrent of one disk level; `expected` is the disk that it must be of.

    :raises BadTorrent: the bytes are no canonical bencoded torrent.
    :raises TorrentRefused: they are one, and not one of a single disk that terminals could take.
    """
    torrent = decode(data)
    info = _info(torrent)
    for key, why in _REFUSED_INFO_KEYS.items():
        if key in info:
            raise TorrentRefused(Reason("torrent_unfit", why=why), field=key.decode())
    attributes = _typed(info, b"attr", bytes, default=b"")
    if not _HARMLESS_ATTRIBUTES.issuperset(attributes):
        raise TorrentRefused(Reason("torrent_attributes", text=repr(attributes[:20])), field="attr")
    name = _disk_name(_typed(info, b"name", bytes), expected)
    length = _typed(info, b"length", int)
    if not 0 < length <= LARGEST_LENGTH:
        raise TorrentRefused(Reason("torrent_length", length=length), field="length")
    piece_length = _typed(info, b"piece length", int)
    if piece_length not in PIECE_LENGTHS:
        raise TorrentRefused(Reason("torrent_piece_length", length=piece_length), field="piece length")
    pieces = _typed(info, b"pieces", bytes)
    if len(pieces) != _HASH_SIZE * _ceil_div(length, piece_length):
        raise TorrentRefused(Reason("torrent_pieces", length=len(pieces)), field="pieces")
    private = _typed(info, b"private", int, default=0)
    if private not in (0, 1):
        raise TorrentRefused(Reason("torrent_private", value=private), field="private")
    encoded_info: bytes = bencodepy.encode(info)
    return Metainfo(
        name=name,
        length=length,
        piece_length=piece_length,
        piece_hashes=pieces,
        private=private == 1,
        info_hash=hashlib.sha1(encoded_info, usedforsecurity=False).digest(),
        announce=_announce(torrent),
        info=encoded_info,
    )


def with_announce(data: bytes, url: str) -> bytes:
    """The same torrent with `url` as its only tracker; the info dictionary keeps its bytes, so the hash stays.

    :raises BadTorrent: `data` is no canonical bencoded torrent.
    :raises ValueError: `url` is no http, https or udp URL of at most `LONGEST_URL` printable ASCII characters.
    """
    torrent = decode(data)
    _info(torrent)
    kept = {key: value for key, value in torrent.items() if key in _KEPT_KEYS}
    kept[b"announce"] = _checked_url(url)
    encoded: bytes = bencodepy.encode(kept)
    return encoded


def build(name: DiskName, length: int, piece_length: int, piece_hashes: bytes, announce: str | None = None) -> bytes:
    """A private torrent of one disk level; sizes in bytes, 20 bytes of SHA-1 for each piece.

    :raises TorrentRefused: the values are not those of a torrent that `parse` takes.
    :raises ValueError: the announce URL is none.
    """
    torrent: dict[bytes, Any] = {
        b"created by": b"voi",
        b"info": {
            b"length": length,
            b"name": str(name).encode(),
            b"piece length": piece_length,
            b"pieces": piece_hashes,
            b"private": 1,
        },
    }
    if announce is not None:
        torrent[b"announce"] = _checked_url(announce)
    data: bytes = bencodepy.encode(torrent)
    parse(data, expected=name)
    return data


def piece_length_for(size: int) -> int:
    """The piece length for a file of `size` bytes: a power of two, 64 KiB to 4 MiB (16 MiB for giants).

    Many pieces let terminals trade with one another sooner: the swarm's last terminal was nearest to the bound
    with 64 KiB pieces on a small file, and above a thousand pieces nothing more is won. So: the smallest pieces
    that make at most 8192 of them. More would cost 20 bytes each in every torrent that is sent, and messages
    between peers. From 32 GiB on pieces stay at 4 MiB, so that a peer has soon something whole to offer, until
    the torrent would not fit a frame (`MAX_TORRENT`); only then do they grow again.

    :raises TorrentRefused: no torrent for so large a file fits a frame, or the size is not positive.
    """
    if not 0 < size <= LARGEST_LENGTH:
        raise TorrentRefused(Reason("no_torrent_for", size=size), field="length")
    piece_length = 64 << 10
    while piece_length < 4 << 20 and _ceil_div(size, piece_length) > 8192:
        piece_length *= 2
    # 1024: all of a torrent but its pieces and its announce URL needs about 200 bytes.
    room = MAX_TORRENT - LONGEST_URL - 1024
    while _ceil_div(size, piece_length) * _HASH_SIZE > room:
        piece_length *= 2
    if piece_length > LARGEST_PIECE:
        raise TorrentRefused(Reason("too_large_for_torrent", size=size), field="length")
    return piece_length


def decode(data: bytes) -> dict[bytes, Any]:
    """The outermost dictionary of canonical bencoding.

    :raises BadTorrent: the bytes are none, or too many.
    """
    if len(data) > MAX_TORRENT:
        raise BadTorrent(Reason("torrent_too_large", size=len(data), most=MAX_TORRENT))
    _check_tokens(data)
    try:
        decoded = bencodepy.decode(data)
    except bencodepy.BencodeDecodeError as error:
        raise BadTorrent(Reason("torrent_not_bencoded", text=str(error))) from error
    if not isinstance(decoded, dict):
        raise BadTorrent(Reason("torrent_no_dictionary"))
    # The decoder takes dictionaries whose keys are unsorted or come twice, and drops what it does not keep.
    if bencodepy.encode(decoded) != data:
        raise BadTorrent(Reason("torrent_not_canonical"))
    return decoded


def _check_tokens(data: bytes) -> None:
    """See that the text is made of bencode tokens, before the decoder meets it.

    The decoder reads a negative string length in the place of a key, goes backwards, and never returns
    (``d1:ai1e-6:``); it also reads numbers with spaces and underscores. None of that gets past here.
    """
    at, depth = 0, 0
    for _ in range(_MOST_TOKENS):
        token = _TOKEN.match(data, at)
        if token is None:
            raise BadTorrent(Reason("torrent_byte", at=at))
        at = token.end()
        if token[1] is not None:
            at += int(token[1])
        elif token[0] == b"e":
            depth -= 1
        elif token[0] in (b"l", b"d"):
            depth += 1
        if depth > _DEEPEST:
            raise BadTorrent(Reason("torrent_too_deep", most=_DEEPEST))
        if depth <= 0:
            break
    else:
        raise BadTorrent(Reason("torrent_too_many_values", most=_MOST_TOKENS))
    if at != len(data):
        raise BadTorrent(Reason("torrent_cut"))


def _info(torrent: dict[bytes, Any]) -> dict[bytes, Any]:
    info: dict[bytes, Any] = _typed(torrent, b"info", dict)
    return info


def _typed(mapping: dict[bytes, Any], key: bytes, kind: type, default: Any = None) -> Any:
    value = mapping.get(key, default)
    if not isinstance(value, kind):
        said = key.decode()
        lacks = value is None
        raise BadTorrent(
            Reason("torrent_lacks", key=said) if lacks else Reason("torrent_wrong_type", key=said), field=said
        )
    return value


def _disk_name(raw: bytes, expected: DiskName | None) -> DiskName:
    text = raw.decode("ascii", "backslashreplace")
    try:
        name = DiskName.parse(text, "name")
    except Malformed as error:
        raise TorrentRefused(Reason("torrent_name", why=error.reason), field="name") from error
    # The name is the file's on every disk it reaches, so one spelling: lower case, no ".torrent".
    if str(name) != text:
        raise TorrentRefused(Reason("torrent_name_spelling", text=text, name=str(name)), field="name")
    if expected is not None and name != expected:
        raise TorrentRefused(Reason("torrent_of_another", disk=str(name), expected=str(expected)), field="name")
    return name


def _announce(torrent: dict[bytes, Any]) -> str | None:
    raw = _typed(torrent, b"announce", bytes, default=b"")
    try:
        return raw.decode() or None
    except UnicodeDecodeError as error:
        raise BadTorrent(Reason("torrent_announce"), field="announce") from error


def _checked_url(url: str) -> bytes:
    if not re.fullmatch(r"(?:https?|udp)://[!-~]+", url) or len(url) > LONGEST_URL:
        raise ValueError(f"{url[:100]!r} is no announce URL")
    return url.encode()


def _ceil_div(value: int, by: int) -> int:
    return -(-value // by)
