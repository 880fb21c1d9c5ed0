"""What a terminal lacks is sent to it, disk after disk, until it has all or is given up."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.rollouts import TargetState, Task, Unconfirmed
from voi.domain.templates import Template
from voi.errors import ConnectionEnded, NoAnswer, StorageMissing, TerminalOffline, VoiError
from voi.messages.reason import Reason, same
from voi.rollouts import audit
from voi.rollouts.explanations import Explanations
from voi.rollouts.interruptions import Interruptions
from voi.rollouts.open_targets import Key, OpenTarget, OpenTargets
from voi.rollouts.outcomes import TaskOutcomes
from voi.rollouts.sender import NotWanted, Sender
from voi.rollouts.sessions import TerminalSessions
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.tasks import in_turns, one_slice_a_turn, spawn
from voi.terminals.interfaces import Connections

log = Logger()

GRACE_SECONDS: Final = 15.0
"""After its login a terminal gets so long to say what it has, and to show that it goes on by itself.

Only then is it sent what it has not named, and again what it was downloading: deployed terminals queue a second 1015 as
a second download.
"""

CONTENT_SECONDS: Final = 60.0
"""How long a target waits before it is tried again to send what the server's own disk does not give."""

AT_A_TURN: Final = 50
"""Targets that are begun in one turn of the reactor: a few milliseconds."""

NOT_SAID: Final = Reason("not_said")


