"""Looks after open rollouts: retries that are due, downloads that stand still, and what the seed sees of its peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Final

from twisted.internet.interfaces import IReactorTime

from voi.catalogue.interfaces import Contents
from voi.domain.rollouts import TargetState, Task
from voi.domain.task_progress import NEVER, ProgressSource
from voi.errors import VoiError
from voi.messages.reason import Reason, code_of
from voi.rollouts.dispatcher import Dispatcher
from voi.rollouts.explanations import Explanations
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.rollouts.peer_terminals import terminals_of, told_apart
from voi.rollouts.progress import ProgressReceiver, said
from voi.rollouts.sessions import TerminalSessions
from voi.seeding.interfaces import BitTorrentSession
from voi.tasks import in_turns, one_slice_a_turn
from voi.terminals.interfaces import Connections
from voi.tracker.tracker import Tracker

STALL_SECONDS: Final = 300.0
"""An online terminal that gets nothing for so long has failed this try."""

HELP_SECONDS: Final = 25.0
"""A terminal that gets nothing for so long is helped: the server's own peer connects to it.

The tracker lets a room fetch through few leaders, and a terminal that announces every five minutes, as deployed ones
do, would not soon know that its leader is a dead PC.
"""

MOST_HELPED: Final = 8
"""Terminals of one swarm helped in one tick: where everything stands still, the server is not what is missing."""

STUCK_SECONDS: Final = 60.0
"""A terminal that gets nothing for so long is shown to the administrator, for help did not help it."""

NOTHING_ARRIVES: Final = Reason("nothing_arrives")
"""What is said of it where neither the terminal nor the server's own copy says more."""

SETTLE_SECONDS: Final = 10.0
"""A peer that lacks nothing may not have it on its disk yet, and may find that it cannot write it: terminals that
report results say themselves when it has. What others see settles those alone that say nothing, after so long.
"""

TICK_SECONDS: Final = 5.0
"""How often retries, stalls and the seed's view of its peers are looked at."""

LOOKED_AFTER_AT_A_TURN: Final = 250
"""Targets that are looked after in one turn of the reactor: two milliseconds."""


class UnknownContents(Contents):
    """Contents of which nobody knows anything."""

    def suspect(self, info_hash: bytes) -> None:
        """Nobody reads it again."""

    def problem(self, info_hash: bytes) -> Reason | None:  # noqa: ARG002 - the interface's signature
        """Nothing is known to be wrong."""
        return None


Served = Callable[[bytes, Sequence[tuple[str, int]]], None]
"""Is told what the server's peer has sent to whom of a torrent: MACs, and bytes since it was told last.

Where several terminals are behind one address, who got it may be unknown: it is told of none of them then.
"""


