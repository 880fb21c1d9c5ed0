"""Reports on downloads, from the terminals themselves, the tracker and the seed: what each means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.domain.rollouts import TargetState, Task
from voi.domain.task_progress import ProgressSource
from voi.domain.templates import Template, missing_levels
from voi.errors import Malformed
from voi.messages.reason import Reason, code_of
from voi.names import DiskName
from voi.rollouts.dispatcher import Dispatcher
from voi.rollouts.explanations import Explanations
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.rollouts.outcomes import held_as_reported
from voi.rollouts.sessions import TerminalSessions
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.wire.messages import DownloadResult, TaskState

log = Logger()


class ProgressReceiver:
    """Takes in every word about progress, the freshest counting.

    `update` begins a rollout of a template to a terminal that lacks something of it, where the template says so.
    `task_reported` is told every 9025 too.
    `fetched` counts the bytes by which terminals came nearer to what they lack, since the start.
    """

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        dispatcher: Dispatcher,
        sessions: TerminalSessions,
        explanations: Explanations,
        templates: Templates,
        terminals: Terminals,
        update: Callable[[str, str], Awaitable[None]],
        clock: IReactorTime,
        task_reported: Callable[[str, TaskState], None] = lambda _mac, _state: None,
    ) -> None:
        self._task_reported = task_reported
        self._open_targets = open_targets
        self._dispatcher = dispatcher
        self._sessions = sessions
        self._explanations = explanations
        self._templates = templates
        self._terminals = terminals
        self._update = update
        self._clock = clock
        self.fetched = 0

    async def disks_reported(self, mac: str, template: Template | None) -> None:
        """A terminal said which disks of a template it has: what it has is done, what it lost is lacking again."""
        if template is None:
            return
        reported = [level for level in await self._terminals.disks(mac) if level.confirmed]
        lacking = missing_levels(template.levels, reported)
        names = {level.name for level in lacking}
        for ended, task in self._sessions.done(mac):
            is_open = self._open_targets.get((ended.rollout_id, mac)) is not None
            if ended.template_uuid == template.uuid and task.name in names and not is_open:
                await self._dispatcher.outcomes.reopen(task, ended.attempts, Reason("done_and_lost"))
        mine = [t for t in self._open_targets.of_terminal(mac) if t.target.template_uuid == template.uuid]
        for target in mine:
            await self._reconcile(target, names)
        if lacking and not mine and template.auto_update:
            log.info("{mac} lacks {count} levels of {name}", mac=mac, count=len(lacking), name=template.name)
            await self._update(template.uuid, mac)

    async def _reconcile(self, target: OpenTarget, lacking: set[DiskName]) -> None:
        for task in target.unfinished:
            # What is sent again is not taken as there because the terminal says so: that is what is doubted.
            if task.name not in lacking and not target.target.again:
                await self._dispatcher.outcomes.done(target, task)
        if self._open_targets.get(target.key) is target:
            # What it lost is planned again; where it was to say what it has, that is known now.
            lost = any(task.state is TargetState.DONE and task.name in lacking for task in target.tasks.values())
            if lost or not target.unfinished or any(not task.sent for task in target.unfinished):
                self._dispatcher.drive(target)

    async def task_state(self, mac: str, state: TaskState) -> None:
        """9025."""
        self._sessions.told_result(mac)
        self._task_reported(mac, state)
        tasks = self._open_targets.tasks_named(mac, state.torrent_name)
        ended = state.state in ("finished", "seeding") and state.progress >= 100
        if state.failed and not tasks:
            await self._not_done(mac, state.torrent_name, state.why)
        if not tasks and ended:
            await self._note_held(mac, state.torrent_name)
        for target, task in tasks:
            if state.failed:
                await self._reported_failed(target, task, state.why)
            elif ended:
                await self._said_done(target, task)
            else:
                if state.state == "checking":  # how far the check is says nothing of the download
                    target.progress[task.id].checks(self._clock.seconds())
                else:
                    self._update_progress(target, task, min(state.progress / 100, 1.0), ProgressSource.TERMINAL)
                await self._note_obstacle(target, task, state.why)

    async def download_result(self, mac: str, result: DownloadResult) -> None:
        """9015: 1 is done, 2 is failed, 0 is not started."""
        self._sessions.told_result(mac)
        tasks = self._open_targets.tasks_named(mac, result.disk)
        if not tasks and result.result == 1:
            await self._note_held(mac, result.disk)
        if not tasks and result.result == 2:
            await self._not_done(mac, result.disk, result.why)
        for target, task in tasks:
            if result.result == 1:
                await self._said_done(target, task)
            elif result.result == 2:
                await self._reported_failed(target, task, result.why)
            else:
                why = result.why
                await self._explanations.explain(target, said(why) if why else Reason("not_started"))

    async def _said_done(self, target: OpenTarget, task: Task) -> None:
        if not _doubted(target, task):
            await self._dispatcher.outcomes.done(target, task)

    async def _note_obstacle(self, target: OpenTarget, task: Task, why: str) -> None:
        """A terminal says what stands in its way, or that nothing does any more."""
        progress = target.progress.get(task.id)
        if progress is None or progress.why == why:
            return
        progress.why = why
        if target.obstacle:
            await self._explanations.explain(target, said(target.obstacle))
        elif code_of(target.target.reason) == "terminal_says":
            await self._explanations.explain(target, "")

    async def _not_done(self, mac: str, disk: str, why: str) -> None:
        """A terminal could not keep what it seemed to be done with: its own bad news outweighs what others saw."""
        try:
            name = DiskName.parse(disk)
        except Malformed:
            return
        for target, task in self._sessions.done(mac, name)[:1]:
            await self._dispatcher.outcomes.reopen(task, target.attempts, failure(why))

    async def _note_held(self, mac: str, disk: str) -> None:
        """A terminal finished what no open rollout asks for, such as the repair of a damaged disk."""
        try:
            name = DiskName.parse(disk)
        except Malformed:
            return
        template = await self._templates.by_disk(name.uuid)
        level = next((level for level in template.levels if level.name == name), None) if template else None
        if level is not None:
            await self._terminals.add_level(mac, held_as_reported(level))

    def announced(self, mac: str, info_hash: bytes, left: int) -> None:
        """The tracker knows of a terminal: `left` is how many bytes it lacks of the torrent."""
        for target, task in self._open_targets.tasks_for(mac, info_hash):
            self.see(target, task, max(0.0, 1 - left / task.size), ProgressSource.TRACKER)

    def see(self, target: OpenTarget, task: Task, fraction: float, source: ProgressSource) -> None:
        """What others see of a terminal: a whole peer is done soon, where the terminal itself never says so."""
        if fraction >= 1 and _doubted(target, task):
            return
        self._update_progress(target, task, fraction, source)
        progress = target.progress[task.id]
        if fraction >= 1 and progress.whole is None:
            progress.whole = self._clock.seconds()

    def _update_progress(self, target: OpenTarget, task: Task, fraction: float, source: ProgressSource) -> None:
        progress, now = target.progress[task.id], self._clock.seconds()
        # The first word tells what was there before: of an update, most of the disk.
        if task.sent and 0 < progress.fraction < fraction:
            self.fetched += round(task.size * (fraction - progress.fraction))
        progress.update(fraction, now, source)
        paused = target.due > now  # a late word about the try that failed
        if not task.sent and not paused:  # it goes on by itself, after its restart or ours
            self._dispatcher.spawn(self._dispatcher.outcomes.goes_on(target, task))

    async def _reported_failed(self, target: OpenTarget, task: Task, why: str) -> None:
        """A terminal may report one failure with 9025 and with 9015: it counts once."""
        if task.sent:
            await self._dispatcher.outcomes.failed(target, task, failure(why))


def _doubted(target: OpenTarget, task: Task) -> bool:
    """Whether it is to be sent what it is believed to have, and was not yet: that it seems to have it is no news."""
    return target.target.again and not task.sent


def said(why: str) -> Reason:
    """What a terminal says stands in its way."""
    return Reason("terminal_says", why=why)


def failure(why: str) -> Reason:
    """A terminal says that a download failed, and why where it says that too."""
    return Reason("download_failed_because", why=why) if why else Reason("download_failed")
