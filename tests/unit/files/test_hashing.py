"""Piece hashes, copies and checks of files: what they give, and that they notice what goes wrong."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voi.domain.metainfo import Metainfo, build, parse
from voi.errors import Conflict, NoSpace, StorageMissing
from voi.files import hashing
from voi.files.hashing import (
    Cancelled,
    copy_and_hash,
    hash_file,
    sha256_file,
    verify_file,
)
from voi.names import DiskName

PIECE = 64 << 10
MIB = 1 << 20
CONTENT = os.urandom(3 * MIB + 12_345)


def naive(content: bytes, piece_length: int) -> bytes:
    """Piece hashes as BEP 3 says them, written the simplest way."""
    pieces = (content[at : at + piece_length] for at in range(0, len(content), piece_length))
    return b"".join(hashlib.sha1(piece).digest() for piece in pieces)


def metainfo(content: bytes) -> Metainfo:
    """The torrent of a content."""
    name = DiskName("8f14e45f-ceea-467f-a8d4-1c2f3b5a6d7e", 0)
    return parse(build(name, len(content), PIECE, naive(content, PIECE)))


class FileTestCase(SynchronousTestCase):
    """A folder with one file of random content."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.file = self.folder / "disk"
        self.file.write_bytes(CONTENT)
        self.target = self.folder / "copy"

    def touch_while_reading(self, _done: int) -> None:
        """A progress callback that writes to the file while it is being read."""
        with self.file.open("r+b") as file:
            file.write(b"x")
        os.utime(self.file, ns=(1, 1))  # whatever the file system's clock does, the time is another one

    def every_step(self) -> None:
        """Let progress be reported after each chunk, whatever the clock says."""
        self.patch(hashing, "_PROGRESS_EVERY", 0)


class HashTests(FileTestCase):
    """Piece hashes."""

    def test_piece_lengths(self) -> None:
        """Pieces smaller and larger than what is read at once, and larger than the file."""
        for piece_length in (16 << 10, PIECE, MIB, 2 * MIB, 16 * MIB, 1000):
            self.assertEqual(hash_file(self.file, piece_length), naive(CONTENT, piece_length))

    def test_empty(self) -> None:
        """An empty file has no pieces."""
        self.file.write_bytes(b"")
        self.assertEqual(hash_file(self.file, PIECE), b"")

    def test_piece_length_of_nothing(self) -> None:
        """A piece length must be positive."""
        self.assertRaises(ValueError, hash_file, self.file, 0)

    def test_sha256(self) -> None:
        """The SHA-256 of the whole file, in hex."""
        self.assertEqual(sha256_file(self.file), hashlib.sha256(CONTENT).hexdigest())

    def test_missing(self) -> None:
        """A file that is not there is named."""
        with self.assertRaisesRegex(StorageMissing, "nothing does not exist"):
            hash_file(self.folder / "nothing", PIECE)

    def test_not_regular(self) -> None:
        """A link, a directory or a pipe in the place of a file is refused, and the pipe does not hold us."""
        (self.folder / "link").symlink_to("disk")
        os.mkfifo(self.folder / "pipe")
        with self.assertRaisesRegex(Conflict, "symbolic link"):
            hash_file(self.folder / "link", PIECE)
        for name in (".", "pipe"):
            with self.assertRaisesRegex(Conflict, "not a regular file"):
                hash_file(self.folder / name, PIECE)

    def test_changed_meanwhile(self) -> None:
        """A file that is written to while it is read has no hashes worth having."""
        self.every_step()
        with self.assertRaisesRegex(Conflict, "changed while"):
            hash_file(self.file, PIECE, self.touch_while_reading)

    def test_shrunk_meanwhile(self) -> None:
        """A file that becomes shorter while it is read is noticed."""
        self.every_step()
        with self.assertRaisesRegex(Conflict, "changed while"):
            hash_file(self.file, PIECE, lambda _done: os.truncate(self.file, 100))


class PaceTests(FileTestCase):
    """Progress and cancelling."""

    def test_ends_with_the_size(self) -> None:
        """Progress rises, and the last number reported is the file's size."""
        self.every_step()
        reported: list[int] = []
        hash_file(self.file, PIECE, reported.append)
        self.assertEqual(reported, [0, MIB, 2 * MIB, 3 * MIB, len(CONTENT)])

    def test_not_more_than_ten_times_a_second(self) -> None:
        """What comes within a tenth of a second of the last call is left out, but never the end."""
        times: Iterator[float] = iter([0.0, 0.05, 0.11, 0.15, 0.20, 0.22, 0.23])
        reported: list[int] = []
        timer = hashing._ProgressTimer(reported.append, None, clock=lambda: next(times))
        for done in range(1, 6):
            timer.step(done)
        timer.step(6, last=True)
        self.assertEqual(reported, [2, 5, 6])

    def test_cancelled(self) -> None:
        """A cancelled work stops at the next step, not at the end."""
        asked: list[int] = []

        def cancelled() -> bool:
            asked.append(1)
            return len(asked) == 2

        self.assertRaises(Cancelled, hash_file, self.file, PIECE, None, cancelled)
        self.assertEqual(len(asked), 2)


