"""Walking all tables of a qcow2 image, as far as they say where something is in the file; blocks, call it in a thread.

The header alone says nothing of a file that was cut off or damaged behind it. What is kept in memory is bounded: the
reference count table (8 MiB at most), one level 1 table (32 MiB at most), one level 2 table, what snapshots share
(`MOST_SHARED`), and two bytes for each of `WINDOW` clusters of the file. A larger file is walked once for each so many.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voi.domain import image
from voi.domain.image import ImageHeader
from voi.domain.image_snapshots import Snapshot, read_snapshots
from voi.domain.image_tables import (
    COMPRESSED,
    LARGEST_PART,
    OFFSET,
    ClusterUse,
    Geometry,
    Outside,
    damaged,
    numbers,
)
from voi.errors import BadImage
from voi.files.hashing import Cancelled, IsCancelled
from voi.files.opening import explained, regular
from voi.messages.reason import Reason

WINDOW: Final = 1 << 24
"""Clusters whose use is counted at once: 32 MiB of memory, 1 TiB of a file with clusters of 64 KiB. Not less than one
block of reference counts covers, which are 2 MiB of one bit each.
"""
MOST_SHARED: Final = 1 << 18
"""Entries of level 1 tables that are taken where snapshots share level 2 tables: each of those is remembered."""

_SLICE: Final = 2048  # entries or counts, of some 0.15 µs each, after which others have their turn
_PAUSE: Final = 20e-6  # seconds; the kernel makes 0.1 ms of it, enough for whoever waits to begin


@dataclass(frozen=True, slots=True)
class _State:
    """A state of the disk, the active one or a snapshot."""

    what: Reason
    l1_offset: int
    l1_entries: int
    active: bool


@dataclass(slots=True)
class _Level2:
    """A level 2 table, by the first entry that named it, and how many states it belongs to."""

    entry: int
    number: int
    active: bool
    weight: int = 1

    @property
    def offset(self) -> int:
        return self.entry & OFFSET


def walk_image(path: Path, cancelled: IsCancelled | None = None) -> ImageHeader:
    """Read the header and all tables of an image file.

    :raises BadImage: it cannot be distributed, is damaged, or is cut off; the message says how many bytes are missing.
    :raises StorageMissing: the file cannot be read.
    :raises Conflict: it is no regular file.
    :raises Cancelled: `cancelled` returned True.
    """
    with explained(path), regular(path) as fd:
        size = os.fstat(fd).st_size
        header = image.parse_header(os.pread(fd, image.HEADER_PREFIX, 0), size)
        walk = _Walk(fd, header, size, cancelled)
        try:
            walk.run()
        except Outside as error:
            raise walk.explain(error) from error
    return header


class _Walk:
    def __init__(self, fd: int, header: ImageHeader, size: int, cancelled: IsCancelled | None) -> None:
        self._fd = fd
        self._header = header
        self._cancelled = cancelled
        self._geometry = Geometry(header.version, header.cluster_bits, header.refcount_bits, size)
        self._snapshots: list[Snapshot] = []
        self._snapshots_size = 0
        self._blocks = array("Q")
        self._done = 0

    def run(self) -> None:
        """Check all; raises what `walk_image` does, or `Outside`."""
        header, geometry = self._header, self._geometry
        self._blocks = self._table(header.refcount_offset, header.refcount_clusters * geometry.cluster_size // 8)
        if header.snapshots:
            self._snapshots, self._snapshots_size = read_snapshots(
                self._read, header.snapshots_offset, header.snapshots, header.version, geometry.cluster_size
            )
            entries = header.l1_entries + sum(snapshot.l1_entries for snapshot in self._snapshots)
            if entries > MOST_SHARED:
                raise BadImage(Reason("image_snapshots_large", count=entries, most=MOST_SHARED))
        for state in self._states():
            end = state.l1_offset + state.l1_entries * 8
            if end > geometry.file_size and not state.active:  # of the active one the header's reader saw it
                raise Outside(Reason("snapshot_table"), self._number(state), state.l1_offset)
            geometry.check_l1(self._l1(state), state.what)
        geometry.check_refcount_table(self._blocks)
        windows = range(0, geometry.clusters, WINDOW)
        if len(windows) > 1:
            for start in windows:  # that no table is there twice is known before the first is read twice
                self._tables_in(start)
        for start in windows:
            use = self._tables_in(start)
            self._count(use)
            self._compare(use, start)

    def _tables_in(self, start: int) -> ClusterUse:
        """The uses of a part of the file's clusters, as yet by tables alone."""
        header, geometry = self._header, self._geometry
        use = ClusterUse(geometry, start, min(WINDOW, geometry.clusters - start))
        use.add_table(0, geometry.cluster_size)
        use.add_table(header.refcount_offset, header.refcount_clusters * geometry.cluster_size)
        if self._snapshots:
            use.add_table(header.snapshots_offset, self._snapshots_size)
        for state in self._states():
            use.add_table(state.l1_offset, state.l1_entries * 8)
        for block in self._blocks:
            if block:
                use.add_table(block, geometry.cluster_size)
        for level_2 in self._level_2():
            use.add_level_2(level_2.entry, level_2.weight, active=level_2.active)
        return use

    def _count(self, use: ClusterUse) -> None:
        """Add what the level 2 tables name."""
        for level_2 in self._level_2():
            what = Reason("level_2_table", number=level_2.number)
            entries = self._table(level_2.offset, self._geometry.cluster_size // 8)
            for first in range(0, len(entries), _SLICE):
                part = entries[first : first + _SLICE]
                use.add_entries(part, level_2.weight, what, first, active=level_2.active)
                self._breathe(len(part))

    def _compare(self, use: ClusterUse, start: int) -> None:
        geometry = self._geometry
        covered = geometry.counts_in_block
        for first in range(start, min(start + WINDOW, geometry.clusters), covered):
            self._stop_if_cancelled()
            number = first // covered
            block = self._blocks[number] if number < len(self._blocks) else 0
            if not block:
                use.compare_none(first, covered)
                self._breathe(covered)
                continue
            for part in range(0, geometry.cluster_size, LARGEST_PART):
                at = first + part * 8 // geometry.refcount_bits
                if at >= geometry.clusters:
                    break
                data = self._padded(block + part, min(LARGEST_PART, geometry.cluster_size - part))
                use.compare(at, data)
                self._breathe(len(data) * 8 // geometry.refcount_bits)

    def _states(self) -> Iterator[_State]:
        header = self._header
        yield _State(Reason("level_1_table"), header.l1_offset, header.l1_entries, True)
        for one in self._snapshots:
            yield _State(Reason("snapshot_level_1", number=one.number), one.l1_offset, one.l1_entries, False)

    def _number(self, state: _State) -> int:
        return next(one.number for one in self._snapshots if one.l1_offset == state.l1_offset)

    def _level_2(self) -> Iterator[_Level2]:
        """Each level 2 table; without snapshots one after the other, else each once with its number of states."""
        if not self._snapshots:
            for number, entry in enumerate(self._l1(next(self._states()))):
                if entry:
                    yield _Level2(entry, number, True)
            return
        found: dict[int, _Level2] = {}
        for state in self._states():
            for number, entry in enumerate(self._l1(state)):
                if entry & OFFSET in found and entry:
                    found[entry & OFFSET].weight += 1
                elif entry:
                    found[entry & OFFSET] = _Level2(entry, number, state.active)
        yield from found.values()

    def _l1(self, state: _State) -> array[int]:
        return self._table(state.l1_offset, state.l1_entries)

    def _table(self, offset: int, entries: int) -> array[int]:
        self._stop_if_cancelled()
        return numbers(self._padded(offset, entries * 8))

    def _padded(self, offset: int, length: int) -> bytes:
        """Bytes of the file; those after its end read as zeros, as they do for QEMU."""
        return self._read(offset, length).ljust(length, b"\0")

    def _read(self, offset: int, length: int) -> bytes:
        return os.pread(self._fd, length, offset) if offset < self._geometry.file_size else b""

    def _breathe(self, done: int) -> None:
        """Let others have the interpreter after some work: the reactor would wait 5 ms for it each time."""
        self._done += done
        if self._done >= _SLICE:
            self._done = 0
            time.sleep(_PAUSE)

    def _stop_if_cancelled(self) -> None:
        if self._cancelled is not None and self._cancelled():
            raise Cancelled(Reason("called_off"))

    # Something is not in the file: cut off, or an entry that says nonsense?

    def explain(self, error: Outside) -> BadImage:
        """Why an entry names what is not in the file: the file is cut off where its own reference counts know of it."""
        counted, length = self._counted_end(), self._geometry.file_size
        if error.offset >= counted << self._geometry.cluster_bits:
            entry, what, offset = error.entry, error.what, error.offset
            return damaged(Reason("image_entry_outside", entry=entry, what=what, offset=offset, length=length))
        wanted, tables = self._needed(counted)
        if tables:
            return BadImage(Reason("image_cut_tables", missing=wanted - length, wanted=wanted, length=length))
        return BadImage(Reason("image_cut", missing=wanted - length, wanted=wanted, length=length))

    def _counted_end(self) -> int:
        """The first cluster after all that have a reference count, or may have one in a block that is cut off."""
        geometry = self._geometry
        covered, end = geometry.counts_in_block, 0
        for number in range(len(self._blocks) - 1, -1, -1):
            block = self._blocks[number]
            if not block:
                continue
            if block >= geometry.file_size:
                # A block is mostly the first that it counts itself; else what it counted is not known.
                own = block >> geometry.cluster_bits
                if own // covered == number:
                    end = max(end, own + 1)
                continue
            counts = self._padded(block, geometry.cluster_size).rstrip(b"\0")
            if counts:
                return max(end, number * covered + -(-len(counts) * 8 // geometry.refcount_bits))
        return end

    def _needed(self, counted: int) -> tuple[int, bool]:
        """The first byte after all that is known to be needed, and whether tables are missing, so that it may be more.

        :param counted: entries beyond this cluster are not believed.
        """
        geometry = self._geometry
        most = counted << geometry.cluster_bits
        needed, tables = geometry.file_size, False

        def need(offset: int, end: int) -> bool:
            nonlocal needed
            if geometry.file_size < end <= most:
                needed = max(needed, end)
            return offset >= geometry.file_size

        for block in self._blocks:
            tables |= need(block, block + geometry.cluster_size)
        for state in self._states():
            if need(state.l1_offset, state.l1_offset + state.l1_entries * 8):
                tables = True
                continue
            for l1_entry in self._l1(state):
                offset = l1_entry & OFFSET
                if need(offset, offset + geometry.cluster_size if offset else 0):
                    tables = True
                    continue
                for entry in self._table(offset, geometry.cluster_size // 8) if offset else ():
                    if entry & COMPRESSED:
                        need(*geometry.compressed(entry))
                    elif entry & OFFSET:
                        need(entry & OFFSET, (entry & OFFSET) + geometry.cluster_size)
        return needed, tables
