"""From rollouts to the structs of the API; pure functions, what is fleeting is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from voi.domain.rollout_demand import Demand, LinkRates
from voi.domain.rollout_history import RolloutHistory
from voi.domain.rollouts import OPEN_TARGETS, Rollout, Summary, Target, TargetState
from voi.domain.templates import PublishedLevel, Template, missing_levels
from voi.domain.terminals import ReportedLevel, Terminal
from voi.rollouts.throughput import Throughput, TransferRate
from voi.web.api.schemas.rollouts import PreviewTarget, RolloutPreview, RolloutSummary, RolloutView, TargetView
from voi.web.api.views import moment
from voi.web.http.reasons import why_of


def rollout_view(
    rollout: Rollout,
    targets: Sequence[TargetView],
    *,
    summary: Summary,
    progress: float,
    template: Template | None,
    demand: Demand,
    links: LinkRates,
    now: Throughput | None,
    history: RolloutHistory | None,
    time: float,
) -> RolloutView:
    """A rollout with its targets: counts and progress are those of its `summary`, as in lists of rollouts.

    `now` is of one that runs, `history` of one that has ended; `time` is the present.
    """
    history = now.history if now is not None else history
    sent = history.server_sent if history is not None else None
    ended = rollout.state != "running"
    last = max((target.updated for target in rollout.targets), default=rollout.created)
    return RolloutView(
        id=rollout.id,
        template=rollout.template_uuid,
        template_name=template.name if template is not None else "",
        version=rollout.version,
        state=rollout.state,
        created=moment(rollout.created),
        finished=moment(last) if ended else None,
        counts=_counts(summary),
        ran=summary.ran,
        again=rollout.again,
        size=demand.image,
        server_sent=sent,
        copies=sent / demand.image if demand.image and sent is not None else None,
        elapsed=max(0.0, (last if ended else time) - rollout.created),
        best=links.least_seconds(demand),
        progress=progress,
        rate=now.rate if now is not None else 0.0,
        eta=now.eta if now is not None else None,
        targets=list(targets),
        rates=[(point.time, point.swarm, point.server) for point in history.points] if history is not None else [],
    )


def _counts(summary: Summary) -> dict[str, int]:
    return {state.value: count for state, count in summary.counts.items()}


def target_view(
    target: Target, progress: float | None, *, terminal: Terminal | None, online: bool, transfer: TransferRate | None
) -> TargetView:
    """One terminal of a rollout."""
    waits = target.state is TargetState.WAITING and target.next_try > 0
    is_open = target.state in OPEN_TARGETS
    return TargetView(
        mac=target.mac,
        name=terminal.name if terminal is not None else "",
        ip=terminal.ip if terminal is not None else "",
        online=online,
        rate=transfer.rate if transfer is not None and is_open else 0.0,
        from_server=target.from_server if transfer is None else transfer.part_from_server,
        eta=transfer.eta if transfer is not None and is_open else None,
        state=target.state.value,
        progress=None if progress is None else min(max(progress, 0.0), 1.0),
        reason=str(target.reason),
        why=why_of(target.reason),
        attempts=target.attempts,
        interruptions=target.interruptions,
        next_try=moment(target.next_try) if waits else None,
        updated=moment(target.updated),
        booted=None if target.booted is None else moment(target.booted),
    )


def rollout_summary(summary: Summary, name: str, progress: float, now: Throughput | None) -> RolloutSummary:
    """A rollout in short."""
    return RolloutSummary(
        id=summary.id,
        template=summary.template_uuid,
        template_name=name,
        version=summary.version,
        state=summary.state,
        created=moment(summary.created),
        counts=_counts(summary),
        ran=summary.ran,
        progress=progress,
        rate=now.rate if now is not None else 0.0,
        eta=now.eta if now is not None else None,
    )


def rollout_preview(
    template_uuid: str,
    version: int,
    levels: Sequence[PublishedLevel],
    macs: Iterable[str],
    disks: Mapping[str, Sequence[ReportedLevel]],
    online: Iterable[str],
    free: Callable[[str], int | None],
    *,
    again: bool = False,
) -> RolloutPreview:
    """What a rollout of the `levels` of a version would do to these terminals; `free` tells what is free on a disk."""
    there = set(online)

    def target(mac: str) -> PreviewTarget:
        # What one that is on has not named since its login may be gone: it is sent that.
        held = [level for level in disks.get(mac, ()) if level.confirmed or mac not in there]
        return PreviewTarget(
            mac, mac in there, _lacks(levels, () if again else held), _too_small_by(levels, held, free(mac))
        )

    targets = [target(mac) for mac in macs]
    return RolloutPreview(
        template=template_uuid,
        version=version,
        terminals=targets,
        total_bytes=sum(target.bytes for target in targets),
        most_bytes=max((target.bytes for target in targets), default=0),
        nothing=sum(not target.bytes for target in targets),
        too_small=sum(bool(target.short) for target in targets),
    )


def _too_small_by(wanted: Sequence[PublishedLevel], reported: Iterable[ReportedLevel], free: int | None) -> int | None:
    """By how many bytes a disk is too small for a version: what it has of it counts as free."""
    if free is None:
        return None
    held = {level.name for level in reported}
    there = sum(level.file_size for level in wanted if level.name in held)
    return max(0, sum(level.file_size for level in wanted) - free - there)


def _lacks(published: Iterable[PublishedLevel], reported: Iterable[ReportedLevel]) -> int:
    return sum(level.file_size for level in missing_levels(published, reported))
