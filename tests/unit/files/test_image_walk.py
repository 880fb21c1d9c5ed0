"""Walking an image's tables: what is said of one that is cut off or damaged, and that it is bounded."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.bench.full_image import write_full_image
from tests.unit.files.image_battery import WHOLE
from tests.unit.files.qcow2 import Made, Plan
from voi.demo.image import write_image
from voi.errors import BadImage, Conflict, StorageMissing
from voi.files import image_walk
from voi.files.hashing import Cancelled
from voi.files.image_walk import walk_image

MIB = 1 << 20


class WalkCase(SynchronousTestCase):
    """A folder for images."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def written(self, made: Made) -> Path:
        """A file of it."""
        return made.write(self.folder / "image")

    def refused(self, path: Path, pattern: str) -> None:
        """It is refused, for this reason."""
        with self.assertRaises(BadImage) as caught:
            walk_image(path)
        self.assertRegex(caught.exception.reason, pattern)


class WholeTests(WalkCase):
    """Images that are whole."""

    def test_all_kinds(self) -> None:
        """Both versions, small and large clusters, compressed ones, snapshots, differences, counts of all widths."""
        for name, plan in WHOLE.items():
            header = walk_image(self.written(plan.make()))
            self.assertEqual(header.refcount_bits, 1 << plan.refcount_order, name)

    def test_of_the_demo(self) -> None:
        """What the demo and other tests write."""
        write_image(self.folder / "base", 64 * MIB, data_bytes=8 * MIB)
        write_image(self.folder / "diff", 64 * MIB, backing="base", data_bytes=MIB)
        for name in ("base", "diff"):
            walk_image(self.folder / name)

    def test_leak(self) -> None:
        """A cluster that is counted and not used costs room only."""
        made = Plan().make()
        made.data += bytes(made.cluster)
        walk_image(self.written(made.count(len(made.data) - made.cluster, 1)))

    def test_last_cluster_in_part(self) -> None:
        """QEMU itself leaves the last cluster of a file unwritten where it ends in zeros."""
        made = Plan(kinds="d").make()
        del made.data[-100:]
        walk_image(self.written(made))


