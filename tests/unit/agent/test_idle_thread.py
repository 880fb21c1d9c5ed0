"""The thread that gives way."""

from __future__ import annotations

import os
import threading

from twisted.internet import reactor
from twisted.trial.unittest import SkipTest, TestCase

from voi.agent.idle_thread import NICEST, IdleThread
from voi.errors import StorageMissing


class IdleThreadTests(TestCase):
    """One, over the real reactor."""

    def setUp(self) -> None:
        self.idle = IdleThread(reactor)
        self.addCleanup(self.idle.stop)

    async def test_last_in_the_queue(self) -> None:
        """Its priority is the lowest, and that of no other thread changes."""
        if not hasattr(os, "sched_getscheduler"):
            raise SkipTest("only Linux gives a thread a niceness of its own")
        before = os.getpriority(os.PRIO_PROCESS, 0)
        found = await self.idle(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self.assertEqual((found, os.getpriority(os.PRIO_PROCESS, 0)), (NICEST, before))

    async def test_one(self) -> None:
        """All that is done is done in one thread, which is not the reactor's."""
        first, second = await self.idle(threading.get_ident), await self.idle(threading.get_ident)
        self.assertEqual(first, second)
        self.assertNotEqual(first, threading.get_ident())

    async def test_failure(self) -> None:
        """What fails there fails for who asked."""

        def work() -> None:
            raise StorageMissing("it is broken")

        await self.assertFailure(self.idle(work), StorageMissing)

    def test_never_needed(self) -> None:
        """Where nothing was to be done there is no thread to stop."""
        IdleThread(reactor).stop()