class CopyTests(FileTestCase):
    """Copies that are hashed on the way."""

    def assert_copied(self, content: bytes) -> None:
        self.file.write_bytes(content)
        hashes = copy_and_hash(self.file, self.target, PIECE)
        self.assertEqual(self.target.read_bytes(), content)
        self.assertEqual(hashes, naive(content, PIECE))

    def test_same_bytes(self) -> None:
        """The copy has the same bytes, and the hashes are those of `hash_file`."""
        self.assert_copied(CONTENT)

    def test_zeros_become_holes(self) -> None:
        """Zeros take no room in the copy, at the start, in the middle and at the end, where the size is kept."""
        self.assert_copied(bytes(4 * MIB) + CONTENT[:PIECE] + bytes(8 * MIB) + b"x" + bytes(4 * MIB + 5))
        self.assertLess(self.target.stat().st_blocks * 512, MIB)

    def test_only_zeros(self) -> None:
        """A file of begins with zeros keeps its size."""
        self.assert_copied(bytes(2 * MIB + 1))

    def test_empty(self) -> None:
        """An empty file gives an empty one."""
        self.assert_copied(b"")

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 200_000)), max_size=12))
    def test_any_mix(self, runs: list[tuple[bool, int]]) -> None:
        """Zeros and data in runs of any length come out as they went in."""
        self.target.unlink(missing_ok=True)
        self.assert_copied(b"".join(bytes(size) if zeros else CONTENT[:size] for zeros, size in runs))

    def test_never_over_a_file(self) -> None:
        """A target that is there is left alone, be it the source itself or a link."""
        self.target.write_bytes(b"precious")
        (self.folder / "link").symlink_to("elsewhere")
        os.link(self.file, self.folder / "same")
        for name in ("copy", "link", "same", "disk"):
            with self.assertRaisesRegex(Conflict, "already exists"):
                copy_and_hash(self.file, self.folder / name, PIECE)
        self.assertEqual(self.target.read_bytes(), b"precious")
        self.assertEqual(self.file.read_bytes(), CONTENT)
        self.assertFalse((self.folder / "elsewhere").exists())

    def test_source_changed(self) -> None:
        """A source that changed leaves no copy behind."""
        self.every_step()
        with self.assertRaisesRegex(Conflict, "disk changed while"):
            copy_and_hash(self.file, self.target, PIECE, self.touch_while_reading)
        self.assertFalse(self.target.exists())

    def test_source_is_a_link(self) -> None:
        """A symbolic link is not followed, and no target is made."""
        (self.folder / "link").symlink_to("disk")
        self.assertRaises(Conflict, copy_and_hash, self.folder / "link", self.target, PIECE)
        self.assertFalse(self.target.exists())

    def test_cancelled(self) -> None:
        """A cancelled copy leaves nothing behind."""
        answers = iter([False, False, True])
        self.assertRaises(Cancelled, copy_and_hash, self.file, self.target, PIECE, None, lambda: next(answers))
        self.assertFalse(self.target.exists())

    def test_disk_full(self) -> None:
        """A full disk is called so, with the target's name, and leaves nothing behind."""

        def full(*_arguments: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "write", full)
        with self.assertRaisesRegex(NoSpace, "not enough space .*copy"):
            copy_and_hash(self.file, self.target, PIECE)
        self.assertFalse(self.target.exists())

    def test_short_writes(self) -> None:
        """A write that takes only a part is followed by the rest."""
        real = os.write
        self.patch(os, "write", lambda fd, data: real(fd, data[:10_000]))
        copy_and_hash(self.file, self.target, PIECE)
        self.assertEqual(self.target.read_bytes(), CONTENT)

    def test_on_the_disk(self) -> None:
        """The copy is synced after its last byte and its size are written."""
        synced: list[int] = []
        real = os.fsync

        def fsync(fd: int) -> None:
            synced.append(os.fstat(fd).st_size)
            real(fd)

        self.patch(os, "fsync", fsync)
        copy_and_hash(self.file, self.target, PIECE)
        self.assertEqual(synced, [len(CONTENT)])

    def test_folder_is_missing(self) -> None:
        """A target in a folder that is not there is named."""
        with self.assertRaisesRegex(StorageMissing, "nowhere/copy does not exist"):
            copy_and_hash(self.file, self.folder / "nowhere" / "copy", PIECE)


class VerifyTests(FileTestCase):
    """Files against their torrents."""

    def test_good(self) -> None:
        """A file that is what its torrent says has no bad pieces."""
        self.assertEqual(verify_file(self.file, metainfo(CONTENT)), [])

    def test_bad_pieces(self) -> None:
        """A changed byte makes its piece bad, and only that: the first, the last and one between."""
        damaged = bytearray(CONTENT)
        for offset in (0, 5 * PIECE, len(CONTENT) - 1):
            damaged[offset] ^= 1
        self.file.write_bytes(damaged)
        self.assertEqual(verify_file(self.file, metainfo(CONTENT)), [0, 5, 48])

    def test_short(self) -> None:
        """What a short file lacks is bad, the piece in which it ends too."""
        self.file.write_bytes(CONTENT[: 46 * PIECE + 1])
        self.assertEqual(verify_file(self.file, metainfo(CONTENT)), [46, 47, 48])
        self.file.write_bytes(b"")
        self.assertEqual(verify_file(self.file, metainfo(CONTENT)), list(range(49)))

    def test_longer(self) -> None:
        """Nothing beyond the torrent's length is read, so a longer file has no bad pieces for it."""
        self.every_step()
        reported: list[int] = []
        self.assertEqual(verify_file(self.file, metainfo(CONTENT[: 20 * PIECE + 7]), reported.append), [])
        self.assertEqual(reported[-1], 20 * PIECE + 7)

    def test_changed_meanwhile(self) -> None:
        """A file that is written to while it is checked is not called good."""
        self.every_step()
        self.assertRaises(Conflict, verify_file, self.file, metainfo(CONTENT), self.touch_while_reading)

    def test_missing(self) -> None:
        """A file that is not there is no file of bad pieces."""
        self.assertRaises(StorageMissing, verify_file, self.target, metainfo(CONTENT))
