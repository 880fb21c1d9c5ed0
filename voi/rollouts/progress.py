"""Reports on downloads, from the terminals themselves, the tracker and the seed: what each means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.logger import Logger

from voi.domain.rollouts import TargetState, Task
from voi.domain.templates import Template, missing_levels
from voi.errors import Malformed
from voi.messages.reason import Reason
from voi.names import DiskName
from voi.rollouts.dispatcher import Dispatcher, held_as_reported
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.wire.messages import DownloadResult, TaskState

log = Logger()


class ProgressReceiver:
    """Takes in every word about progress, the freshest counting.

    `update` begins a rollout of a template to a terminal that lacks something of it, where the template says so.
    `fetched` counts the bytes by which terminals came nearer to what they lack, since the start.
    """

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        dispatcher: Dispatcher,
        rollouts: Rollouts,
        templates: Templates,
        terminals: Terminals,
        update: Callable[[str, str], Awaitable[None]],
        wall: Callable[[], float],
    ) -> None:
        self._open_targets = open_targets
        self._dispatcher = dispatcher
        self._rollouts = rollouts
        self._templates = templates
        self._terminals = terminals
        self._update = update
        self._wall = wall
        self.fetched = 0

    async def disks_reported(self, mac: str, template: Template | None) -> None:
        """A terminal said which disks of a template it has: what it has is done, what it lost is lacking again."""
        if template is None:
            return
        reported = await self._terminals.disks(mac)
        lacking = missing_levels(template.levels, reported)
        names = {level.name for level in lacking}
        mine = [t for t in self._open_targets.of_terminal(mac) if t.target.template_uuid == template.uuid]
        for target in mine:
            await self._reconcile(target, names)
        if lacking and not mine and template.auto_update:
            log.info("{mac} lacks {count} levels of {name}", mac=mac, count=len(lacking), name=template.name)
            await self._update(template.uuid, mac)

    async def _reconcile(self, target: OpenTarget, lacking: set[Any]) -> None:
        for task in target.unfinished:
            # What is sent again is not taken as there because the terminal says so: that is what is doubted.
            if task.name not in lacking and not target.target.again:
                await self._dispatcher.done(target, task)
        lost = [t for t in target.tasks.values() if t.state is TargetState.DONE and t.name in lacking]
        if lost and self._open_targets.get(target.key) is target:
            await self._rollouts.replan(*target.key, self._wall())
            target.tasks.clear()
            self._dispatcher.drive(target)

    async def task_state(self, mac: str, state: TaskState) -> None:
        """9025."""
        tasks = self._open_targets.tasks_named(mac, state.torrent_name)
        ended = state.state in ("finished", "seeding") and state.progress >= 100
        if not tasks and ended:
            await self._note_held(mac, state.torrent_name)
        for target, task in tasks:
            if state.failed:
                await self._reported_failed(target, task)
            elif ended:
                await self._dispatcher.done(target, task)
            elif state.state == "checking":
                target.progress[task.id].alive(self._wall())  # how far the check is says nothing of the download
            else:
                self._update_progress(target, task, min(state.progress / 100, 1.0))

    async def download_result(self, mac: str, result: DownloadResult) -> None:
        """9015: 1 is done, 2 is failed, 0 is not started."""
        tasks = self._open_targets.tasks_named(mac, result.disk)
        if not tasks and result.result == 1:
            await self._note_held(mac, result.disk)
        for target, task in tasks:
            if result.result == 1:
                await self._dispatcher.done(target, task)
            elif result.result == 2:
                await self._reported_failed(target, task)
            else:
                await self._dispatcher.explain(target, Reason("not_started"))

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
            self.see(target, task, max(0.0, 1 - left / task.size))

    def see(self, target: OpenTarget, task: Task, fraction: float) -> None:
        """What others see of a terminal: a whole peer is done soon, unless the terminal itself says so first."""
        self._update_progress(target, task, fraction)
        progress = target.progress[task.id]
        if fraction >= 1 and progress.whole is None:
            progress.whole = self._wall()

    def _update_progress(self, target: OpenTarget, task: Task, fraction: float) -> None:
        progress = target.progress[task.id]
        # The first word tells what was there before: of an update, most of the disk.
        if task.sent and 0 < progress.fraction < fraction:
            self.fetched += round(task.size * (fraction - progress.fraction))
        progress.update(fraction, self._wall())
        paused = target.target.next_try > self._wall()  # a late word about the try that failed
        if not task.sent and not paused:  # it goes on by itself, after its restart or ours
            self._dispatcher.spawn(self._dispatcher.goes_on(target, task))

    async def _reported_failed(self, target: OpenTarget, task: Task) -> None:
        """A terminal may report one failure with 9025 and with 9015: it counts once."""
        if task.sent:
            await self._dispatcher.failed(target, task, Reason("download_failed"))
