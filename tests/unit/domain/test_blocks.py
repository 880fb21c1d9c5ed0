"""Block tables: what is written can be read, nothing else is, and what a comparison makes of them."""

from __future__ import annotations

import hashlib
import random
import struct
import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.domain import metainfo
from voi.domain.blocks import BLOCK, REQUEST, BlockTable, Found, Sums, compare, encoded_size, is_useful, with_start
from voi.domain.metainfo import Metainfo
from voi.errors import Malformed
from voi.names import DiskName

NAME = DiskName("11111111-2222-3333-4444-555555555555", 0)
PIECE = 4 * BLOCK
CONTENT = random.Random(3).randbytes(3 * PIECE + BLOCK + 20_000)  # the last piece has a whole block and a short one


def hashes(content: bytes, size: int = PIECE) -> bytes:
    """SHA-1 of each piece."""
    return b"".join(hashlib.sha1(content[at : at + size]).digest() for at in range(0, len(content), size))


def torrent(content: bytes = CONTENT, size: int = PIECE) -> Metainfo:
    """The torrent of a content."""
    return metainfo.parse(metainfo.build(NAME, len(content), size, hashes(content, size)))


def sums(content: bytes) -> bytes:
    """Its sums."""
    reader = Sums()
    reader.update(content)
    return reader.finish()


def table(content: bytes = CONTENT, size: int = PIECE) -> BlockTable:
    """Its table."""
    return BlockTable(torrent(content, size).info_hash, len(content), sums(content))


def changed(*blocks: int, content: bytes = CONTENT) -> bytes:
    """The content with one byte different in each of these blocks."""
    data = bytearray(content)
    for block in blocks:
        data[block * BLOCK + 7] ^= 1
    return bytes(data)


def found(old: bytes, *, distrusted: tuple[int, ...] = ()) -> Found:
    """What a file with other content has of `CONTENT`."""
    return compare(torrent(), hashes(old[: len(CONTENT)]), sums(old[: len(CONTENT)]), table(), distrusted)


