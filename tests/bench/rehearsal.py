"""Every bench at a tiny size, to see that none has rotted: each ends, and gives all its figures or says why not.

Most of a tiny bench is waiting, for a link or a pause, so some run at a time; each is a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO, Final

from rich.console import Console

AT_ONCE: Final = 3
LONGEST: Final = ("delta", "churn", "console")
"""Begun first, so that nobody waits for one that began last."""
_LOOK_SECONDS: Final = 0.1


COMMAND: Final = (sys.executable, "-m", "tests.bench", "--tiny")


def rehearse(names: Sequence[str], console: Console, command: Sequence[str] = COMMAND) -> bool:
    """Run benches, or variants of them, at a tiny size, and show what each said; whether all went well.

    :param command: what runs one of them, when its name is added.
    """
    waiting = sorted(names, key=lambda name: LONGEST.index(name) if name in LONGEST else len(LONGEST))
    running: list[tuple[subprocess.Popen[str], IO[str]]] = []
    well = True
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(_begin([*command, waiting.pop(0)]))
            for process, said in [pair for pair in running if pair[0].poll() is not None]:
                running.remove((process, said))
                with said:
                    said.seek(0)
                    console.print(said.read().rstrip(), markup=False, highlight=False)
                well = well and process.returncode == 0
            time.sleep(_LOOK_SECONDS)
    finally:
        for process, _ in running:
            process.terminate()  # it takes its namespaces and children with it
            process.wait()
    return well


def _begin(command: Sequence[str]) -> tuple[subprocess.Popen[str], IO[str]]:
    said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - whoever reads it closes it
    return subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, text=True), said
