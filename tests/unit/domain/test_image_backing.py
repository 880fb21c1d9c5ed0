"""Which backing name a level needs, and the rewritten one, beside QEMU's own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.unit.domain.image_bytes import (
    CLUSTER_BITS,
    FILE_SIZE,
    NAME_LENGTH,
    NAME_OFFSET,
    RAW_FORMAT,
    SIZE,
    UNKNOWN,
    V2_DIFF,
    V3_BASE,
    changed,
    filled,
    v3_diff,
)
from voi.domain.image import HEADER_PREFIX, ImageHeader, parse_header
from voi.domain.image_backing import check_level, rewrite_backing
from voi.errors import BadImage

UUID = "8f14e45f-ceea-467f-a8d4-1c2f3b5a6d7e"


class LevelTests(SynchronousTestCase):
    """Which image may stand at which level."""

    base = parse_header(filled(V3_BASE), FILE_SIZE)
    diff = parse_header(filled(V2_DIFF), FILE_SIZE)

    def test_base(self) -> None:
        """A base without backing file needs no backing name."""
        self.assertIsNone(check_level(self.base, 0, UUID))

    def test_base_with_backing(self) -> None:
        """A base with a backing file would boot nowhere else."""
        with self.assertRaisesRegex(BadImage, "stand alone"):
            check_level(self.diff, 0, UUID)

    def test_diff(self) -> None:
        """A difference needs the name of the level below, whatever name it came with."""
        self.assertEqual(check_level(self.diff, 1, UUID), f"voi_0_{UUID}")
        self.assertEqual(check_level(self.diff, 2, UUID), f"voi_1_{UUID}")

    def test_diff_without_backing(self) -> None:
        """A difference that names no backing file is refused."""
        with self.assertRaisesRegex(BadImage, "must name a backing file"):
            check_level(self.base, 2, UUID)

    def test_local_levels(self) -> None:
        """Levels that are the terminal's own are not distributed."""
        for level in (-1, 3, 5):
            with self.assertRaisesRegex(BadImage, "cannot be distributed"):
                check_level(self.diff, level, UUID)


class RewriteTests(SynchronousTestCase):
    """The new backing name in the same file."""

    def rewritten(self, prefix: bytes, name: str, file_size: int = FILE_SIZE) -> bytes:
        head = rewrite_backing(prefix, parse_header(prefix, file_size), name)
        return head + prefix[len(head) :]

    def test_literal(self) -> None:
        """Only the name and its length change in a header that is laid out as QEMU does it."""
        new = rewrite_backing(filled(V2_DIFF), parse_header(filled(V2_DIFF), FILE_SIZE), "other.qcow2")
        self.assertEqual(new, V2_DIFF[:16] + b"\0\0\0\x0b" + V2_DIFF[20:96] + b"other.qcow2")

    def test_shorter_name_leaves_no_rest(self) -> None:
        """Nothing of a longer old name stays in the file."""
        after = self.rewritten(v3_diff(b"/home/someone/secret-place.qcow2"), "b")
        self.assertNotIn(b"ome", after)
        self.assertEqual(parse_header(after, FILE_SIZE).backing_name, "b")

    def test_keeps_extensions_and_corrects_the_format(self) -> None:
        """Unknown extensions stay, a stated backing format becomes qcow2."""
        header = parse_header(self.rewritten(v3_diff(extensions=RAW_FORMAT + UNKNOWN), "new"), FILE_SIZE)
        self.assertEqual(header.backing_format, "qcow2")
        self.assertEqual(header.extensions, ((0xE2792ACA, b"qcow2"), (0x12345678, b"\xde\xad\xbe\xef")))

    def test_no_format_stays_none(self) -> None:
        """A backing format that was not stated is not added."""
        self.assertIsNone(parse_header(self.rewritten(v3_diff(), "new"), FILE_SIZE).backing_format)

    def test_must_fit_the_first_cluster(self) -> None:
        """A name that would leave a small first cluster is refused; the longest that fits is not."""
        small = changed(
            V3_BASE,
            (NAME_OFFSET, "Q", 120),
            (NAME_LENGTH, "I", 1),
            (CLUSTER_BITS, "I", 9),
            (SIZE, "Q", 1 << 15),
        )
        small = small[:120] + b"x" + small[121:]
        self.assertEqual(len(rewrite_backing(small, parse_header(small, FILE_SIZE), "n" * 392)), 512)
        with self.assertRaisesRegex(BadImage, "does not fit"):
            self.rewritten(small, "n" * 393)

    def test_names_that_are_none(self) -> None:
        """An empty, overlong or unprintable new name is refused."""
        for name in ("", "a" * 1024, "a\nb", "\ud800"):
            with self.assertRaises(BadImage):
                self.rewritten(filled(V2_DIFF), name)

    def test_nothing_to_rename(self) -> None:
        """A base has no backing file to rename."""
        with self.assertRaisesRegex(BadImage, "no backing file"):
            self.rewritten(filled(V3_BASE), "new")


