"""Our verdict on images of all kinds, beside QEMU's: what it calls broken is refused, what it calls good is taken."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.unit.files.image_battery import flipped, named
from tests.unit.files.qcow2 import COMPRESSED, Made
from voi.errors import VoiError
from voi.files.image_walk import walk_image
from voi.files.qemu_img import QemuImg
from voi.messages.reason import Reason
from voi.publishing.image_check import ImageCheck

RULES: dict[str, str] = {
    "image_refused": "marked as corrupt or dirty, or with subclusters: QEMU opens these to repair or to convert them",
    "image_features": "an unknown feature may be known to a later QEMU, and is to no terminal",
    "image_virtual_size": "of less than a sector QEMU shows the guest nothing",
    "image_level_1_size": "a level 1 table too short for the disk: QEMU's check opens it, and nothing else does",
    "image_no_refcounts": "QEMU's check opens an image without reference counts, and nothing else does",
    "image_cut_tables": "the end of the level 1 table is missing: QEMU reads it as zeros, and so the guest's data",
    "image_header_length": "a header length that is no multiple of 8 is against the format",
    "image_entry_on_table": "a table of the image as the guest's data, even where the counts allow for it",
    "image_tables_overlap": "two tables in one place, even where the counts allow for it",
    "image_compression_bit": "a compression type without the bit for it",
    "not_utf8": "a backing name that cannot be shown; QEMU takes any bytes",
    "control_characters": "the same",
    "backing_name_misplaced": "a backing name in a place of which QEMU reads none, because its length is 0",
    "extension_long": "an extension of the header that does not fit in it",
    "extension_cut": "the same",
    "extension_twice": "an extension of the header that is there twice: which one counts?",
}
"""Why an image may be refused that QEMU calls good, by the code of the refusal."""


@dataclass(frozen=True)
class Verdicts:
    """What is said of an image; empty: that it is good."""

    name: str
    qemu: str
    reader: str
    code: str
    both: str
    compressed: bool
    """Whether an entry is of a compressed cluster."""

    @property
    def broken(self) -> bool:
        """Whether QEMU calls it broken.

        What does not unpack is the guest's data, like a wrong bit in any other, which QEMU's check does not see either.
        """
        return bool(self.qemu) and not (self.compressed and self.qemu.startswith("read:"))


def _innermost(reason: str) -> str:
    """The code of a reason; of one that wraps another, that of the other."""
    if not isinstance(reason, Reason):
        return ""
    why = reason.data.get("why")
    return why.code if reason.code == "image_damaged" and isinstance(why, Reason) else reason.code


def qemu_says(path: Path) -> str:
    """Why QEMU cannot use an image, whether for its check or to read all of it; empty where it can."""
    options = {"driver": "qcow2", "backing": None, "file": {"driver": "file", "filename": str(path)}}
    image = f"json:{json.dumps(options)}"
    check = subprocess.run(["qemu-img", "check", image], capture_output=True, text=True)
    if check.returncode not in (0, 3):
        return f"check {check.returncode}: {check.stderr or check.stdout}"
    size = int.from_bytes(path.read_bytes()[24:32], "big") // 512 * 512
    if not size:
        return "the guest sees nothing"
    for at in range(0, size, 1 << 30):
        command = ["qemu-io", "-r", "-c", f"read {at} {min(1 << 30, size - at)}", image]
        read = subprocess.run(command, capture_output=True, text=True)
        if read.returncode or "failed" in read.stdout + read.stderr:
            return f"read: {read.stdout}{read.stderr}"
        if at > 4 << 30:
            break  # a size that was flipped: the rest is holes
    return ""


def ours(check: Callable[[Path], object], path: Path) -> tuple[str, str]:
    """What one of ours says, and its code."""
    try:
        check(path)
    except VoiError as error:
        return error.message, _innermost(error.reason)
    return "", ""


def verdicts(folder: Path, check: ImageCheck, images: Iterable[tuple[str, Made]]) -> list[Verdicts]:
    """What is said of each image; it lies in a file meanwhile."""

    def of(number: int, name: str, made: Made) -> Verdicts:
        path = made.write(folder / str(number))
        reader, code = ours(walk_image, path)
        both, _ = ours(check, path)
        compressed = any(made.number(at) & COMPRESSED for at in made.slots())
        said = Verdicts(name, qemu_says(path), reader, code, both, compressed)
        path.unlink()
        return said

    with ThreadPoolExecutor(2) as pool:
        return [x.result() for x in [pool.submit(of, n, name, made) for n, (name, made) in enumerate(images)]]


def wrong(found: Iterable[Verdicts]) -> list[tuple[str, Verdicts]]:
    """Where our verdict is not what it should be."""
    faults: list[tuple[str, Verdicts]] = []
    for x in found:
        if x.broken and not x.both:
            faults.append(("QEMU calls it broken, and it would be published", x))
        elif x.broken and not x.reader:
            faults.append(("QEMU calls it broken, and where it is not installed it would be published", x))
        elif not x.qemu and x.both and x.code not in RULES:
            faults.append(("QEMU calls it good, and it would be refused without a rule", x))
    return faults


class BatteryTests(SynchronousTestCase):
    """Images of all kinds."""

    def setUp(self) -> None:
        if shutil.which("qemu-img") is None or shutil.which("qemu-io") is None:
            raise SkipTest("qemu-img and qemu-io are not installed, so there is no verdict to compare with")
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        qemu = QemuImg.find(self.fail)
        self.check = ImageCheck(qemu)

    def compare(self, images: Iterable[tuple[str, Made]]) -> list[Verdicts]:
        """Hold our verdicts on some images against QEMU's."""
        found = verdicts(self.folder, self.check, images)
        self.assertEqual(wrong(found), [])
        return found

    def test_kinds(self) -> None:
        """Every kind of damage on images of several kinds, and these without damage."""
        found = self.compare(named())
        self.assertGreater(len(found), 200)
        counts = Counter((x.broken, bool(x.both)) for x in found)
        self.assertGreater(counts[True, True], 100)
        self.assertGreater(counts[False, False], 60)

    def test_flips(self) -> None:
        """Some bits or bytes of header and tables changed, as a failing disk or bad memory leaves them."""
        self.compare(flipped(100))
