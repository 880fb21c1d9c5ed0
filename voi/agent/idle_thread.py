"""A thread for what may take long and must hinder nobody: reading whole disks while somebody works at the PC."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

NICEST: Final = 19
"""The last in the queue for the processor; where the kernel's I/O scheduler goes by it, for the disk too."""


class IdleThread:
    """One thread of its own, begun when it is first needed; `reactor` is told its results (IReactorThreads).

    It must be another one than the reactor's: its priority, once lowered, may not be raised again.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, 1, "voi-idle")

    def __call__(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do it after all that was asked for before; fires with what it gives."""
        if not self._pool.started:
            self._pool.start()
        return deferToThreadPool(self._reactor, self._pool, _behind, function, *args)

    def stop(self) -> None:
        """Wait for what is being done; nothing more may be asked for."""
        if self._pool.started:
            self._pool.stop()


def _behind(function: Callable[..., Any], *args: Any) -> Any:
    with suppress(OSError):  # Linux alone gives a thread a niceness of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
    return function(*args)
