"""What other programs fetch to make a new version of a file from an older one: rsync, and casync with its chunks."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final


def rsync(directory: Path, older: Path, newest: Path) -> int:
    """Bytes over the wire in both directions: sums go one way, what differs the other."""
    directory.mkdir()
    target = directory / "disk"
    shutil.copyfile(older, target)
    command = ["rsync", "--no-whole-file", "--inplace", "--ignore-times", "--stats", str(newest), str(target)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": "/usr/bin"})
    figures = dict(line.partition(": ")[::2] for line in shown.stdout.splitlines() if ": " in line)
    target.unlink()
    return sum(int(figures[f"Total bytes {way}"].replace(",", "")) for way in ("sent", "received"))


def casync(directory: Path, older: Path, newest: Path) -> int:
    """Bytes of the index and of the chunks, as its store keeps them, that the older version does not have."""
    directory.mkdir()
    store, index = directory / "store.castr", directory / "newest.caibx"
    _make(store, directory / "older.caibx", older)
    had = _kept(store)
    _make(store, index, newest)
    fetched = _kept(store) - had + index.stat().st_size
    shutil.rmtree(store)
    return fetched


def _make(store: Path, index: Path, image: Path) -> None:
    subprocess.run(["casync", "make", f"--store={store}", str(index), str(image)], capture_output=True, check=True)


def _kept(store: Path) -> int:
    return sum(path.stat().st_size for path in store.rglob("*.cacnk"))


TOOLS: Final[Mapping[str, Callable[[Path, Path, Path], int]]] = {"rsync": rsync, "casync": casync}
"""Each takes a directory for itself, the older and the newest version, and gives the bytes that it fetched."""
