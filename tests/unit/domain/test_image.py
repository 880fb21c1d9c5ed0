"""What the header reader takes, what it refuses and why."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.domain.image_bytes import (
    CLUSTER_BITS,
    COMPRESSION,
    CRYPT,
    FILE_SIZE,
    HEADER_LENGTH,
    INCOMPATIBLE,
    L1_ENTRIES,
    L1_OFFSET,
    NAME_LENGTH,
    NAME_OFFSET,
    RAW_FORMAT,
    REFCOUNT_CLUSTERS,
    REFCOUNT_OFFSET,
    REFCOUNT_ORDER,
    SIZE,
    SNAPSHOTS,
    SNAPSHOTS_OFFSET,
    UNKNOWN,
    V2_DIFF,
    V3_BASE,
    VERSION,
    changed,
    filled,
    v3_diff,
)
from voi.domain.image import HEADER_PREFIX, ImageHeader, parse_header
from voi.domain.image_backing import rewrite_backing
from voi.errors import BadImage


class AcceptedTests(SynchronousTestCase):
    """Headers of images that can be distributed."""

    def test_version_2(self) -> None:
        """A version 2 diff gives its size, backing name and backing format."""
        header = parse_header(filled(V2_DIFF), FILE_SIZE)
        self.assertEqual((header.version, header.virtual_size, header.cluster_bits), (2, 1 << 30, 16))
        self.assertEqual((header.backing_name, header.backing_format), ("t2.qcow2", "qcow2"))
        self.assertEqual((header.header_length, header.used_end), (72, 0x68))

    def test_version_3_without_backing(self) -> None:
        """A version 3 base has neither backing name nor format."""
        header = parse_header(filled(V3_BASE), FILE_SIZE)
        self.assertEqual((header.version, header.header_length), (3, 112))
        self.assertIsNone(header.backing_name)
        self.assertIsNone(header.backing_format)

    def test_unknown_extension_is_kept(self) -> None:
        """Extensions that nobody knows are optional by the format, and are remembered for the rewriting."""
        header = parse_header(v3_diff(extensions=UNKNOWN + RAW_FORMAT), FILE_SIZE)
        self.assertEqual(header.extensions, ((0x12345678, b"\xde\xad\xbe\xef"), (0xE2792ACA, b"raw")))

    def test_extensions_may_end_at_the_name(self) -> None:
        """Without an end marker the extensions end where the backing name begins."""
        head = changed(V2_DIFF, (NAME_OFFSET, "Q", 88))
        head = head[:88] + b"t2.qcow2" + bytes(HEADER_PREFIX - 96)
        self.assertEqual(parse_header(head, FILE_SIZE).backing_name, "t2.qcow2")

    def test_empty_name_is_none(self) -> None:
        """A backing name of length 0 is no backing file."""
        self.assertIsNone(parse_header(changed(V2_DIFF, (NAME_LENGTH, "I", 0)), FILE_SIZE).backing_name)

    def test_compression_type(self) -> None:
        """The compression bit together with zstd is fine."""
        head = changed(V3_BASE, (INCOMPATIBLE, "Q", 8), (COMPRESSION, "B", 1))
        self.assertEqual(parse_header(head, FILE_SIZE).version, 3)

    def test_snapshots(self) -> None:
        """Internal snapshots are allowed and counted."""
        head = changed(V3_BASE, (SNAPSHOTS, "I", 2), (SNAPSHOTS_OFFSET, "Q", 65536))
        self.assertEqual(parse_header(head, FILE_SIZE).snapshots, 2)

    def test_more_bytes_than_needed(self) -> None:
        """What comes after the first 64 KiB is not looked at."""
        self.assertEqual(
            parse_header(filled(V3_BASE) + b"\xff" * 100, FILE_SIZE), parse_header(filled(V3_BASE), FILE_SIZE)
        )


class RefusedTests(SynchronousTestCase):
    """Each refusal says why."""

    def refused(self, head: bytes, pattern: str, file_size: int = FILE_SIZE) -> None:
        with self.assertRaises(BadImage) as caught:
            parse_header(head, file_size)
        self.assertRegex(str(caught.exception), pattern)

    def test_other_formats(self) -> None:
        """A file of another format is called by its name."""
        for signature, offset, what in (
            (b"conectix", 0, "VHD image"),
            (b"vhdxfile", 0, "VHDX"),
            (b"KDMV", 0, "VMDK"),
            (b"\x7f\x10\xda\xbe", 64, "VDI"),
            (b"\x55\xaa", 510, "raw image"),
            (b"EFI PART", 512, "raw image"),
            (b"CD001", 32769, "CD image"),
            (b"\x1f\x8b", 0, "gzip"),
            (b"hello", 0, "may be a raw one"),
            (b"", 0, "begins with zeros"),
        ):
            self.refused(filled(bytes(offset) + signature), what)

    def test_empty(self) -> None:
        """An empty file is refused."""
        self.refused(b"", "is empty or begins with zeros", 0)

    def test_cut_off(self) -> None:
        """Fewer bytes than the header, or than the file was said to have, are refused."""
        self.refused(V3_BASE[:71], "cut off", 71)
        self.refused(V3_BASE[:80], "cut off", 80)
        self.refused(V3_BASE, "cut off")

    def test_version(self) -> None:
        """Only versions 2 and 3 are known."""
        for version in (0, 1, 4):
            self.refused(changed(V3_BASE, (VERSION, "I", version)), f"version {version};")

    def test_cluster_bits(self) -> None:
        """Clusters are of 512 bytes to 2 MiB."""
        for bits in (8, 22, 1 << 31):
            self.refused(changed(V3_BASE, (CLUSTER_BITS, "I", bits)), "cluster_bits")

    def test_encrypted(self) -> None:
        """Encrypted images are refused, both by the method and by the extension."""
        self.refused(changed(V2_DIFF, (CRYPT, "I", 1)), "encrypted")
        self.refused(v3_diff(extensions=bytes.fromhex("0537be77 00000000")), "encrypted")

    def test_external_data(self) -> None:
        """An image whose data lies elsewhere is refused, both by the bit and by the extension."""
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 4)), "external file")
        self.refused(v3_diff(extensions=bytes.fromhex("44415441 00000000")), "external file")

    def test_dirty(self) -> None:
        """A dirty image is refused with the command that mends it."""
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 1)), "dirty.*qemu-img check -r all")

    def test_corrupt(self) -> None:
        """A corrupt image is refused with the command that mends it, even if it is dirty too."""
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 3)), "corrupt.*qemu-img check -r all")

    def test_subclusters(self) -> None:
        """Extended level 2 entries are refused with the command that removes them."""
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 16)), "extended_l2=off")

    def test_unknown_feature(self) -> None:
        """A feature bit that nobody knows is refused."""
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 1 << 40)), "0x10000000000")

    def test_compression_contradiction(self) -> None:
        """Compression bit and compression type must agree, and the type must be known."""
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 8)), "contradict")
        self.refused(changed(V3_BASE, (COMPRESSION, "B", 1)), "contradict")
        self.refused(changed(V3_BASE, (INCOMPATIBLE, "Q", 8), (COMPRESSION, "B", 2)), "compression type is 2")

    def test_header_length(self) -> None:
        """A header length that is too small, unaligned or beyond the first cluster is refused."""
        for length in (0, 96, 105, 65544, 1 << 31):
            self.refused(changed(V3_BASE, (HEADER_LENGTH, "I", length)), "header length")

    def test_refcount_order(self) -> None:
        """Reference counts have at most 64 bits."""
        self.refused(changed(V3_BASE, (REFCOUNT_ORDER, "I", 7)), "refcount_order")

    def test_virtual_size(self) -> None:
        """A virtual size of nothing, or beyond what can be addressed, is refused."""
        for size in (0, (1 << 56) + 1, (1 << 64) - 1):
            self.refused(changed(V3_BASE, (SIZE, "Q", size)), "virtual size is")

    def test_level_1_table(self) -> None:
        """A level 1 table that does not fit the size, or does not lie in the file, is refused."""
        self.refused(changed(V3_BASE, (L1_ENTRIES, "I", 1)), "level 1 table has 1 entries")
        self.refused(changed(V3_BASE, (L1_ENTRIES, "I", (4 << 20) + 1)), "level 1 table has")
        self.refused(changed(V3_BASE, (L1_OFFSET, "Q", 0)), "level 1 table is outside")
        self.refused(changed(V3_BASE, (L1_OFFSET, "Q", 65536 + 8)), "level 1 table is outside")
        self.refused(filled(V3_BASE), "cut off: at least 1 bytes", 0x30000 + 15)
        parse_header(filled(V3_BASE), 0x30000 + 16)

    def test_refcount_table(self) -> None:
        """A reference count table that is missing or outside the file is refused."""
        self.refused(changed(V3_BASE, (REFCOUNT_CLUSTERS, "I", 0)), "no reference count table")
        self.refused(changed(V3_BASE, (REFCOUNT_OFFSET, "Q", 1 << 40)), "reference count table is outside")

    def test_snapshot_table(self) -> None:
        """Snapshots that are too many or lie outside the file are refused."""
        self.refused(changed(V3_BASE, (SNAPSHOTS, "I", 65537)), "65537 snapshots")
        self.refused(changed(V3_BASE, (SNAPSHOTS, "I", 1)), "snapshot table is outside")

    def test_name_too_long(self) -> None:
        """A backing name has at most 1023 bytes."""
        self.refused(v3_diff(b"a" * 1024), "1024 bytes")
        self.assertEqual(parse_header(v3_diff(b"a" * 1023), FILE_SIZE).backing_name, "a" * 1023)

    def test_name_inside_the_header(self) -> None:
        """A backing name that begins before the header's end is refused."""
        self.refused(changed(V2_DIFF, (NAME_OFFSET, "Q", 71)), "is not within")

    def test_name_beyond_the_cluster(self) -> None:
        """A backing name that crosses the end of the first cluster is refused."""
        self.refused(changed(V2_DIFF, (NAME_OFFSET, "Q", 65536 - 7)), "first cluster")
        self.refused(changed(V2_DIFF, (NAME_OFFSET, "Q", (1 << 64) - 1)), "first cluster")

    def test_name_beyond_64_kib(self) -> None:
        """With large clusters the name must still lie in the first 64 KiB, where terminals look for it."""
        large = ((CLUSTER_BITS, "I", 21), (L1_OFFSET, "Q", 3 << 21), (REFCOUNT_OFFSET, "Q", 1 << 21))
        self.refused(changed(V2_DIFF, *large, (NAME_OFFSET, "Q", 65536)), "first 64 KiB", 4 << 21)
        self.assertEqual(parse_header(changed(V2_DIFF, *large), 4 << 21).cluster_size, 2 << 20)

    def test_name_not_utf_8(self) -> None:
        """A backing name must be UTF-8."""
        self.refused(v3_diff(b"b\xffse"), "not UTF-8")

    def test_name_with_control_characters(self) -> None:
        """A backing name with NUL, a line end or an escape is refused; spaces and other scripts are not."""
        for name in (b"ba\0e", b"ba\ne", b"\x1b[2J", "\x85".encode()):
            self.refused(v3_diff(name), "control characters")
        self.assertEqual(parse_header(v3_diff("底 盘".encode()), FILE_SIZE).backing_name, "底 盘")

    def test_extensions_malformed(self) -> None:
        """An extension that is cut off, too long or there twice is refused."""
        self.refused(v3_diff(extensions=bytes.fromhex("12345678 ffffffff")), "longer than the space for it")
        self.refused(v3_diff(extensions=UNKNOWN + UNKNOWN), "twice")
        self.refused(changed(V2_DIFF, (NAME_OFFSET, "Q", 76), (NAME_LENGTH, "I", 0)), "one is cut off")

    def test_bad_backing_format(self) -> None:
        """A backing format that is no text is refused."""
        self.refused(v3_diff(extensions=bytes.fromhex("e2792aca 00000001 ff00000000000000")), "format is not UTF-8")


