"""The time of day was set: noticed, written down, and shown for a day."""

from __future__ import annotations

import math
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.audit.log import AuditLog
from voi.clock import STEP_SECONDS, ClockWatch
from voi.domain.actors import SERVER
from voi.errors import VoiError
from voi.messages.reason import Reason

log = Logger()

SHOWN_SECONDS: Final = 86_400.0
"""For so long it needs attention: what was written down before and after does not fit together."""

SHOWN_STEP: Final = 60.0
"""From so many seconds on it does; fewer are what a machine does by itself when it has started."""


class ClockMonitor:
    """Looks at the clock again and again; `clock` is the one that nobody sets."""

    def __init__(self, audit_log: AuditLog, clock: IReactorTime, watch: ClockWatch | None = None) -> None:
        self._audit_log = audit_log
        self._clock = clock
        self._watch = watch or ClockWatch()
        self._problem = ""
        self._until = -math.inf

    def problem(self) -> str:
        """That the clock was set lately, empty if it was not."""
        return self._problem if self._clock.seconds() < self._until else ""

    async def begin(self) -> None:
        """The first look: at what the clock was when the server ran last. That it is ahead is no news, for time passes
        while the server is off. It never fails: a database that takes nothing is no reason not to start.
        """
        try:
            step = await self._audit_log.count_time()
        except VoiError as error:
            log.warn("the clock could not be compared with that of the last run: {error}", error=error.message)
        else:
            await self._take(min(0.0, step))

    async def look(self) -> None:
        """Look whether it was set since the last look."""
        await self._take(self._watch.look())

    async def _take(self, step: float) -> None:
        if abs(step) < STEP_SECONDS:
            return
        seconds = round(abs(step))
        reason = Reason("clock_forward", seconds=seconds) if step > 0 else Reason("clock_back", seconds=seconds)
        log.warn("{reason}", reason=reason)
        if abs(step) >= SHOWN_STEP:
            self._problem, self._until = reason, self._clock.seconds() + SHOWN_SECONDS
        await self._audit_log.note("server.clock", SERVER, reason=reason)
