"""Looks after open rollouts: retries that are due, downloads that stand still, and what the seed sees of its peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from twisted.internet.interfaces import IReactorTime

from voi.errors import VoiError
from voi.messages.reason import Reason, code_of
from voi.rollouts.dispatcher import Dispatcher
from voi.rollouts.open_targets import OpenTargets
from voi.rollouts.peer_terminals import terminals_of
from voi.rollouts.progress import ProgressReceiver
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
"""What is said of it."""

SETTLE_SECONDS: Final = 10.0
"""A peer that lacks nothing may not have it on its disk yet; terminals that report results do so by then."""

TICK_SECONDS: Final = 5.0
"""How often retries, stalls and the seed's view of its peers are looked at."""

LOOKED_AFTER_AT_A_TURN: Final = 250
"""Targets that are looked after in one turn of the reactor: two milliseconds."""


Served = Callable[[bytes, Sequence[tuple[str, int]]], None]
"""Is told what the server's peer has sent to whom of a torrent: MACs, and bytes since it was told last.

Where several terminals are behind one address, who got it may be unknown: it is told of none of them then.
"""


class StallMonitor:
    """Looks at every open target now and then."""

    def __init__(
        self,
        *,
        open_targets: OpenTargets,
        dispatcher: Dispatcher,
        progress_receiver: ProgressReceiver,
        registry: Connections,
        seeder: BitTorrentSession,
        tracker: Tracker,
        served: Served,
        clock: IReactorTime,
        wall: Callable[[], float],
        random: Random,
    ) -> None:
        self._open_targets = open_targets
        self._dispatcher = dispatcher
        self._progress_receiver = progress_receiver
        self._registry = registry
        self._seeder = seeder
        self._tracker = tracker
        self._served = served
        self._turns = one_slice_a_turn(clock)
        self._wall = wall
        self._random = random

    async def tick(self) -> None:
        """Look after retries that are due, downloads that stand still, and what the seed sees of its peers."""
        now = self._wall()
        needy: dict[bytes, set[str]] = {}
        async for target in in_turns(self._open_targets, LOOKED_AFTER_AT_A_TURN, self._turns):
            if target.target.mac not in self._registry or self._open_targets.get(target.key) is not target:
                continue
            due = not target.sending and target.target.next_try <= now
            if due and (not target.tasks or any(not task.sent for task in target.unfinished)):
                self._dispatcher.drive(target)
            for task in target.unfinished:
                if task.id not in target.progress:
                    continue  # planned anew meanwhile
                whole = target.progress[task.id].whole
                if whole is not None and now - whole >= SETTLE_SECONDS:
                    await self._dispatcher.done(target, task)
                    continue
                # By the terminal, not by the task: one that fetches disk after disk stands still at none of them.
                idle = now - self._last_advance(target.target.mac)
                if task.sent and idle >= STALL_SECONDS:
                    await self._dispatcher.failed(target, task, Reason("stalled", minutes=idle / 60))
                elif task.sent and idle >= HELP_SECONDS:
                    needy.setdefault(task.info_hash, set()).add(task.mac)
                    if idle >= STUCK_SECONDS:
                        await self._dispatcher.explain(target, NOTHING_ARRIVES)
                elif code_of(target.target.reason) == NOTHING_ARRIVES.code:
                    await self._dispatcher.explain(target, "")
        for info_hash in self._open_targets.info_hashes():
            await self._look_at_peers(info_hash)
        for info_hash, macs in needy.items():
            self._help(info_hash, macs)

    def _help(self, info_hash: bytes, macs: set[str]) -> None:
        """Let the server's own peer connect to some of these terminals, where they are in the swarm."""
        peers = [peer for peer in self._tracker.peers(info_hash) if peer.terminal in macs]
        for peer in self._random.sample(peers, min(MOST_HELPED, len(peers))):
            self._seeder.connect(info_hash, peer.host, peer.port)

    async def _look_at_peers(self, info_hash: bytes) -> None:
        try:
            peers = await self._seeder.ask_peers(info_hash)
        except VoiError:
            return  # a torrent that cannot be seeded now is reported where that was found
        known = terminals_of([(peer.host, peer.port) for peer in peers], self._tracker.peers(info_hash))
        for peer in peers:
            mac = known.get((peer.host, peer.port))
            for target, task in self._open_targets.tasks_for(mac, info_hash) if mac is not None else ():
                self._progress_receiver.see(target, task, peer.progress)

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
        now, counts = self._wall(), Counter[int]()
        for target in self._open_targets:
            if any(now - progress.advanced < STUCK_SECONDS for progress in target.progress.values()):
                continue  # most get on, and a page is waiting
            rollout_id, mac = target.key
            at_work = mac in self._registry and any(task.sent for task in target.unfinished)
            if at_work and now - self._last_advance(mac) >= STUCK_SECONDS:
                counts[rollout_id] += 1
        return dict(counts)

    def _last_advance(self, mac: str) -> float:
        targets = self._open_targets.of_terminal(mac)
        return max(progress.advanced for target in targets for progress in target.progress.values())
