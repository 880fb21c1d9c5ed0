"""The tables of a qcow2 image: what an entry says, how often each cluster is used, and what its reference count says.

Pure: numbers in, refusals out; :mod:`voi.files.image_walk` reads them from a file. The layout and the limits are those
of QEMU's ``docs/interop/qcow2.txt`` and of ``qemu-img check``. A count that is higher than the use (a *leak*) costs
room and harms nothing, so it is no fault here.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from voi.errors import BadImage
from voi.messages.reason import Reason

COPIED: Final = 1 << 63
"""Set in an entry of the active state whose cluster is used exactly once."""
COMPRESSED: Final = 1 << 62
OFFSET: Final = 0x00FF_FFFF_FFFF_FE00
"""The bits of an entry that say where in the file its cluster is."""

_ZERO: Final = 1  # version 3: the cluster reads as zeros
_L1_RESERVED: Final = 0x7F00_0000_0000_01FF
_L2_RESERVED: Final = 0x3F00_0000_0000_01FE
_REFCOUNT_RESERVED: Final = 0x1FF
_SECTOR: Final = 512

# What is kept of a cluster is 16 bits: how an entry of the active state names it, whether it is a table, its uses.
_SAID_COPIED: Final = 0x8000
_SAID_SHARED: Final = 0x4000
_TABLE: Final = 0x2000
_USES: Final = 0x1FFF  # more are counted as so many
_USED_ONCE: Final = _SAID_COPIED | 1
LARGEST_PART: Final = 8 << 10
"""Bytes of a block of reference counts that are compared at once."""
_ALL_ONE: Final = b"\0\1" * (LARGEST_PART // 2)
_ALL_ONCE: Final = array("H", [_USED_ONCE]) * (LARGEST_PART // 2)


class Outside(Exception):
    """An entry needs bytes that the file does not have."""

    def __init__(self, what: Reason, entry: int, offset: int) -> None:
        super().__init__(what)
        self.what, self.entry, self.offset = what, entry, offset


def damaged(why: Reason) -> BadImage:
    """The refusal of an image whose tables contradict the format or one another."""
    return BadImage(Reason("image_damaged", why=why))


def numbers(data: bytes, code: str = "Q") -> array[int]:
    """Big-endian numbers of the size that :mod:`array` knows by `code`."""
    found = array(code)
    found.frombytes(data)
    if sys.byteorder == "little":
        found.byteswap()
    return found


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the numbers in tables are measured by."""

    version: int
    cluster_bits: int
    refcount_bits: int
    file_size: int

    @property
    def cluster_size(self) -> int:
        """Bytes."""
        return 1 << self.cluster_bits

    @property
    def clusters(self) -> int:
        """Clusters in the file; the last may be there in part, as QEMU itself leaves it."""
        return -(-self.file_size >> self.cluster_bits)

    @property
    def counts_in_block(self) -> int:
        """Clusters that one block of reference counts covers."""
        return self.cluster_size * 8 // self.refcount_bits

    def compressed(self, entry: int) -> tuple[int, int]:
        """First byte of a compressed cluster's data, and the first after it: the end of its last sector."""
        length_bits = self.cluster_bits - 8
        offset = entry & ((1 << (62 - length_bits)) - 1)
        sectors = ((entry >> (62 - length_bits)) & ((1 << length_bits) - 1)) + 1
        return offset, (offset // _SECTOR + sectors) * _SECTOR

    def check_l1(self, entries: Iterable[int], what: Reason) -> None:
        """That each entry of a level 1 table names a cluster of the file, or none.

        :raises BadImage: it does not.
        :raises Outside: it names one that is not in the file.
        """
        self._check_plain(entries, what, _L1_RESERVED)

    def check_refcount_table(self, entries: Iterable[int]) -> None:
        """The same of the table of reference count blocks."""
        self._check_plain(entries, Reason("refcount_table"), _REFCOUNT_RESERVED)

    def _check_plain(self, entries: Iterable[int], what: Reason, reserved: int) -> None:
        for index, entry in enumerate(entries):
            if not entry:
                continue
            if entry & reserved:
                raise _reserved(what, index, entry & reserved)
            offset = entry & ~(reserved | COPIED) if reserved == _L1_RESERVED else entry
            if offset & (self.cluster_size - 1):
                raise damaged(Reason("image_entry_unaligned", entry=index, what=what, offset=offset))
            if offset >> self.cluster_bits >= self.clusters:
                raise Outside(what, index, offset)


class ClusterUse:
    """How often each of `length` clusters of the file is used, from the cluster `start` on: 2 bytes for each."""

    def __init__(self, geometry: Geometry, start: int, length: int) -> None:
        self._geometry = geometry
        self._start = start
        self._used = array("H", bytes(2 * length))

    def add_table(self, offset: int, length: int) -> None:
        """A table of the image itself: nothing else may be in its clusters.

        :raises BadImage: there is another one.
        """
        for at in self._within(offset, offset + length):
            if self._used[at]:
                raise damaged(Reason("image_tables_overlap", offset=self._offset(at)))
            self._used[at] = _TABLE | 1

    def add_level_2(self, entry: int, weight: int, *, active: bool) -> None:
        """A level 2 table, by the entry of a level 1 table; `weight` states of the image use it.

        :raises BadImage: there is another table.
        """
        offset = entry & OFFSET
        for at in self._within(offset, offset + 1):
            if self._used[at]:
                raise damaged(Reason("image_tables_overlap", offset=offset))
            said = (_SAID_COPIED if entry & COPIED else _SAID_SHARED) if active else 0
            self._used[at] = _TABLE | said | min(weight, _USES)

    def add_entries(self, entries: array[int], weight: int, what: Reason, first: int = 0, *, active: bool) -> None:
        """What entries of a level 2 table use, `weight` times; `first` is the number of the first of them.

        :raises BadImage: an entry is not one of the format, or names a table.
        :raises Outside: it names what is not in the file.
        """
        geometry, used = self._geometry, self._used
        bits, clusters, start, length = geometry.cluster_bits, geometry.clusters, self._start, len(used)
        odd = COMPRESSED | _L2_RESERVED | ((geometry.cluster_size - 1) & OFFSET)
        if geometry.version == 2:
            odd |= _ZERO
        copied, shared = (_SAID_COPIED, _SAID_SHARED) if active else (0, 0)
        # Millions of entries pass here: the usual one takes the shortest way.
        for index, entry in enumerate(entries, first):
            if not entry:
                continue
            if entry & odd:
                self._add_odd(entry, weight, what, index)
                continue
            cluster = (entry & OFFSET) >> bits
            if not cluster:
                continue
            if cluster >= clusters:
                raise Outside(what, index, cluster << bits)
            at = cluster - start
            if 0 <= at < length:
                said = copied if entry & COPIED else shared
                if weight == 1 and not used[at]:
                    used[at] = said | 1
                else:
                    self._add(at, said, weight, what, index)

    def _add_odd(self, entry: int, weight: int, what: Reason, index: int) -> None:
        if not entry & COMPRESSED:
            if entry & _L2_RESERVED:
                raise _reserved(what, index, entry & _L2_RESERVED)
            if entry & _ZERO and self._geometry.version == 2:
                raise damaged(Reason("image_entry_zero", entry=index, what=what))
            raise damaged(Reason("image_entry_unaligned", entry=index, what=what, offset=entry & OFFSET))
        if entry & COPIED:
            raise _reserved(what, index, COPIED)
        begin, end = self._geometry.compressed(entry)
        if end - _SECTOR >= self._geometry.file_size:  # of the last sector the file may lack what is not used
            raise Outside(what, index, begin)
        for at in self._within(begin, end):
            self._add(at, 0, weight, what, index)

    def _add(self, at: int, said: int, weight: int, what: Reason, index: int) -> None:
        before = self._used[at]
        if before & _TABLE:
            raise damaged(Reason("image_entry_on_table", entry=index, what=what, offset=self._offset(at)))
        self._used[at] = (before & ~_USES) | said | min((before & _USES) + weight, _USES)

    def compare(self, first: int, data: bytes) -> None:
        """See that a part of a block of reference counts, from that of the cluster `first` on, allows what was found.

        :raises BadImage: a count is too low, or an entry says otherwise.
        """
        bits = self._geometry.refcount_bits
        begin = first - self._start
        part = self._used[begin : begin + len(data) * 8 // bits]
        if bits == 16 and data[: 2 * len(part)] == _ALL_ONE[: 2 * len(part)] and part == _ALL_ONCE[: len(part)]:
            return  # most of a full image
        for at, (found, count) in enumerate(zip(part, _unpacked(data, bits), strict=False), begin):
            if not found or (found == _USED_ONCE and count == 1):
                continue
            if count < found & _USES:
                raise damaged(Reason("image_refcount_low", offset=self._offset(at), used=found & _USES, count=count))
            if (found & _SAID_COPIED and count != 1) or (found & _SAID_SHARED and count == 1):
                raise damaged(Reason("image_refcount_said", offset=self._offset(at), count=count))

    def compare_none(self, first: int, length: int) -> None:
        """The same of `length` clusters for which there is no block of reference counts.

        :raises BadImage: one is used.
        """
        begin = first - self._start
        for at, found in enumerate(self._used[begin : begin + length], begin):
            if found:
                raise damaged(Reason("image_refcount_low", offset=self._offset(at), used=found & _USES, count=0))

    def _within(self, begin: int, end: int) -> Iterator[int]:
        """Places in this part of the file's clusters that have bytes from `begin` to before `end`."""
        bits = self._geometry.cluster_bits
        first, last = (begin >> bits) - self._start, (end - 1 >> bits) - self._start
        return iter(range(max(first, 0), min(last + 1, len(self._used))))

    def _offset(self, at: int) -> int:
        return (self._start + at) << self._geometry.cluster_bits


def _unpacked(data: bytes, bits: int) -> Iterable[int]:
    """The reference counts, of `bits` bits each, in a part of a block; the first is in the lowest bits of a byte."""
    if bits < 8:
        mask, shifts = (1 << bits) - 1, range(0, 8, bits)
        return (byte >> shift & mask for byte in data for shift in shifts)
    return data if bits == 8 else numbers(data, {16: "H", 32: "I", 64: "Q"}[bits])


def _reserved(what: Reason, index: int, bits: int) -> BadImage:
    return damaged(Reason("image_entry_reserved", entry=index, what=what, bits=f"{bits:#x}"))