class CutTests(WalkCase):
    """Files that a broken copy left."""

    def test_data_missing(self) -> None:
        """Where all tables are there, the missing bytes are counted to the last."""
        made = Plan(kinds="d", guest_clusters=12).make()
        whole = len(made.data)
        del made.data[-3 * made.cluster - 100 :]
        path = self.written(made)
        with self.assertRaises(BadImage) as caught:
            walk_image(path)
        self.assertIn(f"cut off: {3 * made.cluster + 100} bytes are missing", caught.exception.reason)
        self.assertIn(f"it needs {whole}, the file has {whole - 3 * made.cluster - 100})", caught.exception.reason)

    def test_compressed_data_missing(self) -> None:
        """A compressed cluster ends at a sector, not at a cluster: QEMU's check does not see what is missing then."""
        made = Plan(kinds="c", guest_clusters=4, cluster_bits=12).make()
        end = (len(made.data.rstrip(b"\0")) + 511) // 512 * 512
        del made.data[end - 512 :]
        self.refused(self.written(made), "cut off: 512 bytes are missing")

    def test_tables_missing(self) -> None:
        """Where tables are gone too, there may be more missing than is known: at least so many."""
        path = self.folder / "image"
        size = write_image(path, 64 * MIB, data_bytes=16 * MIB)
        with path.open("r+b") as file:
            file.truncate(size // 2)
        with self.assertRaises(BadImage) as caught:
            walk_image(path)
        missing = int(caught.exception.reason.split("at least ")[1].split(" ")[0])
        self.assertEqual(missing, size - size // 2 - 65536 + 8)  # of its last table only the first entry is needed

    def test_level_2_table_missing(self) -> None:
        """The same where the first table is there and one that it names is not."""
        made = Plan(kinds="d", cluster_bits=9, guest_clusters=130).make()
        del made.data[made.l2[1] :]
        self.refused(self.written(made), "cut off: at least 33792 bytes are missing at its end, tables among them")

    def test_not_cut(self) -> None:
        """An entry beyond the end whose cluster nothing counts is a wrong entry, and not a file that is cut off."""
        made = Plan().make()
        at = made.slots()[0]
        made.put(at, 1 << 63 | 1 << 40)
        self.refused(
            self.written(made), "entry 0 of its level 2 table 0 points outside the file, to byte 1099511627776"
        )


class DamagedTests(WalkCase):
    """One fault of each kind is called what it is; the battery has them in all their forms."""

    def test_faults(self) -> None:
        """The table and the entry are named."""
        for pattern, damage in (
            ("entry 0 of its level 1 table has bits set", lambda m: m.put(m.l1, m.number(m.l1) | 1)),
            ("entry 0 of its level 1 table points to byte [0-9]+, where no cl", lambda m: m.put(m.l1, m.l2[0] + 512)),
            ("entry 1 of its level 2 table 0 has bits set", lambda m: m.put(m.l2[0] + 8, m.number(m.l2[0] + 8) | 2)),
            ("entry 1 of its level 2 table 0 points to byte 65536, where one of", lambda m: m.put(m.l2[0] + 8, 65536)),
            ("two of its tables are at byte 131072", lambda m: m.put(m.l1, m.block)),
            ("used 2 times, but its reference count is 1", lambda m: m.put(m.l2[0] + 8, m.number(m.l2[0]))),
            ("used 1 times, but its reference count is 0", lambda m: m.count(m.contents[0], 0)),
            ("has the reference count 7, which contradicts", lambda m: m.count(m.contents[0], 7)),
            ("used 1 times, but its reference count is 0", lambda m: m.put(m.table, 0)),
            ("entry 0 of its reference count table points outside", lambda m: m.put(m.table, 1 << 40)),
            ("reference count table has 140737488355328 bytes, more than", lambda m: m.put(56, 1 << 31, "I")),
            ("entry 0 of its snapshot table is malformed", lambda m: (m.put(60, 1, "I"), m.put(64, m.contents[0]))),
            ("virtual size is 1 bytes", lambda m: m.put(24, 1)),
        ):
            made = Plan().make()
            damage(made)
            self.refused(self.written(made), pattern)

    def test_zero_cluster_of_version_2(self) -> None:
        """Version 2 has no zero clusters; QEMU's check lets them pass, and fails to read them."""
        made = Plan(version=2).make()
        self.refused(self.written(made.put(made.l2[0], made.number(made.l2[0]) | 1)), "is a zero cluster")


class BoundTests(WalkCase):
    """What a file of a stranger may cost."""

    def test_memory(self) -> None:
        """60 GB, all of it there, 7.5 MiB of tables: they are not kept."""
        path = self.folder / "image"
        self.assertEqual(write_full_image(path, 60 << 30), 7864320)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        walk_image(path)
        self.assertLess(tracemalloc.get_traced_memory()[1], 4 * MIB)

    def test_in_several_parts(self) -> None:
        """A file of more clusters than are counted at once gives the same, whole and damaged."""
        self.patch(image_walk, "WINDOW", 4096)
        path = self.folder / "image"
        write_full_image(path, 8192 * 512, 9, scattered=True)
        walk_image(path)
        data = path.stat().st_size
        with path.open("r+b") as file:
            file.truncate(data - 40 * 512)
        self.refused(path, "cut off: 20480 bytes are missing")

    def test_tables_named_twice(self) -> None:
        """A level 2 table that is named over and over, so that it is read as often, is refused before it is."""
        made = Plan(kinds="d", cluster_bits=9, guest_clusters=130).make()
        self.refused(self.written(made.put(made.l1 + 8, made.number(made.l1))), "two of its tables")

    def test_snapshots_with_too_many_tables(self) -> None:
        """Tables that snapshots share are remembered, so there is a limit."""
        self.patch(image_walk, "MOST_SHARED", 1)
        self.refused(self.written(Plan(snapshot=True).make()), "2 entries in their level 1 tables, more than 1")

    def test_cancelled(self) -> None:
        """It ends soon when it is called off."""
        path = self.written(Plan(cluster_bits=9, guest_clusters=130).make())
        asked = iter([False] * 4)
        self.assertRaises(Cancelled, walk_image, path, lambda: next(asked, True))


class FileTests(WalkCase):
    """What is not a file of its own."""

    def test_link(self) -> None:
        """A symbolic link is not followed."""
        (self.folder / "link").symlink_to(self.written(Plan().make()))
        self.assertRaises(Conflict, walk_image, self.folder / "link")

    def test_absent_and_others(self) -> None:
        """Nothing there, and a directory."""
        self.assertRaises(StorageMissing, walk_image, self.folder / "absent")
        self.assertRaises(Conflict, walk_image, self.folder)