class AnyBytesTests(SynchronousTestCase):
    """Whatever comes: a header or a refusal."""

    def outcome(self, data: bytes, size: int) -> None:
        try:
            header = parse_header(data, size)
        except BadImage:
            return
        self.assertIsInstance(header, ImageHeader)
        if header.backing_name is not None:
            after = rewrite_backing(data, header, "x")
            self.assertEqual(parse_header(after + data[len(after) :], size).backing_name, "x")

    @given(st.binary(max_size=200), st.integers(0, 1 << 40))
    def test_any_bytes(self, data: bytes, size: int) -> None:
        """Any bytes, with and without the magic number."""
        self.outcome(data, size)
        self.outcome(b"QFI\xfb" + data, len(data) + 4)
        self.outcome(filled(b"QFI\xfb\0\0\0\3" + data), FILE_SIZE)

    @settings(max_examples=300)
    @given(
        st.sampled_from([filled(V2_DIFF), filled(V3_BASE), v3_diff(extensions=RAW_FORMAT + UNKNOWN)]),
        st.lists(st.tuples(st.integers(0, 160), st.integers(0, 255)), min_size=1, max_size=4),
        st.integers(0, FILE_SIZE),
    )
    def test_damaged_headers(self, head: bytes, damage: list[tuple[int, int]], size: int) -> None:
        """Good headers with a few bytes changed, whole and cut off."""
        data = bytearray(head)
        for offset, value in damage:
            data[offset] = value
        self.outcome(bytes(data), FILE_SIZE)
        self.outcome(bytes(data[:size]), size)
