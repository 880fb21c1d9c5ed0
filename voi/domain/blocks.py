"""Tables of block sums: which parts of a disk file are what a torrent wants, finer than its pieces.

Pure: bytes in, values out. A disk of 40 GB has pieces of 4 MiB, and a change scattered in 64 KiB clusters touches
nearly every one of them: by pieces alone a terminal with the version before would fetch everything again. A table
has a sum for each 64 KiB, so that it fetches what differs.

A sum is a hint and proves nothing: a piece is had when its SHA-1 is right, whatever was believed of its blocks. So
CRC-32 is enough: a terminal compares the sums of one place with one another, and one changed block in 2**32 is taken
for unchanged, which costs that piece again (for a disk of 40 GB with 2 % changed, one update in 300,000). Four bytes
make a table of 2.6 MB for 40 GB, and zlib reads faster than the SHA-1 beside it. Who makes up a disk whose sums lie
makes pieces of his own disk travel twice.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from voi.domain.metainfo import LARGEST_LENGTH, Metainfo
from voi.errors import Malformed
from voi.messages.reason import Reason

BLOCK: Final = 64 << 10
"""Bytes that one sum is of: a qcow2 cluster by default, so one changed cluster is one changed block."""

REQUEST: Final = 16 << 10
"""Bytes that peers ask one another for at once (BEP 3)."""

_MAGIC: Final = b"voi blocks 1\n"
_HEADER: Final = struct.Struct(">13s20sIQ")  # magic, info-hash, block size, length of the file
_SUM: Final = 4


@dataclass(frozen=True, slots=True)
class BlockTable:
    """The sums of a torrent's file of `length` bytes; `sums` has four bytes for each `BLOCK`, big-endian."""

    info_hash: bytes
    length: int
    sums: bytes

    def encode(self) -> bytes:
        """The table as it is kept and sent."""
        return _HEADER.pack(_MAGIC, self.info_hash, BLOCK, self.length) + self.sums

    @classmethod
    def decode(cls, data: bytes, metainfo: Metainfo) -> BlockTable:
        """Read the table of a torrent.

        :raises Malformed: it is not one, or another torrent's.
        """
        if len(data) != encoded_size(metainfo.length):
            raise Malformed(Reason("table_size", length=len(data), expected=encoded_size(metainfo.length)))
        magic, info_hash, block, length = _HEADER.unpack_from(data)
        if magic != _MAGIC or block != BLOCK:
            raise Malformed(Reason("table_unreadable"))
        if info_hash != metainfo.info_hash or length != metainfo.length:
            raise Malformed(Reason("table_of_another"))
        return cls(info_hash, length, data[_HEADER.size :])


def encoded_size(length: int) -> int:
    """Bytes of the table of a file of `length` bytes.

    :raises ValueError: no disk has that length.
    """
    if not 0 < length <= LARGEST_LENGTH:
        raise ValueError(f"a file of {length} bytes")
    return _HEADER.size + _SUM * _blocks_in(length)


def is_useful(metainfo: Metainfo) -> bool:
    """Whether a table says more than the torrent: where pieces are no longer than blocks, it does not."""
    return metainfo.piece_length > BLOCK


class Sums:
    """The sums of a stream that comes in chunks of any size."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._sum = 0
        self._filled = 0

    def update(self, chunk: bytes) -> None:
        """The next bytes."""
        rest = memoryview(chunk)
        while rest:
            part = rest[: BLOCK - self._filled]
            self._sum = zlib.crc32(part, self._sum)
            self._filled += len(part)
            rest = rest[len(part) :]
            if self._filled == BLOCK:
                self._close()

    def finish(self) -> bytes:
        """All sums, the last one of what is left."""
        if self._filled:
            self._close()
        return bytes(self._done)

    def _close(self) -> None:
        self._done += self._sum.to_bytes(_SUM, "big")
        self._sum = self._filled = 0


def with_start(sums: bytes, start: bytes, length: int) -> bytes:
    """The sums of a file of `length` bytes whose first bytes are `start` now: whole blocks, or the whole file."""
    if len(start) % BLOCK and len(start) != length:
        raise ValueError(f"a start of {len(start)} bytes is not whole blocks")
    fresh = Sums()
    fresh.update(start)
    replaced = fresh.finish()
    return replaced + sums[len(replaced) :]


@dataclass(frozen=True, slots=True)
class Found:
    """What of a torrent a file already has: `have` says which pieces are whole; `partial` has, for pieces that are
    not and of which something seems to be there, which of their requests of 16 KiB are.
    """

    have: tuple[bool, ...]
    partial: Mapping[int, tuple[bool, ...]]

    def here(self, metainfo: Metainfo) -> int:
        """Bytes that need not be fetched, if every sum is right."""
        whole = sum(metainfo.piece_size(index) for index, had in enumerate(self.have) if had)
        parts = (
            min(REQUEST, metainfo.piece_size(index) - at * REQUEST)
            for index, requests in self.partial.items()
            for at, there in enumerate(requests)
            if there
        )
        return whole + sum(parts)


def compare(
    metainfo: Metainfo,
    piece_hashes: bytes,
    sums: bytes,
    table: BlockTable | None,
    distrusted: Collection[int] = (),
) -> Found:
    """What a file has of a torrent.

    `piece_hashes` and `sums` are those of the file, up to the torrent's length and cut into the torrent's pieces;
    the file may be shorter. Nothing is believed of the blocks of `distrusted` pieces.
    """
    have = metainfo.right_pieces(piece_hashes)
    if table is None or not is_useful(metainfo):
        return Found(have, {})
    partial: dict[int, tuple[bool, ...]] = {}
    for index, had in enumerate(have):
        if had or index in distrusted:
            continue
        same = _same(table.sums, sums, index * metainfo.piece_length // BLOCK, _blocks_in(metainfo.piece_size(index)))
        # All the same, and the piece is wrong: one of the sums lies, and nobody knows which.
        if any(same) and not all(same):
            requests = -(-metainfo.piece_size(index) // REQUEST)
            partial[index] = tuple(same[at * REQUEST // BLOCK] for at in range(requests))
    return Found(have, partial)


def _same(wanted: bytes, found: bytes, first: int, count: int) -> list[bool]:
    """For each of `count` blocks from the number `first` on, whether its sums are equal; a missing one is not."""
    places = range(first * _SUM, (first + count) * _SUM, _SUM)
    return [wanted[at : at + _SUM] == found[at : at + _SUM] for at in places]


def _blocks_in(length: int) -> int:
    return -(-length // BLOCK)
