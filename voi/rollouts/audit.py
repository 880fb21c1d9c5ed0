"""Writes into the journal what becomes of rollouts: which terminals failed, and how each ended."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from voi.audit.log import AuditWriter
from voi.domain.audit import SERVER
from voi.domain.rollouts import Rollout, Target, TargetState
from voi.rollouts.coordinator import RolloutCoordinator
from voi.store.interfaces.audit import AuditEntries
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.templates import Templates
from voi.tasks import spawn

log = Logger()

TOGETHER_SECONDS: Final = 1.0
"""Terminals of a rollout end by the dozen: whether it has ended itself is looked at once for all of them."""


class RolloutAudit:
    """Listens to the coordinator; `events` are those of the journal."""

    def __init__(
        self,
        coordinator: RolloutCoordinator,
        rollouts: Rollouts,
        templates: Templates,
        audit_log: AuditWriter,
        events: AuditEntries,
        clock: IReactorTime,
    ) -> None:
        self._rollouts = rollouts
        self._templates = templates
        self._audit_log = audit_log
        self._events = events
        self._clock = clock
        self._ended: set[int] = set()
        self._call: IDelayedCall | None = None
        coordinator.begun_itself.connect(self._begun)
        coordinator.ended.connect(self._target_ended)

    async def recover(self) -> None:
        """After a crash: tell of rollouts that ended just before it."""
        for rollout_id in await self._events.rollouts_left_open():
            await self._note_ended(rollout_id)

    def _begun(self, rollout: Rollout) -> None:
        spawn(self._note_begun(rollout), log, "an entry of the audit log about a rollout")

    async def _note_begun(self, rollout: Rollout) -> None:
        template = await self._templates.get(rollout.template_uuid)
        await self._audit_log.note(
            "rollout.begun",
            SERVER,
            macs=[target.mac for target in rollout.targets],
            rollout=rollout.id,
            template=rollout.template_uuid,
            name=template.name if template else rollout.template_uuid,
            version=rollout.version,
        )

    def _target_ended(self, target: Target) -> None:
        if target.state is TargetState.FAILED:
            self._audit_log.note(
                "rollout.target_failed",
                SERVER,
                mac=target.mac,
                rollout=target.rollout_id,
                template=target.template_uuid,
                reason=target.reason,
            )
        self._ended.add(target.rollout_id)
        if self._call is None:
            self._call = self._clock.callLater(TOGETHER_SECONDS, self._look_soon)

    def _look_soon(self) -> None:
        self._call = None
        spawn(self._look(), log, "an entry of the audit log about a rollout")

    async def _look(self) -> None:
        ended, self._ended = self._ended, set()
        for rollout_id in sorted(ended):
            await self._note_ended(rollout_id)

    async def stop(self) -> None:
        """Look a last time, at what has ended just now."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
            await self._look()

    async def _note_ended(self, rollout_id: int) -> None:
        rollout = await self._rollouts.get(rollout_id)
        if rollout is None or rollout.state not in ("done", "failed"):
            return
        states = [target.state for target in rollout.targets]
        await self._audit_log.note(
            "rollout.finished",
            SERVER,
            rollout=rollout_id,
            template=rollout.template_uuid,
            done=states.count(TargetState.DONE),
            failed=states.count(TargetState.FAILED),
        )