class QemuTests(SynchronousTestCase):
    """The same files as qemu-img sees them."""

    def setUp(self) -> None:
        if shutil.which("qemu-img") is None:
            raise SkipTest("qemu-img is not installed")
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def qemu_img(self, *arguments: str) -> str:
        done = subprocess.run(["qemu-img", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    def header(self, name: str) -> tuple[bytes, ImageHeader]:
        data = (self.folder / name).read_bytes()
        return data[:HEADER_PREFIX], parse_header(data[:HEADER_PREFIX], len(data))

    def test_created_images(self) -> None:
        """What qemu-img makes, of both versions and the extreme cluster sizes, is read."""
        for options in ("compat=0.10", "compat=1.1", "cluster_size=512", "cluster_size=2M", "lazy_refcounts=on"):
            self.qemu_img("create", "-q", "-f", "qcow2", "-o", options, "image", "300M")
            self.assertEqual(self.header("image")[1].virtual_size, 300 << 20)

    def test_rewritten_diff(self) -> None:
        """A diff with a new backing name is whole, says the new name, and reads as it did with the old one."""
        for compat in ("0.10", "1.1"):
            self.qemu_img("create", "-q", "-f", "qcow2", "-o", f"compat={compat}", "base", "20M")
            self.qemu_img("create", "-q", "-f", "qcow2", "-o", f"compat={compat}", "-b", "base", "-F", "qcow2", "d")
            new = f"voi_0_{UUID}"
            (self.folder / new).write_bytes((self.folder / "base").read_bytes())
            prefix, header = self.header("d")
            with (self.folder / "d").open("r+b") as file:
                file.write(rewrite_backing(prefix, header, new))
            self.assertIn(f"backing file: {new}", self.qemu_img("info", "d"))
            self.assertIn("backing file format: qcow2", self.qemu_img("info", "d"))
            self.assertIn("No errors", self.qemu_img("check", "d"))
            self.assertIn("identical", self.qemu_img("compare", "d", "base"))

    def test_same_bytes_as_rebase(self) -> None:
        """The rewritten header is, byte by byte, what `qemu-img rebase -u` makes of it."""
        for compat in ("0.10", "1.1"):
            self.qemu_img("create", "-q", "-f", "qcow2", "base", "20M")
            self.qemu_img("create", "-q", "-f", "qcow2", "-o", f"compat={compat}", "-b", "base", "-F", "qcow2", "d")
            prefix, header = self.header("d")
            ours = rewrite_backing(prefix, header, "quite-another-name")
            self.qemu_img("rebase", "-u", "-b", "quite-another-name", "-F", "qcow2", "d")
            theirs, header = self.header("d")
            self.assertEqual(header.backing_name, "quite-another-name")
            self.assertEqual(filled(ours), theirs)

    def test_bitmaps_survive(self) -> None:
        """An image with a persistent bitmap, whose extension must not be lost, is whole after the rewriting."""
        self.qemu_img("create", "-q", "-f", "qcow2", "base", "20M")
        self.qemu_img("create", "-q", "-f", "qcow2", "-b", "base", "-F", "qcow2", "d")
        self.qemu_img("bitmap", "--add", "d", "since")
        prefix, header = self.header("d")
        with (self.folder / "d").open("r+b") as file:
            file.write(rewrite_backing(prefix, header, "./base"))
        self.assertIn("No errors", self.qemu_img("check", "d"))
        self.assertIn("name: since", self.qemu_img("info", "d"))
