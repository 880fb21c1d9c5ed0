"""libtorrent's threads come after the reactor's where both want a core.

A peer that is served a little later does not notice; everything that waits for the reactor does. With two cores, one
fast peer and 500 announces a second, the reactor waited for a core for 40 % of the time, up to 24 ms at once.
Python's own threads are left as they are: one that holds Python's lock and has no core would hold the reactor up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from twisted.logger import Logger

log = Logger()

BEHIND: Final = 5
"""Steps of niceness: a third of the reactor's share where both have much to do, and the core at once when it wakes."""

_TASKS: Final = Path("/proc/self/task")


def threads() -> set[int]:
    """The kernel's numbers of this process's threads; none where there is no such list (only Linux has one)."""
    with suppress(OSError):
        return {int(path.name) for path in _TASKS.iterdir()}
    return set()


@contextmanager
def new_threads_behind() -> Iterator[None]:
    """Threads that are begun meanwhile, and those that they will begin, get less of a busy processor.

    Meant for libtorrent's, which begin inside a call; Linux alone gives each thread a niceness of its own.
    """
    before = threads()
    yield
    for thread in threads() - before:
        try:
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, 0) + BEHIND)
        except OSError as error:
            log.debug("a thread keeps its priority: {error}", error=error.strerror)
