"""Rollouts from beginning to end: begun, cancelled, tried again, and taken up after a restart.

Everything that must not be lost is in the database before it is done; what is here can be made again from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, KeysView, Sequence
from random import Random

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.catalogue.interfaces import Contents
from voi.clock import believable_pause
from voi.domain.actors import SERVER, Actor
from voi.domain.command_outcomes import Command
from voi.domain.rollouts import RETRY_PAUSES, Rollout, Target, TargetState
from voi.errors import Conflict, NotFound
from voi.messages.reason import Reason
from voi.rollouts import audit
from voi.rollouts.bad_copies import BadCopies
from voi.rollouts.dispatcher import Dispatcher
from voi.rollouts.explanations import Explanations
from voi.rollouts.open_targets import OpenTarget, OpenTargets
from voi.rollouts.progress import ProgressReceiver
from voi.rollouts.sender import Sender
from voi.rollouts.sessions import TerminalSessions
from voi.rollouts.stalls import Served, StallMonitor, UnknownContents
from voi.seeding.interfaces import BitTorrentSession
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.store.interfaces.terminals import Terminals
from voi.terminals.interfaces import Connections
from voi.tracker.tracker import Tracker

log = Logger()


class RolloutCoordinator:
    """Every open rollout; `progress_receiver` takes reports on downloads, `stall_monitor` watches them.

    `wall` is the time since the epoch, for what is kept; `clock` is for waiting. What a person does is written down
    with who it was, in the same transaction; an update that nobody asked for is the server's doing.
    """

    def __init__(
        self,
        *,
        rollouts: Rollouts,
        templates: Templates,
        terminals: Terminals,
        registry: Connections,
        sender: Sender,
        send_command: Callable[[Command], None],
        seeder: BitTorrentSession,
        tracker: Tracker,
        clock: IReactorTime,
        open_targets: OpenTargets | None = None,
        contents: Contents | None = None,
        bad_copies: BadCopies | None = None,
        served: Served = lambda _info_hash, _sent: None,
        wall: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._rollouts = rollouts
        self._registry = registry
        self._send_command = send_command
        self._wall = wall
        self._clock = clock
        sessions, explanations = TerminalSessions(registry.session), Explanations(rollouts, wall)
        self._open_targets = open_targets = OpenTargets() if open_targets is None else open_targets
        self._dispatcher = Dispatcher(
            rollouts=rollouts,
            templates=templates,
            registry=registry,
            sender=sender,
            clock=clock,
            open_targets=open_targets,
            sessions=sessions,
            explanations=explanations,
            wall=wall,
        )
        self.progress_receiver = ProgressReceiver(
            open_targets=open_targets,
            dispatcher=self._dispatcher,
            sessions=sessions,
            explanations=explanations,
            templates=templates,
            terminals=terminals,
            update=self._update,
            clock=clock,
            task_reported=bad_copies.reported if bad_copies is not None else lambda _mac, _state: None,
        )
        self.stall_monitor = StallMonitor(
            open_targets=open_targets,
            dispatcher=self._dispatcher,
            progress_receiver=self.progress_receiver,
            sessions=sessions,
            explanations=explanations,
            registry=registry,
            seeder=seeder,
            tracker=tracker,
            contents=contents or UnknownContents(),
            served=served,
            clock=clock,
            random=random or Random(),  # noqa: S311 - who is helped first is no secret
        )

    def terminal_came(self, mac: str) -> None:
        """A terminal is online: it is sent what it lacks, or goes on with what it was sent before."""
        self._dispatcher.came(mac)

    def terminal_left(self, mac: str) -> None:
        """A terminal went offline: its targets wait for it, and say so."""
        self._dispatcher.left(mac)

    def stop(self) -> None:
        """The server ends: that connections do now is nobody's interruption."""
        self._dispatcher.stopping = True

    async def recover(self) -> None:
        """After a start: take up every target that is open.

        A next try is no further away than the longest pause, whatever the clock showed when it was written down.
        """
        now, wall = self._clock.seconds(), self._wall()
        for work in await self._rollouts.open_work():
            target = self._open_targets.put(work.target)
            target.take(work.target, work.tasks, now)
            target.due = now + believable_pause(work.target.next_try, wall, RETRY_PAUSES[-1])
        if len(self._open_targets):
            log.info("{count} terminals have rollouts to finish", count=len(self._open_targets))
        for mac in self._registry:
            self._dispatcher.came(mac)

    async def start(
        self,
        actor: Actor,
        template_uuid: str,
        macs: Sequence[str] | None,
        version: int | None = None,
        *,
        again: bool = False,
    ) -> Rollout:
        """Roll a version, or a template's newest, out to terminals, or to all; it is on disk when this returns.

        :param again: send all of it, also to terminals that have it by what they said: their reports are forgotten.

        :raises UnknownTemplate, UnknownTerminal, NotFound, Conflict: as `Rollouts.begin` says.
        """
        now = self._wall()
        progress = {x.key: x.known_fraction() for x in self._open_targets if x.target.template_uuid == template_uuid}
        rollout = await self._rollouts.begin(
            template_uuid, macs, now, version, again=again, progress=progress, audit=audit.begun(actor, now)
        )
        begun: list[OpenTarget] = []
        for target in rollout.targets:
            for older in self._open_targets.of_terminal(target.mac):
                if older.target.template_uuid == template_uuid and older.target.rollout_id < rollout.id:
                    self._open_targets.drop(older.key)
            begun.append(self._open_targets.put(target))
        self._dispatcher.spawn(self._dispatcher.drive_all(begun))
        log.info("rollout {id}: {count} terminals", id=rollout.id, count=len(rollout.targets))
        return rollout

    async def cancel(self, actor: Actor, rollout_id: int, macs: Sequence[str] | None = None) -> list[str]:
        """End a rollout, or take some terminals out of it; those that fetch are told to stop, now or at their login.

        Gives the MACs of those for which it had not ended.

        :raises NotFound: none has this number.
        :raises Conflict: it has ended already, or has for all of these terminals.
        """
        rollout = await self._not_ended(rollout_id)
        now = self._wall()
        entries = audit.cancelled(actor, rollout_id, now) if macs is None else audit.taken_out(actor, rollout_id, now)
        progress = {x.target.mac: x.known_fraction() for x in self._open_targets if x.key[0] == rollout_id}
        cancelled = await self._rollouts.cancel(rollout_id, now, macs, progress=progress, audit=entries)
        found, commands = (cancelled.macs, cancelled.commands) if cancelled is not None else ([], [])
        ended = set(found)
        for target in rollout.targets:
            if target.mac in ended:
                self._open_targets.drop((rollout_id, target.mac))
        for command in commands:
            self._send_command(command)
        if macs is not None and not found:
            raise Conflict(Reason("nothing_to_cancel", number=rollout_id))
        if not found:
            await self._not_ended(rollout_id)  # it may have, since it was asked
        return found

    async def _not_ended(self, rollout_id: int) -> Rollout:
        """A rollout that did not end by itself."""
        rollout = await self._rollouts.get(rollout_id)
        if rollout is None:
            raise NotFound(Reason("no_rollout", number=rollout_id))
        if rollout.state not in ("running", "cancelled"):
            raise Conflict(Reason("rollout_ended", number=rollout_id, state=rollout.state))
        return rollout

    async def retry(self, actor: Actor, rollout_id: int) -> list[str]:
        """Let the terminals that failed, or wait after a failure, try again now; their MACs.

        :raises NotFound, Conflict: as `Rollouts.retry` says.
        """
        now = self._wall()
        targets = await self._rollouts.retry(rollout_id, now, audit=audit.retried(actor, rollout_id, now))
        found = [self._open_targets.put(target) for target in targets]
        for open_target, target in zip(found, targets, strict=True):
            open_target.target = target  # one that waited is among the open targets as it was
            open_target.due = 0.0
        self._dispatcher.spawn(self._dispatcher.drive_all(found))
        return [target.mac for target in targets]

    def progress(self, target: Target) -> float | None:
        """How far a target is, 0 to 1, or was when it ended without being done; None where nobody knows that."""
        if target.state is TargetState.DONE:
            return 1.0
        found = self._open_targets.get((target.rollout_id, target.mac))
        return found.fraction() if found else target.progress

    def open_targets(self) -> Iterator[tuple[int, str, str, float, str]]:
        """Whom a rollout still wants something of: rollout, MAC, state, progress from 0 to 1, what it waits for."""
        return (
            (x.target.rollout_id, x.target.mac, x.target.state, x.fraction(), x.target.reason)
            for x in self._open_targets
        )

    def open_progress(self, rollout_id: int) -> float:
        """The sum of the progress of a rollout's open targets, each from 0 to 1."""
        return sum(target.fraction() for target in self._open_targets if target.target.rollout_id == rollout_id)

    @property
    def terminals(self) -> KeysView[str]:
        """The MACs of terminals with an open rollout, as they are whenever it is looked into."""
        return self._open_targets.terminals

    async def _update(self, template_uuid: str, mac: str) -> None:
        """A terminal lacks something of a template that is kept up to date by itself."""
        await self.start(SERVER, template_uuid, [mac])
