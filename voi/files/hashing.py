"""Reading whole disks: piece hashes, copies, checks. Every function here blocks; call it in a thread.

hashlib and the file calls release the GIL, so the reactor goes on meanwhile. `progress` is called from the
thread that works, with the bytes done so far, at most about ten times a second and once at the end; `cancelled`
is asked after each mebibyte.

Where `sums` is given, it gets the same bytes in the same reading: block sums cost no second one.

Files are opened without following a symbolic link and must be regular ones: a link or a pipe in the place of a
disk is a mistake or a trick.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from voi.domain.blocks import Sums
from voi.domain.metainfo import Metainfo
from voi.errors import Conflict, VoiError
from voi.files.opening import explained, regular
from voi.files.permissions import FILE_MODE
from voi.messages.reason import Reason

Progress = Callable[[int], object]
"""Takes the bytes done so far."""
IsCancelled = Callable[[], bool]

_CHUNK = 1 << 20  # bytes read at once: large enough for a disk's own speed, small enough to cancel soon
_HOLE = 64 << 10  # bytes: runs of zeros from this on become holes in a copy; a qcow2 cluster by default
_ZEROS = bytes(_HOLE)
_PROGRESS_EVERY = 0.1  # seconds


class Cancelled(VoiError):
    """The work was cancelled before its end; what it had written so far is removed."""

    wire_code: ClassVar[int] = 20725
    http_status: ClassVar[HTTPStatus] = HTTPStatus.CONFLICT
    slug: ClassVar[str] = "cancelled"


def hash_file(
    path: Path,
    piece_length: int,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    *,
    sums: Sums | None = None,
    at_most: int | None = None,
) -> bytes:
    """The SHA-1 of each piece of `piece_length` bytes, 20 bytes each, one after the other (BEP 3).

    Of a file longer than `at_most` bytes only so many are read.

    :raises StorageMissing: the file cannot be read.
    :raises Conflict: it is no regular file, or it changed meanwhile.
    :raises Cancelled: `cancelled` returned True.
    """
    pieces = _Pieces(piece_length, sums)
    with explained(path), regular(path) as fd:
        for chunk in _chunks(path, fd, _ProgressTimer(progress, cancelled), at_most):
            pieces.update(chunk)
    return pieces.finish()


def copy_and_hash(
    source: Path,
    target: Path,
    piece_length: int,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    *,
    sums: Sums | None = None,
) -> bytes:
    """Copy `source` to the new file `target`, and the SHA-1 of each piece as `hash_file` gives it, in one reading.

    Zeros become holes. The target's content is on the disk when this returns, its name only after
    `voi.files.atomic.sync_directory`; whatever ends the copy early removes the target.

    :raises StorageMissing: a file cannot be read or written.
    :raises NoSpace: the disk is full.
    :raises Conflict: the source is no regular file or changed meanwhile, or the target is already there.
    :raises Cancelled: `cancelled` returned True.
    """
    pieces = _Pieces(piece_length, sums)
    with explained(source), regular(source) as fd, explained(target), _new_file(target) as out:
        size = 0
        for chunk in _chunks(source, fd, _ProgressTimer(progress, cancelled)):
            _write_sparse(out, chunk)
            pieces.update(chunk)
            size += len(chunk)
        os.ftruncate(out, size)  # a hole at the end has no byte after it that would make the file so long
        os.fsync(out)
    return pieces.finish()


def verify_file(
    path: Path,
    metainfo: Metainfo,
    progress: Progress | None = None,
    cancelled: IsCancelled | None = None,
    *,
    sums: Sums | None = None,
) -> list[int]:
    """The indices of the pieces that differ from the torrent; those that a short file lacks are among them.

    Nothing beyond the torrent's length is read: its size shows whether the file is longer.

    :raises StorageMissing: the file cannot be read.
    :raises Conflict: it is no regular file, or it changed meanwhile.
    :raises Cancelled: `cancelled` returned True.
    """
    hashes = hash_file(path, metainfo.piece_length, progress, cancelled, sums=sums, at_most=metainfo.length)
    return [index for index, right in enumerate(metainfo.right_pieces(hashes)) if not right]


def sha256_file(path: Path, progress: Progress | None = None, cancelled: IsCancelled | None = None) -> str:
    """The SHA-256 of a file in hex, as `sha256sum` prints it.

    :raises StorageMissing: the file cannot be read.
    :raises Conflict: it is no regular file, or it changed meanwhile.
    :raises Cancelled: `cancelled` returned True.
    """
    digest = hashlib.sha256()
    with explained(path), regular(path) as fd:
        for chunk in _chunks(path, fd, _ProgressTimer(progress, cancelled)):
            digest.update(chunk)
    return digest.hexdigest()


class _Pieces:
    """SHA-1 of each piece of a stream that comes in chunks of any size; `sums` gets the same."""

    def __init__(self, piece_length: int, sums: Sums | None = None) -> None:
        if piece_length <= 0:
            raise ValueError(f"a piece length of {piece_length}")
        self._sums = sums
        self._piece_length = piece_length
        self._hashes = bytearray()
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._filled = 0

    def update(self, chunk: bytes) -> None:
        """The next bytes."""
        if self._sums is not None:
            self._sums.update(chunk)
        rest = memoryview(chunk)
        while rest:
            part = rest[: self._piece_length - self._filled]
            self._digest.update(part)
            self._filled += len(part)
            rest = rest[len(part) :]
            if self._filled == self._piece_length:
                self._close()

    def finish(self) -> bytes:
        """All hashes, the last one of what is left."""
        if self._filled:
            self._close()
        return bytes(self._hashes)

    def _close(self) -> None:
        self._hashes += self._digest.digest()
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._filled = 0


class _ProgressTimer:
    """Tells progress not too often, and asks whether to go on."""

    def __init__(
        self,
        progress: Progress | None,
        cancelled: IsCancelled | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._cancelled = cancelled
        self._clock = clock
        self._reported_at = clock()

    def step(self, done: int, *, last: bool = False) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled(Reason("called_off"))
        if self._progress is None:
            return
        now = self._clock()
        if last or now - self._reported_at >= _PROGRESS_EVERY:
            self._reported_at = now
            self._progress(done)


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    """A file that was not there; removed again if what is done with it fails."""
    # O_EXCL: never over a disk that is there, least of all over the source itself by another name.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            yield fd
        finally:
            os.close(fd)
    except BaseException:
        with suppress(FileNotFoundError):
            path.unlink()
        raise


def _chunks(path: Path, fd: int, timer: _ProgressTimer, at_most: int | None = None) -> Iterator[bytes]:
    """A file's bytes from its start; it must be the same, unchanged, when the reading is over."""
    before = os.fstat(fd)
    size = before.st_size if at_most is None else min(before.st_size, at_most)
    done = 0
    while done < size:
        timer.step(done)
        chunk = os.read(fd, min(_CHUNK, size - done))
        if not chunk:
            break
        yield chunk
        done += len(chunk)
    after = os.fstat(fd)
    if done < size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Conflict(Reason("changed_while_read", path=str(path)))
    timer.step(done, last=True)


def _write_sparse(fd: int, chunk: bytes) -> None:
    """Write a chunk at the file's position; blocks of zeros are stepped over."""
    at = 0
    while at < len(chunk):
        end = _run_end(chunk, at, zeros=False)
        _write_all(fd, memoryview(chunk)[at:end])
        at = _run_end(chunk, end, zeros=True)
        os.lseek(fd, at - end, os.SEEK_CUR)


def _run_end(chunk: bytes, start: int, *, zeros: bool) -> int:
    """Where the blocks from `start` on stop being all zeros (or stop not being so)."""
    at = start
    while at < len(chunk):
        block = chunk[at : at + _HOLE]
        if (block == _ZEROS[: len(block)]) != zeros:
            break
        at += len(block)
    return at


def _write_all(fd: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(fd, rest) :]
