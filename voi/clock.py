"""Time: what waits goes by a clock that nobody sets; the time of day is for what people read and for what is stored.

Twisted's reactor keeps the time of day: set back by a day, it lets every timer wait for a day longer; set forward, it
lets everything that waits end at once. So server and terminal give their reactor a monotonic clock before they begin.

What is stored can only carry the time of day. Whoever reads it later does not trust it further than it can be true:
see `believable_pause` and `believable_age`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

WATCH_SECONDS: Final = 5.0
"""How often the clock is looked at."""

STEP_SECONDS: Final = 5.0
"""From so many seconds on it was set: a clock that is adjusted gradually goes wrong by milliseconds in that time."""


def use_monotonic_time(reactor: Any) -> None:
    """Let a reactor, and all that waits in it, go by a clock that nobody sets. Called again it changes nothing.

    Twisted has no setting for that. All that it computes with time goes by its method `seconds`: delayed calls, loops,
    timeouts of connections. What it shows to people goes by the clock, but for the log of requests of
    `twisted.web.http.HTTPFactory`, which the server does not write. Calls that wait already keep what is left to them.
    """
    if reactor.seconds is time.monotonic:
        return
    ahead = time.monotonic() - reactor.seconds()
    reactor.seconds = time.monotonic
    for call in reactor.getDelayedCalls():
        call.time += ahead
        call.seconds = time.monotonic


def uptime() -> float:
    """Seconds since this machine started, with those in which it slept: while it sleeps, nobody sets its clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """Notices that the time of day was set, by comparing it with a clock that nobody sets."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = uptime) -> None:
        self._wall = wall
        self._steady = steady
        self._difference = wall() - steady()

    def look(self) -> float:
        """By how many seconds the clock was set since the last look: more than 0 forward, less than 0 back, 0 not."""
        difference = self._wall() - self._steady()
        step, self._difference = difference - self._difference, difference
        return step if abs(step) >= STEP_SECONDS else 0.0


class SteadyTime:
    """The time of day as it was when this began, and as it goes on without being set: for what is stored and runs out.

    A session does not end because the clock was set, and does not live for years because it was set back.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._ahead = wall() - steady()

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self._steady() + self._ahead


def believable_pause(due: float, now: float, longest: float) -> float:
    """How long to wait for something whose due time was stored: from 0 to `longest`.

    It may have been written by a clock that was ahead. Both are times of day, in seconds; what is waited then goes by
    the other clock.
    """
    return min(max(0.0, due - now), longest)


def believable_age(stored: float, now: float, longest: float) -> float:
    """How old something is whose time was stored: from 0 to `longest`, whatever the clock was when it was written.

    It may have been ahead then, or be ahead now. All are times of day, in seconds.
    """
    return min(max(0.0, now - stored), longest)