class Dispatcher:
    """Sends to whoever is online what its open targets lack.

    `wall` is the time since the epoch, for what is kept; `clock` is for waiting, and never jumps.
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
        sessions: TerminalSessions,
        explanations: Explanations,
        wall: Callable[[], float],
    ) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._registry = registry
        self._sender = sender
        self._clock = clock
        self._turns = one_slice_a_turn(clock)
        self._open_targets = open_targets
        self._sessions = sessions
        self._explanations = explanations
        self._wall = wall
        self.stopping = False
        self.outcomes = TaskOutcomes(
            rollouts=rollouts,
            templates=templates,
            clock=clock,
            open_targets=open_targets,
            sessions=sessions,
            explanations=explanations,
            drive=self.drive,
            wall=wall,
        )
        self.interruptions = Interruptions(
            rollouts=rollouts, open_targets=open_targets, explanations=explanations, failed=self.outcomes.failed
        )

    def left(self, mac: str) -> None:
        """A terminal went offline: its targets say that they wait for it."""
        self._sessions.end(mac)
        if self.stopping:
            return  # it is the server that goes
        for target in self._open_targets.of_terminal(mac):
            self.spawn(self._left(target))

    async def _left(self, target: OpenTarget) -> None:
        await self.interruptions.note(target)
        await self._explanations.off(target)

    def came(self, mac: str) -> None:
        """A terminal is online: it is sent what it lacks, or goes on by itself with what it was sent before."""
        now = self._clock.seconds()
        is_new, broke = self._sessions.begin(mac, now)
        for target in self._open_targets.of_terminal(mac):
            if is_new:
                target.unsaid = False
                self.spawn(self._came(target, broke=broke))
                for progress in target.progress.values():
                    progress.advanced = now  # time without a connection is no standstill
                    progress.whole = None  # and what was seen before it is no longer sure
                    progress.why = ""
            if any(not task.sent for task in target.unfinished) or not target.tasks:
                self.drive(target)
            if is_new and any(task.sent for task in target.unfinished):
                self._clock.callLater(GRACE_SECONDS, self._send_again_if_silent, target.key, now)

    async def _came(self, target: OpenTarget, *, broke: bool) -> None:
        if broke:  # it is back before anybody saw that it had gone, as a PC that crashed
            await self.interruptions.note(target)
        await self._explanations.on(target)

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
        if target.sending:
            target.again = True
            return
        target.sending = True
        self.spawn(self._drive_until_quiet(target))

    async def _drive_until_quiet(self, target: OpenTarget) -> None:
        try:
            target.again = True
            while target.again and self._open_targets.get(target.key) is target:
                target.again = False
                await self._send_all(target)
        finally:
            target.sending = False

    def _unconfirmed(self, mac: str) -> Unconfirmed:
        """What is made of levels that a terminal has not named since its login."""
        if self._registry.asks(mac):
            return Unconfirmed.THERE
        waits = self._clock.seconds() - self._sessions.began(mac) < GRACE_SECONDS
        return Unconfirmed.UNDECIDED if waits else Unconfirmed.LACKING

    async def _send_all(self, target: OpenTarget) -> None:
        rollout_id, mac = target.key
        if mac not in self._registry:
            await self._explanations.off(target)
            return
        if target.due > self._clock.seconds():
            return  # the tick comes back to it
        again = {task.id for task in target.tasks.values() if not task.sent}
        now, unconfirmed = self._wall(), self._unconfirmed(mac)
        work = await self._rollouts.plan(rollout_id, mac, now, unconfirmed, audit=audit.settled(now))
        if work is None:
            self._open_targets.drop(target.key)
            return
        target.take(work.target, work.tasks, self._clock.seconds())
        target.unsaid = work.unsaid
        for task_id in again & set(target.tasks):
            target.tasks[task_id] = replace(target.tasks[task_id], sent=False)
        self._open_targets.settle(work.target)
        if work.target.state is TargetState.DONE:  # by what its terminal said, which may say something else soon
            for task in (*work.tasks, *work.held):
                self._sessions.note_done(work.target, task)
        if work.unsaid and unconfirmed is Unconfirmed.UNDECIDED:
            rest = self._sessions.began(mac) + GRACE_SECONDS - self._clock.seconds()
            self._clock.callLater(max(0.0, rest), self._drive_if_open, target.key)
            return
        if work.unsaid:
            await self._explanations.explain(target, NOT_SAID)
        elif same(target.target.reason, NOT_SAID):
            await self._explanations.explain(target, "")
        template = await self._templates.get(work.target.template_uuid)
        if template is None:
            return
        for task in target.unfinished:
            if target.due > self._clock.seconds():
                return  # one of them failed: the others wait for the next try with it
            if not task.sent:
                await self._send(target, task, template)

    def _drive_if_open(self, key: Key) -> None:
        if (target := self._open_targets.get(key)) is not None:
            self.drive(target)

    async def _send(self, target: OpenTarget, task: Task, template: Template) -> None:
        level = next((level for level in template.levels if level.name == task.name), None)

        def wanted() -> bool:
            """It may have been reported, finished, replaced or cancelled while it waited for its turn."""
            current = target.tasks.get(task.id)
            open_still = current is not None and current.state is not TargetState.DONE and not current.sent
            return open_still and self._open_targets.get(target.key) is target

        begun = self._clock.seconds()
        try:
            if not wanted():
                return
            if level is None or level.info_hash != task.info_hash:
                await self._rollouts.replan(*target.key, self._wall())
                target.again = True
                return
            there = await self._sender.send(task, template, level, wanted)
        except (TerminalOffline, ConnectionEnded) as error:
            await self._explanations.explain(target, Reason("waits_for_login", why=error.reason))
        except NotWanted:
            return
        except StorageMissing as error:  # no fault of the terminal's
            target.due = self._clock.seconds() + CONTENT_SECONDS
            target.held = True
            await self._explanations.explain(target, error.reason)
        except VoiError as error:
            progress = target.progress.get(task.id)
            if isinstance(error, NoAnswer) and progress is not None and progress.updated > begun:
                await self.outcomes.goes_on(target, task)  # it works at it, only its answer was lost
                return
            await self.outcomes.failed(target, task, error.reason)
        else:
            if there:
                await self.outcomes.done(target, task)
            if there or not wanted():
                return
            await self.outcomes.goes_on(target, task)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it for nobody who waits; a failure of it is logged."""
        spawn(work, log, "a step of a rollout")
