"""Checking a whole image before it is published: seconds for each GB of the disk, by our own reader and by QEMU.

The image is 60 GB whose tables say that all of it is there, in clusters of 64 KiB that lie in the file in no order, as
after years of use; what they hold are holes, so that the tables alone are read. Beside it smaller clusters, with larger
tables. Everything is in memory: a cold hard disk adds a seek for each level 2 table, 120 of them for 60 GB.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Final

from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.full_image import write_full_image
from voi.files.image_walk import walk_image
from voi.files.qemu_img import QemuImg

GIB: Final = 1 << 30
DISK: Final = 60 * GIB
TINY_DISK: Final = 2 * GIB
ROUNDS: Final = 5


def run(plan: Plan) -> Outcome:
    """Each kind of image, by both."""
    size = plan.of(DISK, DISK, TINY_DISK)
    skipped: list[str] = []
    qemu = QemuImg.find(skipped.append)
    rows: list[Row] = []
    costs: list[float] = []
    for what, bits, scattered in (
        ("64 KiB, in order", 16, False),
        ("64 KiB, scattered", 16, True),
        ("4 KiB, scattered", 12, True),
    ):
        path = plan.directory / "image"
        tables = write_full_image(path, size, bits, scattered=scattered)
        plan.say(f"clusters of {what}: {tables / 1e6:.1f} MB of level 2 tables")
        ours = _ours(path, plan.of(ROUNDS, ROUNDS, 1) if bits == 16 else 1)
        figures: dict[str, float | str] = {
            "ours s": ours,
            "ours s/GB": ours * 1e9 / size,
            "tables MB": tables / 1e6,
        }
        if qemu is not None:
            header = walk_image(path)
            begun = time.perf_counter()
            qemu.check(path, header)
            figures["qemu-img s"] = time.perf_counter() - begun
        rows.append(Row(f"{size // GIB} GiB, clusters of {what}", figures))
        costs.append(ours * 1e9 / size * 1000)
        path.unlink()
    note = "walking all tables of a full image, 64 KiB clusters in no order"
    return Outcome([Figure("walk.cost", costs[1], note=note)], rows, skipped)


def _ours(path: Path, rounds: int) -> float:
    """Seconds, the middle of some rounds."""
    taken: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        walk_image(path)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
