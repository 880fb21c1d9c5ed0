"""Tests of voi.seeding.threads."""

from __future__ import annotations

import os
import threading

from twisted.trial.unittest import SynchronousTestCase

from voi.seeding.threads import BEHIND, new_threads_behind, threads


class PriorityTests(SynchronousTestCase):
    """Who comes after whom."""

    def setUp(self) -> None:
        """Only where threads have a priority each."""
        if not threads():
            self.skipTest("the system does not list a process's threads")

    def test_new_ones_alone(self) -> None:
        """A thread that begins meanwhile comes after the others, whose priority stays."""
        end = threading.Event()
        self.addCleanup(end.set)
        older, newer = (threading.Thread(target=end.wait, daemon=True) for _ in range(2))
        older.start()
        with new_threads_behind():
            newer.start()
        own = os.getpriority(os.PRIO_PROCESS, 0)
        nice = [os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in (older, newer)]
        self.assertEqual(nice, [own, min(own + BEHIND, 19)])

    def test_a_thread_that_has_gone(self) -> None:
        """One that ended at once is nobody's trouble."""
        with new_threads_behind():
            thread = threading.Thread(target=lambda: None)
            thread.start()
            thread.join()
