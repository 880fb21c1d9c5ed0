"""Rollouts from beginning to end: who gets what next, and what every word about progress means.

Everything that must not be lost is in the database before it is done; what is here can be made again from it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, KeysView, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from voi.domain.rollouts import Rollout, Target, TargetState, Task, next_pause
from voi.domain.templates import PublishedLevel, Template, missing_levels
from voi.domain.terminals import ReportedLevel
from voi.errors import Conflict, ConnectionEnded, Malformed, NoAnswer, NotFound, TerminalOffline, VoiError
from voi.names import DiskName
from voi.reasons import Reason
from voi.rollouts.board import Board, Key, OpenTarget
from voi.rollouts.seams import CommandSender, Fleet, Seeder, Tracker
from voi.rollouts.sender import NotWanted, Sender
from voi.store.rollouts import Rollouts
from voi.store.templates import Templates
from voi.store.terminals import Terminals
from voi.wire.codes import Code
from voi.wire.messages import SECTOR, DownloadResult, TaskState

log = Logger()

GRACE_SECONDS: Final = 15.0
"""After its login a terminal that was downloading gets so long to show that it goes on by itself.

Only then is the disk sent again: deployed terminals queue a second 1015 as a second download.
"""

STALL_SECONDS: Final = 300.0
"""An online terminal that gets nothing for so long has failed this try."""

HELP_SECONDS: Final = 25.0
"""A terminal that gets nothing for so long is helped: the server's own peer connects to it.

The tracker lets a room fetch through few leaders, and a terminal that announces every five minutes, as deployed ones
do, would not soon hear that its leader is a dead PC.
"""

MOST_HELPED: Final = 8
"""Terminals of one swarm helped in one tick: where everything stands still, the server is not what is missing."""

STUCK_SECONDS: Final = 60.0
"""A terminal that gets nothing for so long is shown to the administrator, for help did not help it."""

SETTLE_SECONDS: Final = 10.0
"""A peer that lacks nothing may not have it on its disk yet; terminals that report results do so by then."""

OFFLINE: Final = Reason("goes_on_at_login")

TICK_SECONDS: Final = 5.0
"""How often retries, stalls and the seed's view of its peers are looked at."""


LOOKED_AFTER_AT_A_TURN: Final = 250
"""Targets that are looked after in one turn of the reactor: two milliseconds."""

AT_A_TURN: Final = 50
"""Targets that are begun in one turn of the reactor: a few milliseconds."""


