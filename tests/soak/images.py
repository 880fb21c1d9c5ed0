"""Broken images by the thousand, our verdict beside QEMU's: ``python -m tests.soak.images --count 3000 --seed x``.

Ends with status 1 where one that QEMU calls broken would be published, or one that it calls good would be refused
without a rule (`tests.unit.files.test_image_battery.RULES`).
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from tests.unit.files.image_battery import flipped, named
from tests.unit.files.test_image_battery import verdicts, wrong
from voi.files.qemu_img import QemuImg
from voi.publishing.image_check import ImageCheck


@click.command(help=__doc__)
@click.option("--count", default=300, show_default=True, help="Images with bits and bytes changed.")
@click.option("--seed", default="soak", show_default=True, help="Another one gives other images.")
def main(count: int, seed: str) -> None:
    """Compare."""
    qemu = QemuImg.find(sys.exit)
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts(Path(folder), ImageCheck(qemu), [*named(), *flipped(count, seed)])
    counts = Counter((x.broken, bool(x.both), bool(x.reader)) for x in found)
    for (broken, both, reader), number in sorted(counts.items()):
        print(
            f"{number:6} {'broken' if broken else 'good  '} by QEMU, {'refused' if both else 'published'}; "
            f"by our reader alone {'refused' if reader else 'published'}"
        )
    faults = wrong(found)
    for what, verdict in faults:
        print(f"{what}: {verdict}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
