"""What machine this is, so that figures can be read."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


def describe() -> Mapping[str, str]:
    """Processor, memory, kernel and the versions of what is measured."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "twisted": version("twisted"),
        "libtorrent": version("libtorrent"),
    }


@dataclass(frozen=True)
class Cores:
    """Seconds that all cores together have worked, and that they have had, since the start of the machine.

    Work of processes that are nice does not count: whatever it is, it yields.
    """

    worked: float
    had: float

    @staticmethod
    def now() -> Cores:
        """Read from the kernel's account."""
        first = Path("/proc/stat").read_text().partition("\n")[0]
        ticks = [int(word) for word in first.split()[1:9]]  # user, nice, system, idle, iowait, irq, softirq, steal
        per_second = os.sysconf("SC_CLK_TCK")
        return Cores((sum(ticks) - ticks[1] - ticks[3] - ticks[4]) / per_second, sum(ticks) / per_second)

    def busy_since(self, earlier: Cores) -> float:
        """The share of the cores that was used between, 0 to 1."""
        return (self.worked - earlier.worked) / max(self.had - earlier.had, 1e-9)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
