"""Images made from nothing: whole, of the right size, and readable by QEMU."""

from __future__ import annotations

import shutil
import subprocess
import zlib
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from voi.demo.image import CLUSTER, write_image
from voi.domain.image import HEADER_PREFIX, ImageHeader, parse_header

MIB, GIB = 1 << 20, 1 << 30


class FolderTestCase(SynchronousTestCase):
    """A folder for images."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def header(self, name: str) -> ImageHeader:
        data = (self.folder / name).read_bytes()
        return parse_header(data[:HEADER_PREFIX], len(data))


class WriteTests(FolderTestCase):
    """What can be said without QEMU."""

    def test_header(self) -> None:
        """The server's own reader takes a base and a diff."""
        write_image(self.folder / "base", GIB, data_bytes=MIB)
        write_image(self.folder / "diff", GIB, data_bytes=MIB, backing="base")
        base, diff = self.header("base"), self.header("diff")
        self.assertEqual((base.version, base.virtual_size, base.backing_name), (3, GIB, None))
        self.assertEqual((diff.virtual_size, diff.backing_name, diff.backing_format), (GIB, "base", "qcow2"))

    def test_size(self) -> None:
        """The file has the content that was asked for and little more, and the size that was returned."""
        size = write_image(self.folder / "image", 10 * GIB, data_bytes=8 * MIB)
        self.assertEqual((self.folder / "image").stat().st_size, size)
        self.assertTrue(8 * MIB < size < 10 * MIB, size)

    def test_same_again(self) -> None:
        """The same seed gives the same bytes, another seed others."""
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            write_image(self.folder / name, GIB, seed=seed, data_bytes=MIB)
        a, b, c = ((self.folder / name).read_bytes() for name in "abc")
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_content_looks_real(self) -> None:
        """The content compresses somewhat, as a system disk does: neither noise alone nor nothing but text."""
        size = write_image(self.folder / "image", GIB, data_bytes=4 * MIB)
        compressed = len(zlib.compress((self.folder / "image").read_bytes(), 1))
        self.assertTrue(0.6 < compressed / size < 0.9, compressed / size)

    def test_never_over_a_file(self) -> None:
        """A file that is there is left alone."""
        (self.folder / "image").write_bytes(b"precious")
        self.assertRaises(FileExistsError, write_image, self.folder / "image", GIB)
        self.assertEqual((self.folder / "image").read_bytes(), b"precious")

    def test_what_no_image_can_have(self) -> None:
        """Impossible sizes, offsets and names are refused and leave no file."""
        path = self.folder / "image"
        for size in (0, -512, 1000):
            self.assertRaises(ValueError, write_image, path, size)
        for offset in (-1, MIB - 1, MIB):
            self.assertRaises(ValueError, write_image, path, MIB, [(offset, b"xx")])
        for name in ("", "n" * 1024):
            self.assertRaises(ValueError, write_image, path, MIB, backing=name)
        self.assertFalse(path.exists())


class QemuTests(FolderTestCase):
    """What QEMU says to them."""

    def setUp(self) -> None:
        if shutil.which("qemu-img") is None:
            raise SkipTest("qemu-img is not installed")
        super().setUp()

    def qemu_img(self, *arguments: str) -> str:
        done = subprocess.run(["qemu-img", *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout

    def raw(self, name: str) -> bytes:
        self.qemu_img("convert", "-O", "raw", name, f"{name}.raw")
        return (self.folder / f"{name}.raw").read_bytes()

    def test_check(self) -> None:
        """Bases and diffs, sparse, full and empty, pass the check."""
        path = self.folder
        write_image(path / "sparse", 40 * GIB, data_bytes=20 * MIB)
        write_image(path / "full", 10 * MIB + 512, data_bytes=20 * MIB)
        write_image(path / "empty", MIB, [])
        write_image(path / "diff", 40 * GIB, data_bytes=MIB, seed=1, backing="sparse")
        for name in ("sparse", "full", "empty", "diff"):
            self.assertIn("No errors were found", self.qemu_img("check", name), name)

    def test_many_refcount_blocks(self) -> None:
        """An image whose clusters need more than one block of reference counts passes the check."""
        clusters = 32768 + 10  # one block counts 32768; a byte in each cluster leaves the file mostly holes
        write_image(self.folder / "image", clusters * CLUSTER, ((index * CLUSTER, b"x") for index in range(clusters)))
        self.assertIn("No errors were found", self.qemu_img("check", "image"))
        (self.folder / "image").unlink()

    def test_info(self) -> None:
        """QEMU sees the virtual size and the backing file."""
        write_image(self.folder / "base", 3 * GIB, data_bytes=MIB)
        write_image(self.folder / "diff", 3 * GIB, data_bytes=MIB, backing="base")
        info = self.qemu_img("info", "diff")
        self.assertIn("virtual size: 3 GiB", info)
        self.assertIn("backing file: base", info)
        self.assertIn("backing file format: qcow2", info)

    def test_content(self) -> None:
        """The guest reads what was given, across clusters and written twice, and zeros elsewhere."""
        content = [(0, b"boot"), (CLUSTER - 3, b"across"), (2, b"OT"), (MIB + 508, b"last")]
        write_image(self.folder / "image", MIB + 512, content)
        expected = bytearray(MIB + 512)
        for offset, data in content:
            expected[offset : offset + len(data)] = data
        self.assertEqual(self.raw("image"), bytes(expected))

    def test_diff(self) -> None:
        """A diff changes the clusters that it has and shows those of its base elsewhere."""
        write_image(self.folder / "base", 4 * MIB, data_bytes=4 * MIB)
        write_image(self.folder / "diff", 4 * MIB, [(CLUSTER, b"new" + bytes(CLUSTER - 3))], backing="base")
        base, diff = self.raw("base"), self.raw("diff")
        self.assertEqual(diff, base[:CLUSTER] + b"new" + bytes(CLUSTER - 3) + base[2 * CLUSTER :])

    def test_fold(self) -> None:
        """A diff can be committed into its base, which then reads as the diff did."""
        write_image(self.folder / "base", GIB, data_bytes=2 * MIB)
        write_image(self.folder / "diff", GIB, data_bytes=MIB, seed=1, backing="base")
        self.qemu_img("convert", "-O", "qcow2", "diff", "flat")
        self.qemu_img("commit", "-q", "diff")
        self.assertIn("identical", self.qemu_img("compare", "base", "flat"))
        self.assertIn("No errors were found", self.qemu_img("check", "base"))
