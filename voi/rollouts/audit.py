"""What the audit log tells of rollouts: made inside the transaction that changes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voi.domain.actors import SERVER, Actor
from voi.domain.audit import Audit, AuditEntry, make_entry
from voi.domain.rollouts import Summary, Target, TargetState
from voi.store.interfaces.rollouts import Begun, CancelledRollout, Settled


def begun(actor: Actor, now: float) -> Audit[Begun]:
    """Somebody began a rollout, which may have ended older ones."""

    def entries(begun: Begun) -> Iterator[AuditEntry]:
        rollout = begun.rollout
        yield make_entry(
            "rollout.begun_again" if rollout.again else "rollout.begun",
            actor,
            now,
            macs=tuple(target.mac for target in rollout.targets),
            rollout=rollout.id,
            template=rollout.template_uuid,
            data={"name": begun.name, "version": rollout.version},
        )
        for summary in begun.ended:
            yield _finished(summary, now)

    return entries


def settled(now: float) -> Audit[Settled]:
    """A target is in another state: told where it has failed, and where its rollout has ended with it."""

    def entries(settled: Settled) -> Iterator[AuditEntry]:
        target = settled.target
        if target.state is TargetState.FAILED:
            yield make_entry(
                "rollout.target_failed",
                SERVER,
                now,
                mac=target.mac,
                rollout=target.rollout_id,
                template=target.template_uuid,
                data={"reason": target.reason},
            )
        if settled.ended is not None:
            yield _finished(settled.ended, now)

    return entries


def cancelled(actor: Actor, rollout_id: int, now: float) -> Audit[CancelledRollout]:
    """Somebody cancelled a rollout of which something was open."""
    return lambda one: make_entry("rollout.cancelled", actor, now, rollout=rollout_id) if one.macs else None


def taken_out(actor: Actor, rollout_id: int, now: float) -> Audit[CancelledRollout]:
    """Somebody took terminals out of a rollout, which may have ended it."""

    def entries(cancelled: CancelledRollout) -> Iterator[AuditEntry]:
        if cancelled.macs:
            yield make_entry("rollout.taken_out", actor, now, macs=tuple(cancelled.macs), rollout=rollout_id)
        if cancelled.ended is not None:
            yield _finished(cancelled.ended, now)

    return entries


def retried(actor: Actor, rollout_id: int, now: float) -> Audit[Sequence[Target]]:
    """Somebody let terminals try again."""
    return lambda targets: make_entry(
        "rollout.retried", actor, now, macs=tuple(target.mac for target in targets), rollout=rollout_id
    )


def _finished(summary: Summary, now: float) -> AuditEntry:
    return make_entry(
        "rollout.finished",
        SERVER,
        now,
        rollout=summary.id,
        template=summary.template_uuid,
        data={"done": summary.counts[TargetState.DONE], "failed": summary.counts[TargetState.FAILED]},
    )