class RolloutCoordinator:
    """Drives every open rollout.

    `wall` is the time since the epoch, for what is kept; `clock` is for waiting. `served` is told what the server's
    peer has sent to whom of a torrent: MACs, and bytes since each connection began. `ended` is called with each target
    that is done or has failed, `begun_itself` with a rollout that nobody asked for: an automatic update. `fetched`
    counts the bytes by which terminals came nearer to what they lack, since the start.
    """

    def __init__(
        self,
        *,
        rollouts: Rollouts,
        templates: Templates,
        terminals: Terminals,
        fleet: Fleet,
        sender: Sender,
        commands: CommandSender,
        seeder: Seeder,
        tracker: Tracker,
        clock: IReactorTime,
        board: Board | None = None,
        served: Callable[[bytes, Sequence[tuple[str, int]]], None] = lambda _info_hash, _sent: None,
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._terminals = terminals
        self._fleet = fleet
        self._sender = sender
        self._commands = commands
        self._seeder = seeder
        self._tracker = tracker
        self._clock = clock
        self._wall = wall
        self._random = random or Random()  # noqa: S311 - who is helped first is no secret
        self.ended: list[Callable[[Target], None]] = []
        self.begun_itself: list[Callable[[Rollout], None]] = []
        self.fetched = 0
        self._board = Board() if board is None else board
        self._served = served
        fleet.online.append(self._came)
        fleet.offline.append(self._left)

    # Beginning and end.

    async def recover(self) -> None:
        """After a start: take up every target that is open."""
        now = self._wall()
        for work in await self._rollouts.open_work():
            self._board.put(work.target).take(work.target, work.tasks, now)
        if len(self._board):
            log.info("{count} terminals have rollouts to finish", count=len(self._board))
        for mac in self._fleet:
            self._came(mac)

    async def begin(self, template_uuid: str, macs: Sequence[str] | None) -> Rollout:
        """Roll a template's newest version out to terminals, or to all; it is on disk when this returns.

        :raises UnknownTemplate, UnknownTerminal, Conflict: as `Rollouts.begin` says.
        """
        rollout = await self._rollouts.begin(template_uuid, macs, self._wall())
        begun: list[OpenTarget] = []
        for target in rollout.targets:
            for older in self._board.of_terminal(target.mac):
                if older.target.template_uuid == template_uuid and older.target.rollout_id < rollout.id:
                    self._board.drop(older.key)
            begun.append(self._board.put(target))
        self._spawn(self._drive_all(begun))
        log.info("rollout {id}: {count} terminals", id=rollout.id, count=len(rollout.targets))
        return rollout

    async def cancel(self, rollout_id: int) -> None:
        """End a rollout; terminals that fetch for it are told to stop, now or at their next login.

        :raises NotFound: there is none of this number.
        :raises Conflict: it has ended already.
        """
        rollout = await self._rollouts.get(rollout_id)
        if rollout is None:
            raise NotFound(Reason("no_rollout", number=rollout_id))
        if rollout.state not in ("running", "cancelled"):
            raise Conflict(Reason("rollout_ended", number=rollout_id, state=rollout.state))
        commands = await self._rollouts.cancel(rollout_id, Code.CANCEL_SEND, self._wall())
        for target in rollout.targets:
            self._board.drop((rollout_id, target.mac))
        for command in commands or ():
            self._commands.send(command)

    def open_targets(self) -> Iterator[tuple[int, str, str, float]]:
        """Whom a rollout still wants something of: rollout, MAC, state, progress from 0 to 1."""
        return ((x.target.rollout_id, x.target.mac, x.target.state, x.fraction()) for x in self._board)

    def open_progress(self, rollout_id: int) -> float:
        """The sum of the progress of a rollout's open targets, each from 0 to 1."""
        return sum(target.fraction() for target in self._board if target.target.rollout_id == rollout_id)

    async def retry(self, rollout_id: int) -> list[str]:
        """Let the terminals that failed try again; their MACs.

        :raises NotFound, Conflict: as `Rollouts.retry` says.
        """
        targets = await self._rollouts.retry(rollout_id, self._wall())
        self._spawn(self._drive_all([self._board.put(target) for target in targets]))
        return [target.mac for target in targets]

    def progress(self, target: Target) -> float:
        """How far a target is, 0 to 1."""
        if target.state is TargetState.DONE:
            return 1.0
        found = self._board.get((target.rollout_id, target.mac))
        return found.fraction() if found else 0.0

    def standing_still(self) -> dict[int, int]:
        """For each open rollout in which terminals get nothing, though they are online and were sent it: how many."""
        now, counts = self._wall(), Counter[int]()
        for target in self._board:
            if any(now - progress.advanced < STUCK_SECONDS for progress in target.progress.values()):
                continue  # most get on, and a page is waiting
            rollout_id, mac = target.key
            at_work = mac in self._fleet and any(task.sent for task in target.unfinished)
            if at_work and now - self._last_advance(mac) >= STUCK_SECONDS:
                counts[rollout_id] += 1
        return dict(counts)

    # Sending.

    def _left(self, mac: str) -> None:
        for target in self._board.of_terminal(mac):
            self._spawn(self._explain(target, OFFLINE))

    async def _explain(self, target: OpenTarget, reason: str) -> None:
        await self._rollouts.explain(*target.key, reason, self._wall())

    def _came(self, mac: str) -> None:
        now = self._wall()
        for target in self._board.of_terminal(mac):
            if not target.target.attempts:
                self._spawn(self._explain(target, ""))
            for progress in target.progress.values():
                progress.advanced = now  # time without a connection is no standstill
                progress.whole = None  # and what was seen before it is no longer sure
            if any(not task.sent for task in target.unfinished) or not target.tasks:
                self._drive(target)
            if any(task.sent for task in target.unfinished):
                self._clock.callLater(GRACE_SECONDS, self._send_again_if_silent, target.key, now)

    def _send_again_if_silent(self, key: Key, since: float) -> None:
        target = self._board.get(key)
        if target is None or target.target.mac not in self._fleet:
            return
        silent = [task for task in target.unfinished if task.sent and target.progress[task.id].heard < since]
        for task in silent:
            target.tasks[task.id] = replace(task, sent=False)
        if silent:
            self._drive(target)

    async def _drive_all(self, targets: Sequence[OpenTarget]) -> None:
        """Some at a turn: a rollout to a whole site must not hold up everybody else."""
        for index, target in enumerate(targets):
            if index and not index % AT_A_TURN:
                await deferLater(self._clock, 0)
            self._drive(target)

    def _drive(self, target: OpenTarget) -> None:
        if target.driving:
            target.again = True
            return
        target.driving = True
        self._spawn(self._drive_until_quiet(target))

    async def _drive_until_quiet(self, target: OpenTarget) -> None:
        try:
            target.again = True
            while target.again and self._board.get(target.key) is target:
                target.again = False
                await self._send_all(target)
        finally:
            target.driving = False

    async def _send_all(self, target: OpenTarget) -> None:
        rollout_id, mac = target.key
        if mac not in self._fleet:
            await self._explain(target, OFFLINE)
            return
        if target.target.next_try > self._wall():
            return  # the tick comes back to it
        again = {task.id for task in target.tasks.values() if not task.sent}
        work = await self._rollouts.plan(rollout_id, mac, self._wall())
        if work is None:
            self._board.drop(target.key)
            return
        target.take(work.target, work.tasks, self._wall())
        for task_id in again & set(target.tasks):
            target.tasks[task_id] = replace(target.tasks[task_id], sent=False)
        self._settle(work.target)
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
            """It may have been heard of, finished, replaced or cancelled while it waited for its turn."""
            current = target.tasks.get(task.id)
            open_still = current is not None and current.state is not TargetState.DONE and not current.sent
            return open_still and self._board.get(target.key) is target

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
            await self._explain(target, Reason("waits_for_login", why=error.reason))
        except NotWanted:
            return
        except VoiError as error:
            progress = target.progress.get(task.id)
            if isinstance(error, NoAnswer) and progress is not None and progress.heard > begun:
                await self._goes_on(target, task)  # it works at it, only its answer was lost
                return
            await self._failed(target, task, error.reason)
        else:
            if there:
                await self._done(target, task)
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

    # What is heard.

    async def disks_reported(self, mac: str, template: Template | None) -> None:
        """A terminal said which disks of a template it has: what it has is done, what it lost is lacking again."""
        if template is None:
            return
        reported = await self._terminals.disks(mac)
        lacking = missing_levels(template.levels, reported)
        names = {level.name for level in lacking}
        mine = [t for t in self._board.of_terminal(mac) if t.target.template_uuid == template.uuid]
        for target in mine:
            await self._reconcile(target, names)
        if lacking and not mine and template.auto_update:
            log.info("{mac} lacks {count} levels of {name}", mac=mac, count=len(lacking), name=template.name)
            rollout = await self.begin(template.uuid, [mac])
            for listener in self.begun_itself:
                listener(rollout)

    async def _reconcile(self, target: OpenTarget, lacking: set[Any]) -> None:
        for task in target.unfinished:
            if task.name not in lacking:
                await self._done(target, task)
        lost = [t for t in target.tasks.values() if t.state is TargetState.DONE and t.name in lacking]
        if lost and self._board.get(target.key) is target:
            await self._rollouts.replan(*target.key, self._wall())
            target.tasks.clear()
            self._drive(target)

    async def task_state(self, mac: str, state: TaskState) -> None:
        """9025."""
        tasks = self._board.tasks_named(mac, state.torrent_name)
        ended = state.state in ("finished", "seeding") and state.progress >= 100
        if not tasks and ended:
            await self._note_held(mac, state.torrent_name)
        for target, task in tasks:
            if state.failed:
                await self._reported_failed(target, task)
            elif ended:
                await self._done(target, task)
            elif state.state == "checking":
                target.progress[task.id].alive(self._wall())  # how far the check is says nothing of the download
            else:
                self._hear(target, task, min(state.progress / 100, 1.0))

    async def download_result(self, mac: str, result: DownloadResult) -> None:
        """9015: 1 is done, 2 is failed, 0 is not started."""
        tasks = self._board.tasks_named(mac, result.disk)
        if not tasks and result.result == 1:
            await self._note_held(mac, result.disk)
        for target, task in tasks:
            if result.result == 1:
                await self._done(target, task)
            elif result.result == 2:
                await self._reported_failed(target, task)
            else:
                await self._explain(target, Reason("not_started"))

    async def _note_held(self, mac: str, disk: str) -> None:
        """A terminal finished what no open rollout asks for, such as the repair of a damaged disk."""
        try:
            name = DiskName.parse(disk)
        except Malformed:
            return
        template = await self._templates.by_disk(name.uuid)
        level = next((level for level in template.levels if level.name == name), None) if template else None
        if level is not None:
            await self._terminals.add_level(mac, _held(level))

    @property
    def terminals(self) -> KeysView[str]:
        """The MACs of terminals with an open rollout, as they are whenever it is looked into."""
        return self._board.terminals

    def announced(self, mac: str, info_hash: bytes, left: int) -> None:
        """The tracker heard of a terminal: `left` is how many bytes it lacks of the torrent."""
        for target, task in self._board.tasks_for(mac, info_hash):
            self._see(target, task, max(0.0, 1 - left / task.size))

    def _see(self, target: OpenTarget, task: Task, fraction: float) -> None:
        """What others see of a terminal: a whole peer is done soon, unless the terminal itself says so first."""
        self._hear(target, task, fraction)
        progress = target.progress[task.id]
        if fraction >= 1 and progress.whole is None:
            progress.whole = self._wall()

    def _hear(self, target: OpenTarget, task: Task, fraction: float) -> None:
        progress = target.progress[task.id]
        # The first word tells what was there before: of an update, most of the disk.
        if task.sent and 0 < progress.fraction < fraction:
            self.fetched += round(task.size * (fraction - progress.fraction))
        progress.hear(fraction, self._wall())
        paused = target.target.next_try > self._wall()  # a late word about the try that failed
        if not task.sent and not paused:  # it goes on by itself, after its restart or ours
            self._spawn(self._goes_on(target, task))

    async def _goes_on(self, target: OpenTarget, task: Task) -> None:
        self._note_sent(target, task)
        await self._rollouts.sent(task, self._wall())

    async def _done(self, target: OpenTarget, task: Task) -> None:
        template = await self._templates.get(target.target.template_uuid)
        levels = template.levels if template else ()
        level = next((level for level in levels if level.name == task.name), None)
        bare = ReportedLevel(target.target.template_uuid, task.name)
        held = replace(_held(level) if level else bare, operate_id=task.operate_id)
        settled = await self._rollouts.done(task, held, self._wall())
        if task.id in target.tasks:
            target.tasks[task.id] = replace(target.tasks[task.id], state=TargetState.DONE, sent=True)
            target.progress[task.id].hear(1.0, self._wall())
        if settled is not None:
            self._settle(settled)
            if settled.state is TargetState.DONE:
                log.info("rollout {id}: {mac} is done", id=settled.rollout_id, mac=settled.mac)

    async def _reported_failed(self, target: OpenTarget, task: Task) -> None:
        """A terminal may report one failure with 9025 and with 9015: it counts once."""
        if task.sent:
            await self._failed(target, task, Reason("download_failed"))

    async def _failed(self, target: OpenTarget, task: Task, reason: str) -> None:
        """A try failed: again after a pause, or never."""
        current = target.tasks.get(task.id)
        if self._board.get(target.key) is not target or current is None or current.state is TargetState.DONE:
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
        settled = await self._rollouts.failed(task, full, attempts, next_try, now)
        log.warn("rollout {id}: {mac}: {reason}", id=task.rollout_id, mac=task.mac, reason=full)
        if settled is not None:
            self._settle(settled)

    def _settle(self, target: Target) -> None:
        """Take a target's new state, and tell of one that has ended."""
        was_open = self._board.get((target.rollout_id, target.mac)) is not None
        self._board.settle(target)
        if was_open and target.state in (TargetState.DONE, TargetState.FAILED):
            for listener in self.ended:
                listener(target)

    # The tick.

    async def tick(self) -> None:
        """Look after retries that are due, downloads that stand still, and what the seed sees of its peers."""
        now = self._wall()
        needy: dict[bytes, set[str]] = {}
        for index, target in enumerate(self._board):
            if index and not index % LOOKED_AFTER_AT_A_TURN:
                await deferLater(self._clock, 0)
            if target.target.mac not in self._fleet or self._board.get(target.key) is not target:
                continue
            due = not target.driving and target.target.next_try <= now
            if due and (not target.tasks or any(not task.sent for task in target.unfinished)):
                self._drive(target)
            for task in target.unfinished:
                if task.id not in target.progress:
                    continue  # planned anew meanwhile
                whole = target.progress[task.id].whole
                if whole is not None and now - whole >= SETTLE_SECONDS:
                    await self._done(target, task)
                    continue
                # By the terminal, not by the task: one that fetches disk after disk stands still at none of them.
                idle = now - self._last_advance(target.target.mac)
                if task.sent and idle >= STALL_SECONDS:
                    await self._failed(target, task, Reason("stalled", minutes=idle / 60))
                elif task.sent and idle >= HELP_SECONDS:
                    needy.setdefault(task.info_hash, set()).add(task.mac)
        for info_hash in self._board.info_hashes():
            await self._look_at_peers(info_hash)
        for info_hash, macs in needy.items():
            self._help(info_hash, macs)

    def _help(self, info_hash: bytes, macs: set[str]) -> None:
        """Let the server's own peer connect to some of these terminals, where they are in the swarm."""
        peers = [peer for peer in self._tracker.peers(info_hash) if peer.terminal in macs]
        for peer in self._random.sample(peers, min(MOST_HELPED, len(peers))):
            self._seeder.connect(info_hash, peer.host, peer.port)

    def _last_advance(self, mac: str) -> float:
        targets = self._board.of_terminal(mac)
        return max(progress.advanced for target in targets for progress in target.progress.values())

    async def _look_at_peers(self, info_hash: bytes) -> None:
        terminals = {(peer.host, peer.port): peer.terminal for peer in self._tracker.peers(info_hash)}
        try:
            peers = await self._seeder.ask_peers(info_hash)
        except VoiError:
            return  # a torrent that cannot be seeded now is reported where that was found
        known = [(peer, mac) for peer in peers if (mac := terminals.get((peer.host, peer.port))) is not None]
        self._served(info_hash, [(mac, peer.total_up) for peer, mac in known])
        for peer, mac in known:
            for target, task in self._board.tasks_for(mac, info_hash):
                self._see(target, task, peer.progress)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        Deferred.fromCoroutine(work).addErrback(lambda failure: log.failure("a rollout's step failed", failure))


def _held(level: PublishedLevel) -> ReportedLevel:
    """A published level as a terminal that has it would report it."""
    sectors = level.virtual_size // SECTOR
    return ReportedLevel(level.template_uuid, level.name, level.type, sectors, level.operate_id)
