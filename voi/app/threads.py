"""Where work is done that would block: the reactor's threads for what is short, a few of their own for whole disks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

DISK_THREADS: Final = 4
"""Threads that read and hash disks: enough for one import beside one check, no more than a hard disk bears."""


class Threads:
    """The threads of a server; `reactor` gives the short ones (IReactorThreads)."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._disks = ThreadPool(0, DISK_THREADS, "voi-disk")

    def start(self) -> None:
        """From now on disks are read."""
        self._disks.start()

    def stop(self) -> None:
        """Wait for those that read a disk."""
        self._disks.stop()

    def short(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do what takes milliseconds to seconds; fires with what it gives."""
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *args)

    def disk(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Do what reads a whole disk and may take minutes; waits where as many as there are threads are read."""
        return deferToThreadPool(self._reactor, self._disks, function, *args)
