"""Processes whose clock a test sets: `time.time` alone is shifted, as a machine's clock that is set would."""

from __future__ import annotations

import os
import struct
from pathlib import Path

_SHIFTED = """
import mmap, os, struct, time
_file = open(os.environ["STEPPED_CLOCK"], "r+b")
_map, _real = mmap.mmap(_file.fileno(), 8), time.time
time.time = lambda: _real() + struct.unpack("d", _map[:8])[0]  # before Twisted, which keeps what it finds
"""


class SteppedClock:
    """Is ahead of the machine's by so many seconds; `prefix` runs a process that goes by it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(_SHIFTED)
        self._file = directory / "ahead"
        self._file.write_bytes(struct.pack("d", 0.0))
        path = os.pathsep.join([str(directory), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.prefix = ("env", f"PYTHONPATH={path}", f"STEPPED_CLOCK={self._file}")

    def step(self, ahead: float) -> None:
        """Set it."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("d", ahead))
