"""What came of a task that was sent: it goes on, is done, failed, or proved not to be done after all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.rollouts import TargetState, Task, next_pause
from voi.domain.templates import PublishedLevel
from voi.domain.terminals import ReportedLevel
from voi.messages.reason import Reason
from voi.rollouts import audit
from voi.rollouts.explanations import Explanations
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.rollouts.sessions import TerminalSessions
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.units import SECTOR

log = Logger()


class TaskOutcomes:
    """Writes each down, and lets its target go on.

    `drive` sends a target what it still lacks, soon. `wall` is the time since the epoch, for what is kept; `clock` is
    for waiting, and never jumps.
    """

    def __init__(
        self,
        *,
        rollouts: Rollouts,
        templates: Templates,
        clock: IReactorTime,
        open_targets: OpenTargets,
        sessions: TerminalSessions,
        explanations: Explanations,
        drive: Callable[[OpenTarget], None],
        wall: Callable[[], float],
    ) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._clock = clock
        self._open_targets = open_targets
        self._sessions = sessions
        self._explanations = explanations
        self._drive = drive
        self._wall = wall

    async def goes_on(self, target: OpenTarget, task: Task) -> None:
        """A terminal took what it was sent, or works at it since before its restart, or ours."""
        current = target.tasks.get(task.id)
        if current is not None and current.state is not TargetState.DONE:
            target.tasks[task.id] = replace(current, sent=True, state=TargetState.DOWNLOADING)
            target.target = replace(target.target, state=TargetState.DOWNLOADING, reason="")  # as `sent` writes it down
            target.progress[task.id].alive(self._clock.seconds())
        await self._rollouts.sent(task, self._wall())
        await self._explanations.sent(target)

    async def done(self, target: OpenTarget, task: Task) -> None:
        """A terminal has a disk; with the last one its target is done."""
        template = await self._templates.get(target.target.template_uuid)
        levels = template.levels if template else ()
        level = next((level for level in levels if level.name == task.name), None)
        bare = ReportedLevel(target.target.template_uuid, task.name)
        held = replace(held_as_reported(level) if level else bare, operate_id=task.operate_id)
        now = self._wall()
        settled = await self._rollouts.done(task, held, now, audit=audit.settled(now))
        if task.id in target.tasks:
            target.tasks[task.id] = replace(target.tasks[task.id], state=TargetState.DONE, sent=True)
            target.progress[task.id].update(1.0, self._clock.seconds())
        if settled is None:
            return
        self._sessions.note_done(settled, task)
        self._open_targets.settle(settled)
        if settled.state is TargetState.DONE:
            log.info("rollout {id}: {mac} is done", id=settled.rollout_id, mac=settled.mac)
        elif not target.unfinished and self._open_targets.get(target.key) is target:
            self._drive(target)  # of what it had before it has said nothing yet

    async def failed(self, target: OpenTarget, task: Task, reason: str) -> None:
        """A try failed: again after a pause, or never."""
        current = target.tasks.get(task.id)
        if self._open_targets.get(target.key) is not target or current is None or current.state is TargetState.DONE:
            return  # cancelled, replaced or finished meanwhile
        # At once, so that a second word about the same failure finds it counted.
        target.tasks[task.id] = replace(current, sent=False, state=TargetState.WAITING)
        now, rest = self._wall(), target.due - self._clock.seconds()
        counted = rest > 0  # another level has failed in this try already
        attempts = target.target.attempts + (0 if counted else 1)
        pause = rest if counted else next_pause(attempts)
        full, next_try = _failure(task, reason, pause), None if pause is None else now + pause
        target.due = self._clock.seconds() + (pause or 0.0)
        settled = await self._rollouts.failed(
            task, full, attempts, next_try, now, progress=target.known_fraction(), audit=audit.settled(now)
        )
        log.warn("rollout {id}: {mac}: {reason}", id=task.rollout_id, mac=task.mac, reason=full)
        if settled is not None:
            self._open_targets.settle(settled)

    async def reopen(self, task: Task, attempts: int, reason: str) -> None:
        """A terminal said that it has not got what it was done with: that was one more failed try of `attempts`."""
        self._sessions.forget_done(task)
        if (found := self._open_targets.get((task.rollout_id, task.mac))) is not None:
            attempts = found.target.attempts  # more of them since then
        now, pause = self._wall(), next_pause(attempts + 1)
        full, next_try = _failure(task, reason, pause), None if pause is None else now + pause
        settled = await self._rollouts.reopen(task, full, attempts + 1, next_try, now, audit=audit.settled(now))
        if settled is None:
            return
        log.warn("rollout {id}: {mac}: {reason}", id=task.rollout_id, mac=task.mac, reason=full)
        if pause is None:
            self._open_targets.settle(settled)
            return
        target = self._open_targets.put(settled)
        target.target = settled
        target.due = self._clock.seconds() + pause
        if task.id in target.tasks:
            target.tasks[task.id] = replace(target.tasks[task.id], sent=False, state=TargetState.WAITING)
            target.progress.pop(task.id, None)
            target.take(settled, target.tasks.values(), self._clock.seconds())


def _failure(task: Task, reason: str, pause: float | None) -> Reason:
    if pause is None:
        return Reason("disk_failed", disk=str(task.name), why=reason)
    return Reason("tried_again", disk=str(task.name), why=reason, seconds=pause)


def held_as_reported(level: PublishedLevel) -> ReportedLevel:
    """A published level as a terminal that has it would report it."""
    sectors = level.virtual_size // SECTOR
    return ReportedLevel(level.template_uuid, level.name, level.type, sectors, level.operate_id)
