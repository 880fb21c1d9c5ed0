"""Small qcow2 images of all kinds, put together cluster by cluster, with the places of their tables."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

COPIED, COMPRESSED, ZERO = 1 << 63, 1 << 62, 1


@dataclass
class Made:
    """An image in memory, and where in it what is."""

    data: bytearray
    version: int
    cluster: int
    refcount_bits: int
    table: int
    block: int
    l1: int
    l2: list[int]
    contents: list[int]
    """Host clusters with data that the guest sees, by their offsets."""
    snapshots: int = 0
    snapshot_l1: int = 0

    def number(self, at: int) -> int:
        """Eight bytes as a number."""
        return int(struct.unpack_from(">Q", self.data, at)[0])

    def put(self, at: int, value: int, code: str = "Q") -> Made:
        """Write a number."""
        struct.pack_into(f">{code}", self.data, at, value)
        return self

    def count(self, offset: int, value: int) -> Made:
        """Set the reference count of the cluster at `offset`."""
        index, bits = offset // self.cluster, self.refcount_bits
        if bits >= 8:
            return self.put(self.block + index * bits // 8, value, {8: "B", 16: "H", 32: "I", 64: "Q"}[bits])
        at, shift = self.block + index * bits // 8, index * bits % 8
        mask = ((1 << bits) - 1) << shift
        self.data[at] = self.data[at] & ~mask | value << shift & mask
        return self

    def slots(self) -> list[int]:
        """Where the entries of level 2 tables are that name something."""
        end = len(self.data) - 7
        return [at for table in self.l2 for at in range(table, min(table + self.cluster, end), 8) if self.number(at)]

    def write(self, path: Path) -> Path:
        """A file of it, with holes."""
        with path.open("wb") as file:
            for at in range(0, len(self.data), 4096):
                part = bytes(self.data[at : at + 4096])
                if part.strip(b"\0"):
                    file.seek(at)
                    file.write(part)
            file.truncate(len(self.data))
        return path


@dataclass
class Plan:
    """What an image is to be."""

    version: int = 3
    cluster_bits: int = 16
    refcount_order: int = 4
    backing: str | None = None
    kinds: str = "dd.zad"
    """The guest's clusters, over and over: d data, z zeros, a zeros that have a cluster, c compressed, . nothing."""
    guest_clusters: int = 24
    snapshot: bool = False

    def make(self) -> Made:
        """Put it together, as QEMU lays a new image out: header, counts, level 1 table, then the rest as it comes."""
        cluster = 1 << self.cluster_bits
        bits = 1 << self.refcount_order
        in_l2 = cluster // 8
        tables = -(-self.guest_clusters // in_l2)
        data = bytearray(4 * cluster)
        counts: dict[int, int] = dict.fromkeys(range(4), 1)

        def new(content: bytes = b"") -> int:
            offset = len(data)
            data.extend(content.ljust(cluster, b"\0"))
            counts[offset // cluster] = 1
            return offset

        copies = 2 if self.snapshot else 1
        flag = 0 if self.snapshot else COPIED
        l2, contents = [], []
        room = 0, 0  # for compressed clusters: where the next one goes, and where its host cluster ends
        for table in range(tables):
            l2.append(new())
            struct.pack_into(">Q", data, 3 * cluster + 8 * table, l2[-1] | flag)
            counts[l2[-1] // cluster] = copies
            for slot in range(min(in_l2, self.guest_clusters - table * in_l2)):
                kind = self.kinds[slot % len(self.kinds)]
                text = bytes([65 + slot % 26]) * 64
                entry = 0
                if kind in "da" and not (kind == "a" and self.version == 2):
                    host = new(text)
                    counts[host // cluster] = copies
                    contents.append(host)
                    entry = host | flag | (ZERO if kind == "a" else 0)
                elif kind == "z" and self.version == 3:
                    entry = ZERO
                elif kind == "c":
                    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
                    packed = packer.compress(text.ljust(cluster, b"\0")) + packer.flush()
                    if room[0] + len(packed) > room[1]:
                        host = new()
                        counts[host // cluster] = 0
                        room = host, host + cluster
                    at = room[0]
                    data[at : at + len(packed)] = packed
                    sectors = (at + len(packed) - 1) // 512 - at // 512
                    entry = COMPRESSED | at | sectors << (62 - (self.cluster_bits - 8))
                    counts[at // cluster] += copies
                    room = at + len(packed), room[1]
                struct.pack_into(">Q", data, l2[-1] + 8 * slot, entry)
        snapshots = snapshot_l1 = 0
        if self.snapshot:
            snapshot_l1 = new(bytes(data[3 * cluster : 3 * cluster + 8 * tables]))
            extra = struct.pack(">QQ", 0, self.guest_clusters * cluster)
            head = struct.pack(">QIHHIIQII", snapshot_l1, tables, 1, 4, 0, 0, 0, 0, len(extra))
            snapshots = new(head + extra + b"1" + b"kept")
        made = Made(data, self.version, cluster, bits, cluster, 2 * cluster, 3 * cluster, l2, contents)
        made.snapshots, made.snapshot_l1 = snapshots, snapshot_l1
        made.put(cluster, 2 * cluster)
        for index, value in counts.items():
            made.count(index * cluster, value)
        self._header(made, tables)
        return made

    def _header(self, made: Made, tables: int) -> None:
        name = (self.backing or "").encode()
        length = 72 if self.version == 2 else 104
        at = length + 8 if name else 0
        struct.pack_into(
            ">4sIQIIQIIQQIIQ", made.data, 0, b"QFI\xfb", self.version, at, len(name), self.cluster_bits,
            self.guest_clusters * made.cluster, 0, tables, made.l1, made.table, 1, bool(made.snapshots), made.snapshots,
        )  # fmt: skip
        if self.version == 3:
            struct.pack_into(">QQQII", made.data, 72, 0, 0, 0, self.refcount_order, 104)
        if name:
            made.data[at : at + len(name)] = name
