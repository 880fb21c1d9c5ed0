"""Tests of voi.clock."""

from __future__ import annotations

import subprocess
import sys
import time

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voi.clock import ClockWatch, SteadyTime, believable_age, believable_pause, use_monotonic_time

DAY = 86_400.0

STEPPED = """
import sys, time
real, ahead = time.time, 0.0
time.time = lambda: real() + ahead  # before Twisted, which keeps what it finds
from twisted.internet import reactor
from twisted.internet.task import LoopingCall
{make_service}

def step():
    global ahead
    ahead = {step}

def tick():
    ticks.append(None)
    if len(ticks) == 5:
        print("ticks" if not early.called else "too early")
        reactor.stop()

ticks = []
early = reactor.callLater(3600, print, "an hour passed")
reactor.callLater(0, step)
LoopingCall(tick).start(0.01)
reactor.callLater({patience}, reactor.stop)
reactor.run()
"""
SERVER = """
from voi.app.twistd import Options, makeService
options = Options()
options.parseOptions([])
makeService(options)
"""
TERMINAL = """
from voi.agent.twistd import Options, makeService
options = Options()
options.parseOptions(["--server=127.0.0.1", "--disks=disks", "--mac=02:00:00:00:00:01"])
makeService(options)
"""
NEITHER = ""


class ReactorTests(SynchronousTestCase):
    """A reactor whose machine's clock is set while it runs."""

    def run_stepped(self, make_service: str, step: float) -> str:
        """What happens in a process in which a loop runs and something waits for an hour."""
        program = STEPPED.format(make_service=make_service, step=step, patience=20)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.strip() or done.stderr

    def test_set_back(self) -> None:
        """A clock that is set back by a day stops no loop, in the server and in the terminal."""
        for made in (SERVER, TERMINAL):
            self.assertEqual(self.run_stepped(made, -DAY), "ticks")

    def test_set_forward(self) -> None:
        """One that is set forward by a day or two years lets nothing happen too early."""
        self.assertEqual(self.run_stepped(SERVER, DAY), "ticks")
        self.assertEqual(self.run_stepped(TERMINAL, 730 * DAY), "ticks")

    def test_without(self) -> None:
        """Twisted's own reactor does let it, which is why; a version that no longer does needs none of this."""
        self.assertIn("an hour passed", self.run_stepped(NEITHER, DAY))

    def test_what_waits_already(self) -> None:
        """What waited before keeps what was left to it; done again, nothing changes."""
        reactor = Clock()
        reactor.rightNow = 1.7e9
        call = reactor.callLater(10, print)
        use_monotonic_time(reactor)
        left = call.getTime() - reactor.seconds()
        self.assertTrue(9 < left <= 10, left)
        use_monotonic_time(reactor)
        self.assertIs(reactor.seconds, time.monotonic)


class WatchTests(SynchronousTestCase):
    """Comparing two clocks."""

    def test_steps(self) -> None:
        """Each step is told once, with its direction; slow adjustment is none."""
        wall, steady = 1000.0, 0.0
        watch = ClockWatch(lambda: wall, lambda: steady)
        steps = []
        for passed, step in ((5, 0.0), (5, 0.01), (5, 3600.0), (5, 0.0), (5, -DAY), (600, 0.0)):
            steady += passed
            wall += passed + step
            steps.append(watch.look())
        self.assertEqual(steps, [0, 0, 3600.0, 0, -DAY, 0])

    def test_steady_time(self) -> None:
        """It begins at the time of day and goes on by the other clock."""
        wall, steady = 1000.0, 5.0
        now = SteadyTime(lambda: wall, lambda: steady)
        self.assertEqual(now(), 1000.0)
        wall, steady = 9.0, 65.0
        self.assertEqual(now(), 1060.0)


class StoredTests(SynchronousTestCase):
    """Times of day that were stored."""

    def test_due(self) -> None:
        """What is due is due after the longest pause at the latest."""
        self.assertEqual(believable_pause(130.0, 100.0, 60.0), 30.0)
        self.assertEqual(believable_pause(100.0 + 730 * DAY, 100.0, 60.0), 60.0)
        self.assertEqual(believable_pause(3.0, 100.0, 60.0), 0.0)

    def test_age(self) -> None:
        """An age is neither less than nothing nor more than the longest."""
        self.assertEqual(believable_age(90.0, 100.0, 60.0), 10.0)
        self.assertEqual(believable_age(100.0 + DAY, 100.0, 60.0), 0.0)
        self.assertEqual(believable_age(100.0 - DAY, 100.0, 60.0), 60.0)
