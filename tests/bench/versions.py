"""An image in several versions, as a new one differs from those that terminals have."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from voi.demo.image import write_image

CLUSTER: Final = 64 << 10
CHANGED: Final = 0.02
VERSIONS: Final = 5


@dataclass(frozen=True)
class Images:
    """The newest version of an image, older ones by how far they are behind, and bytes that changed since each."""

    newest: Path
    older: dict[int, Path]
    changed: dict[int, int]


def make_images(directory: Path, size: int) -> Images:
    """An image of about `size` bytes in `VERSIONS` + 1 versions, each with `CHANGED` of its clusters new."""
    source = random.Random(40)
    oldest = directory / f"behind-{VERSIONS}"
    write_image(oldest, 2 * size, data_bytes=size, seed=5)
    data = bytearray(oldest.read_bytes())
    clusters = len(data) // CLUSTER
    since: dict[int, set[int]] = {VERSIONS: set()}
    older = {VERSIONS: oldest}
    for behind in range(VERSIONS - 1, -1, -1):
        # Not the first: it is the header, and an image must stay one.
        changed = source.sample(range(1, clusters), round(clusters * CHANGED))
        for cluster in changed:
            data[cluster * CLUSTER : (cluster + 1) * CLUSTER] = source.randbytes(CLUSTER)
        for known in since.values():
            known.update(changed)
        if behind in (0, 1):
            older[behind] = directory / f"behind-{behind}"
            older[behind].write_bytes(data)
            since[behind] = set()
    newest = older.pop(0)
    return Images(newest, older, {behind: len(since[behind]) * CLUSTER for behind in older})