class CodecTests(SynchronousTestCase):
    """The table as bytes."""

    def test_round_trip(self) -> None:
        """What is written is read again, and is as long as was said before."""
        data = table().encode()
        self.assertEqual(BlockTable.decode(data, torrent()), table())
        self.assertEqual(len(data), encoded_size(len(CONTENT)))

    def test_size_of_a_real_disk(self) -> None:
        """A disk of 40 GB has a table of less than 3 MB."""
        self.assertLess(encoded_size(40 * 10**9), 3_000_000)

    def test_another_torrents(self) -> None:
        """The table of another torrent of the same length is refused."""
        other = BlockTable(bytes(20), len(CONTENT), sums(CONTENT)).encode()
        self.assertRaises(Malformed, BlockTable.decode, other, torrent())

    def test_another_format(self) -> None:
        """Another version's bytes, or sums of other blocks, are refused."""
        data = table().encode()
        for broken in (b"voi blocks 2\n" + data[13:], data[:33] + struct.pack(">I", 4096) + data[37:]):
            self.assertRaises(Malformed, BlockTable.decode, broken, torrent())

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever comes is a table or is refused."""
        self.assertRaises(Malformed, BlockTable.decode, data, torrent())

    def test_one_byte_more_or_less(self) -> None:
        """A table that was cut off, or has something behind it, is refused."""
        data = table().encode()
        for broken in (data[:-1], data + b"x", b""):
            self.assertRaises(Malformed, BlockTable.decode, broken, torrent())

    def test_impossible_length(self) -> None:
        """A length that no disk has gives no size to wait for."""
        for length in (0, -1, 1 << 60):
            self.assertRaises(ValueError, encoded_size, length)


class SumTests(SynchronousTestCase):
    """Sums of a stream."""

    def test_one_for_each_block(self) -> None:
        """Each is the CRC-32 of its block, the last one of what is left."""
        expected = [zlib.crc32(CONTENT[at : at + BLOCK]) for at in range(0, len(CONTENT), BLOCK)]
        self.assertEqual(sums(CONTENT), struct.pack(f">{len(expected)}I", *expected))

    @given(st.lists(st.integers(0, len(CONTENT)), max_size=6))
    def test_any_chunks(self, cuts: list[int]) -> None:
        """How the stream is cut does not matter."""
        reader = Sums()
        edges = [0, *sorted(cuts), len(CONTENT)]
        for start, end in pairwise(edges):
            reader.update(CONTENT[start:end])
        self.assertEqual(reader.finish(), sums(CONTENT))

    def test_new_start(self) -> None:
        """A patch at the start of a file changes the sums that it touches."""
        new = changed(0, 1)
        self.assertEqual(with_start(sums(CONTENT), new[: 2 * BLOCK], len(new)), sums(new))
        short = CONTENT[:1000]
        self.assertEqual(with_start(sums(short), b"x" + short[1:], 1000), sums(b"x" + short[1:]))

    def test_half_a_block(self) -> None:
        """A start that ends within a block has no sums of its own."""
        self.assertRaises(ValueError, with_start, sums(CONTENT), b"x" * 1000, len(CONTENT))


class CompareTests(SynchronousTestCase):
    """An older file against a torrent."""

    def test_equal(self) -> None:
        """All pieces are there, nothing is partial."""
        self.assertEqual(found(CONTENT), Found((True,) * 4, {}))

    def test_changed_blocks(self) -> None:
        """Of the pieces that changed, the requests of the changed blocks are missing."""
        result = found(changed(1, 9, 10))
        self.assertEqual(result.have, (False, True, False, True))
        self.assertEqual(result.partial[0], (True,) * 4 + (False,) * 4 + (True,) * 8)
        self.assertEqual(result.partial[2], (True,) * 4 + (False,) * 8 + (True,) * 4)
        self.assertEqual(result.here(torrent()), len(CONTENT) - 3 * BLOCK)

    def test_last_piece(self) -> None:
        """The last piece has as many requests as it has bytes for."""
        result = found(changed(12))
        requests = -(-(BLOCK + 20_000) // REQUEST)
        self.assertEqual(result.partial[3], (False,) * 4 + (True,) * (requests - 4))
        self.assertEqual(result.here(torrent()), len(CONTENT) - BLOCK)

    def test_shorter_file(self) -> None:
        """What the file is too short for is not there, a block that it has in part included."""
        result = found(CONTENT[: PIECE + BLOCK + 100])
        self.assertEqual(result.have, (True, False, False, False))
        self.assertEqual(result.partial, {1: (True,) * 4 + (False,) * 12})

    def test_longer_file(self) -> None:
        """What lies behind the end does no harm."""
        self.assertEqual(found(CONTENT + b"more"), Found((True,) * 4, {}))

    def test_lying_sums(self) -> None:
        """A wrong piece whose blocks all seem right is fetched whole: nobody knows which one it is."""
        old = changed(1)
        result = compare(torrent(), hashes(old), sums(CONTENT), table())
        self.assertEqual(result, Found((False, True, True, True), {}))

    def test_distrusted(self) -> None:
        """A piece that once failed is fetched whole, the others in part."""
        self.assertEqual(set(found(changed(1, 9), distrusted=(0,)).partial), {2})

    def test_nothing_alike(self) -> None:
        """A piece without any block to keep is no partial one."""
        self.assertEqual(found(bytes(len(CONTENT))), Found((False,) * 4, {}))

    def test_without_a_table(self) -> None:
        """Pieces are found by their SHA-1 alone."""
        old = changed(1)
        self.assertEqual(compare(torrent(), hashes(old), sums(old), None), Found((False, True, True, True), {}))

    def test_small_pieces(self) -> None:
        """Where a piece is no longer than a block, a table says nothing more."""
        small = torrent(size=BLOCK)
        self.assertFalse(is_useful(small))
        self.assertTrue(is_useful(torrent()))
        old = changed(1)
        result = compare(small, hashes(old, BLOCK), sums(old), table(size=BLOCK))
        self.assertEqual((result.have.count(False), result.partial), (1, {}))