class StallMonitor:
    """Looks at every open target now and then; `contents` knows whether the server's own copies are whole."""

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        dispatcher: Dispatcher,
        progress_receiver: ProgressReceiver,
        sessions: TerminalSessions,
        explanations: Explanations,
        registry: Connections,
        seeder: BitTorrentSession,
        tracker: Tracker,
        contents: Contents,
        served: Served,
        clock: IReactorTime,
        random: Random,
    ) -> None:
        self._open_targets = open_targets
        self._dispatcher = dispatcher
        self._progress_receiver = progress_receiver
        self._sessions = sessions
        self._explanations = explanations
        self._registry = registry
        self._seeder = seeder
        self._tracker = tracker
        self._contents = contents
        self._served = served
        self._clock = clock
        self._turns = one_slice_a_turn(clock)
        self._random = random

    async def tick(self) -> None:
        """Look after retries that are due, downloads that stand still, and what the seed sees of its peers."""
        now = self._clock.seconds()
        needy: dict[bytes, set[str]] = {}
        async for target in in_turns(self._open_targets, LOOKED_AFTER_AT_A_TURN, self._turns):
            if target.target.mac not in self._registry or self._open_targets.get(target.key) is not target:
                continue
            unfinished = target.unfinished
            problem = self._problem(unfinished)
            if problem is not None or target.held:
                await self._hold(target, problem, now)
            due = not target.sending and not target.unsaid and target.due <= now
            if due and (not target.tasks or any(not task.sent for task in unfinished)):
                self._dispatcher.drive(target)
            if target.target.fruitless:
                await self._dispatcher.interruptions.look_after(target)
            for task in unfinished:
                if task.id in target.progress:  # else planned anew meanwhile
                    await self._look_after(target, task, now, needy)
        for info_hash in self._open_targets.info_hashes():
            connected = await self._look_at_peers(info_hash)
            macs = needy.get(info_hash, set())
            # One of whom nobody is connected has a network of its own that does not work; these get wrong bytes.
            if macs & connected or len(macs) > 1:
                self._contents.suspect(info_hash)
        for info_hash, macs in needy.items():
            self._help(info_hash, macs)

    async def _look_after(self, target: OpenTarget, task: Task, now: float, needy: dict[bytes, set[str]]) -> None:
        progress, mac = target.progress[task.id], task.mac
        is_whole = progress.whole is not None and now - progress.whole >= SETTLE_SECONDS
        if is_whole and not self._sessions.tells_results(mac):
            await self._dispatcher.outcomes.done(target, task)
            return
        if not task.sent or target.held:
            return
        idle = self._idle(target, now)
        if idle >= STALL_SECONDS:
            await self._dispatcher.outcomes.failed(target, task, _stalled(target.obstacle, idle))
        elif idle >= HELP_SECONDS:
            needy.setdefault(task.info_hash, set()).add(mac)
            if idle >= STUCK_SECONDS:
                why = target.obstacle
                await self._explanations.explain(target, said(why) if why else NOTHING_ARRIVES)
        elif code_of(target.target.reason) == NOTHING_ARRIVES.code:
            await self._explanations.explain(target, "")

    def _problem(self, unfinished: Iterable[Task]) -> Reason | None:
        """What is wrong with the server's copy of what a target lacks, if anything is."""
        for task in unfinished:
            if (problem := self._contents.problem(task.info_hash)) is not None:
                return problem
        return None

    async def _hold(self, target: OpenTarget, problem: Reason | None, now: float) -> None:
        """Where the server lacks what a terminal waits for, that is what is said, and no time counts against it."""
        if problem is not None and target.held and target.due > now:
            await self._explanations.explain(target, problem)  # the server could not read it a moment ago
        elif problem is not None:
            idle = self._idle(target, now)
            waits = target.target.state is TargetState.WAITING and target.due <= now
            if target.held or waits or idle >= HELP_SECONDS:
                target.held = idle >= HELP_SECONDS or waits
                await self._explanations.explain(target, problem if target.held else "")
        elif target.held and target.due <= now:
            target.held = False
            for progress in target.progress.values():
                progress.advanced = now
            await self._explanations.explain(target, "")

    def _help(self, info_hash: bytes, macs: set[str]) -> None:
        """Let the server's own peer connect to some of these terminals, where they are in the swarm."""
        peers = [peer for peer in self._tracker.peers(info_hash) if peer.terminal in macs]
        for peer in self._random.sample(peers, min(MOST_HELPED, len(peers))):
            self._seeder.connect(info_hash, peer.host, peer.port)

    async def _look_at_peers(self, info_hash: bytes) -> set[str]:
        """Take in what the server's own peer sees of terminals; those that are connected to it."""
        announced = self._tracker.peers(info_hash)
        # Of those that are told apart nothing sent is measured as well.
        self._served(info_hash, [(mac, 0) for mac in told_apart(announced)])
        try:
            peers = await self._seeder.ask_peers(info_hash)
        except VoiError:
            return set()  # a torrent that cannot be seeded now is reported where that was found
        known = terminals_of([(peer.host, peer.port) for peer in peers], announced)
        for peer in peers:
            mac = known.get((peer.host, peer.port))
            for target, task in self._open_targets.tasks_for(mac, info_hash) if mac is not None else ():
                self._progress_receiver.see(target, task, peer.progress, ProgressSource.SEED)
        return set(known.values())

    def sent(self, info_hash: bytes, sent: Sequence[tuple[str, int, int]]) -> None:
        """The server's peer has sent bytes: host and port of each connection, and how many since the last word."""
        known = terminals_of([(host, port) for host, port, _ in sent], self._tracker.peers(info_hash))
        told = [(mac, count) for host, port, count in sent if (mac := known.get((host, port))) is not None]
        if told:
            self._served(info_hash, told)

    def failing(self) -> dict[int, int]:
        """For each open rollout in which terminals failed and wait for their next try: how many."""
        return dict(Counter(target.key[0] for target in self._open_targets if target.target.has_failed))

    def stalled(self) -> dict[int, int]:
        """For each open rollout in which terminals get nothing, though they are online and were sent it: how many."""
        now, counts = self._clock.seconds(), Counter[int]()
        for target in self._open_targets:
            if any(now - progress.advanced < STUCK_SECONDS for progress in target.progress.values()):
                continue  # most get on, and a page is waiting
            rollout_id, mac = target.key
            at_work = mac in self._registry and any(task.sent for task in target.unfinished)
            if at_work and self._idle(target, now) >= STUCK_SECONDS:
                counts[rollout_id] += 1
        return dict(counts)

    def _idle(self, target: OpenTarget, now: float) -> float:
        """For how long a terminal gets nothing, without its pauses between tries.

        By the terminal, not by the task: one that fetches disk after disk stands still at none of them.
        """
        targets = self._open_targets.of_terminal(target.target.mac)
        advances = (progress.advanced for one in targets for progress in one.progress.values())
        return now - max(max(advances, default=NEVER), target.due)


def _stalled(why: str, idle: float) -> Reason:
    """Why a try is given up that brought nothing any more."""
    if why:
        return Reason("stalled_because", minutes=idle / 60, why=why)
    return Reason("stalled", minutes=idle / 60)
