"""What a terminal lacks is sent to it, disk after disk, until it has all or is given up."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.rollouts import TargetState, Task, next_pause
from voi.domain.templates import PublishedLevel, Template
from voi.domain.terminals import ReportedLevel
from voi.errors import ConnectionEnded, NoAnswer, TerminalOffline, VoiError
from voi.messages.reason import Reason, code_of, same
from voi.rollouts import audit
from voi.rollouts.open_targets import Key, OpenTarget, OpenTargets
from voi.rollouts.sender import NotWanted, Sender
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.tasks import in_turns, one_slice_a_turn, spawn
from voi.terminals.interfaces import Connections
from voi.units import SECTOR

log = Logger()

GRACE_SECONDS: Final = 15.0
"""After its login a terminal that was downloading gets so long to show that it goes on by itself.

Only then is the disk sent again: deployed terminals queue a second 1015 as a second download.
"""

AT_A_TURN: Final = 50
"""Targets that are begun in one turn of the reactor: a few milliseconds."""

OFFLINE: Final = Reason("goes_on_at_login")


class Dispatcher:
    """Sends to whoever is online what its open targets lack.

    `wall` is the time since the epoch, for what is kept; `clock` is for waiting.
    """

    def __init__(
        self,
        *,
        rollouts: Rollouts,
        templates: Templates,
        registry: Connections,
        sender: Sender,
        clock: IReactorTime,
        open_targets: OpenTargets,
        wall: Callable[[], float],
    ) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._registry = registry
        self._sender = sender
        self._clock = clock
        self._turns = one_slice_a_turn(clock)
        self._open_targets = open_targets
        self._wall = wall

    def left(self, mac: str) -> None:
        """A terminal went offline: its targets say that they wait for it."""
        for target in self._open_targets.of_terminal(mac):
            self.spawn(self._explain_off(target))

    async def explain(self, target: OpenTarget, reason: str) -> None:
        """Say what a target waits for; nothing where it does not wait any more."""
        if not same(target.target.reason, reason):
            target.target = replace(target.target, reason=reason)
            await self._rollouts.explain(*target.key, reason, self._wall())

    async def _explain_off(self, target: OpenTarget) -> None:
        """It is off; why its last try failed is not forgotten over that."""
        reason = target.target.reason
        if isinstance(reason, Reason) and reason.code in ("disk_failed", "tried_again"):
            failure = Reason("disk_failed", disk=reason.data["disk"], why=reason.data["why"])
            await self.explain(target, Reason("off_after_failure", why=failure))
        elif code_of(reason) != "off_after_failure":
            await self.explain(target, OFFLINE)

    async def _explain_on(self, target: OpenTarget) -> None:
        """It is online again, and what stood in its way before is told again."""
        reason = target.target.reason
        if isinstance(reason, Reason) and reason.code == "off_after_failure":
            why = reason.data["why"]
            assert isinstance(why, str)
            await self.explain(target, why)
        elif not target.target.attempts:
            await self.explain(target, "")

    def came(self, mac: str) -> None:
        """A terminal is online: it is sent what it lacks, or goes on by itself with what it was sent before."""
        now = self._wall()
        for target in self._open_targets.of_terminal(mac):
            self.spawn(self._explain_on(target))
            for progress in target.progress.values():
                progress.advanced = now  # time without a connection is no standstill
                progress.whole = None  # and what was seen before it is no longer sure
            if any(not task.sent for task in target.unfinished) or not target.tasks:
                self.drive(target)
            if any(task.sent for task in target.unfinished):
                self._clock.callLater(GRACE_SECONDS, self._send_again_if_silent, target.key, now)

    def _send_again_if_silent(self, key: Key, since: float) -> None:
        target = self._open_targets.get(key)
        if target is None or target.target.mac not in self._registry:
            return
        silent = [task for task in target.unfinished if task.sent and target.progress[task.id].updated < since]
        for task in silent:
            target.tasks[task.id] = replace(task, sent=False)
        if silent:
            self.drive(target)

    async def drive_all(self, targets: Sequence[OpenTarget]) -> None:
        """Some at a turn: a rollout to a whole site must not hold up everybody else."""
        async for target in in_turns(targets, AT_A_TURN, self._turns):
            self.drive(target)

    def drive(self, target: OpenTarget) -> None:
        """Send a target what it lacks, soon; once more after that, where it is just being done."""
        if target.driving:
            target.again = True
            return
        target.driving = True
        self.spawn(self._drive_until_quiet(target))

    async def _drive_until_quiet(self, target: OpenTarget) -> None:
        try:
            target.again = True
            while target.again and self._open_targets.get(target.key) is target:
                target.again = False
                await self._send_all(target)
        finally:
            target.driving = False

    async def _send_all(self, target: OpenTarget) -> None:
        rollout_id, mac = target.key
        if mac not in self._registry:
            await self._explain_off(target)
            return
        if target.target.next_try > self._wall():
            return  # the tick comes back to it
        again = {task.id for task in target.tasks.values() if not task.sent}
        now = self._wall()
        work = await self._rollouts.plan(rollout_id, mac, now, audit=audit.settled(now))
        if work is None:
            self._open_targets.drop(target.key)
            return
        target.take(work.target, work.tasks, self._wall())
        for task_id in again & set(target.tasks):
            target.tasks[task_id] = replace(target.tasks[task_id], sent=False)
        self._open_targets.settle(work.target)
        template = await self._templates.get(work.target.template_uuid)
        if template is None:
            return
        for task in target.unfinished:
            if target.target.next_try > self._wall():
                return  # one of them failed: the others wait for the next try with it
            if not task.sent:
                await self._send(target, task, template)

    async def _send(self, target: OpenTarget, task: Task, template: Template) -> None:
        level = next((level for level in template.levels if level.name == task.name), None)

        def wanted() -> bool:
            """It may have been reported, finished, replaced or cancelled while it waited for its turn."""
            current = target.tasks.get(task.id)
            open_still = current is not None and current.state is not TargetState.DONE and not current.sent
            return open_still and self._open_targets.get(target.key) is target

        begun = self._wall()
        try:
            if not wanted():
                return
            if level is None or level.info_hash != task.info_hash:
                await self._rollouts.replan(*target.key, self._wall())
                target.again = True
                return
            there = await self._sender.send(task, template, level, wanted)
        except (TerminalOffline, ConnectionEnded) as error:
            await self.explain(target, Reason("waits_for_login", why=error.reason))
        except NotWanted:
            return
        except VoiError as error:
            progress = target.progress.get(task.id)
            if isinstance(error, NoAnswer) and progress is not None and progress.updated > begun:
                await self.goes_on(target, task)  # it works at it, only its answer was lost
                return
            await self.failed(target, task, error.reason)
        else:
            if there:
                await self.done(target, task)
            if there or not wanted():
                return
            self._note_sent(target, task)
            await self._rollouts.sent(task, self._wall())

    def _note_sent(self, target: OpenTarget, task: Task) -> None:
        current = target.tasks.get(task.id)
        if current is not None and current.state is not TargetState.DONE:
            target.tasks[task.id] = replace(current, sent=True, state=TargetState.DOWNLOADING)
            target.target = replace(target.target, state=TargetState.DOWNLOADING, reason="")  # as `sent` writes it down
            target.progress[task.id].alive(self._wall())

    async def goes_on(self, target: OpenTarget, task: Task) -> None:
        """A terminal works at what it was sent before its restart, or ours."""
        self._note_sent(target, task)
        await self._rollouts.sent(task, self._wall())

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
            target.progress[task.id].update(1.0, self._wall())
        if settled is not None:
            self._open_targets.settle(settled)
            if settled.state is TargetState.DONE:
                log.info("rollout {id}: {mac} is done", id=settled.rollout_id, mac=settled.mac)

    async def failed(self, target: OpenTarget, task: Task, reason: str) -> None:
        """A try failed: again after a pause, or never."""
        current = target.tasks.get(task.id)
        if self._open_targets.get(target.key) is not target or current is None or current.state is TargetState.DONE:
            return  # cancelled, replaced or finished meanwhile
        if task.id in target.tasks:  # at once, so that a second word about the same failure finds it counted
            target.tasks[task.id] = replace(target.tasks[task.id], sent=False, state=TargetState.WAITING)
        now = self._wall()
        counted = target.target.next_try > now  # another level has failed in this try already
        attempts = target.target.attempts + (0 if counted else 1)
        pause = target.target.next_try - now if counted else next_pause(attempts)
        full = Reason("disk_failed", disk=str(task.name), why=reason)
        if pause is not None:
            full = Reason("tried_again", disk=str(task.name), why=reason, seconds=pause)
        next_try = None if pause is None else now + pause
        settled = await self._rollouts.failed(task, full, attempts, next_try, now, audit=audit.settled(now))
        log.warn("rollout {id}: {mac}: {reason}", id=task.rollout_id, mac=task.mac, reason=full)
        if settled is not None:
            self._open_targets.settle(settled)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it for nobody who waits; a failure of it is logged."""
        spawn(work, log, "a step of a rollout")


def held_as_reported(level: PublishedLevel) -> ReportedLevel:
    """A published level as a terminal that has it would report it."""
    sectors = level.virtual_size // SECTOR
    return ReportedLevel(level.template_uuid, level.name, level.type, sectors, level.operate_id)
