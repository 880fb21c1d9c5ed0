"""The route of the overview: what an administrator sees first, and what needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from voi.catalogue.interfaces import ContentStates
from voi.domain.rollouts import Summary
from voi.domain.rooms import Room
from voi.domain.templates import PublishedLevel
from voi.domain.terminal_status import TerminalState
from voi.domain.uploads import Upload, UploadDisk, UploadState
from voi.messages.reason import Reason
from voi.rollouts.bad_copies import BadCopies, BadCopy, CopyState
from voi.rollouts.coordinator import RolloutCoordinator
from voi.store.interfaces.rollouts import Rollouts
from voi.store.interfaces.uploads import Uploads
from voi.web.api.interfaces import DiskUsage
from voi.web.api.recent import Recent, RecentRows
from voi.web.api.rooms import room_counts
from voi.web.api.schemas.overview import Attention, DiskRoom, Kind, Overview, RoomTotals, TerminalTotals, TrafficView
from voi.web.api.schemas.rollouts import RolloutSummary
from voi.web.api.terminal_rows import Row
from voi.web.api.traffic import TrafficMeter
from voi.web.http.checks import HealthCheck, run_checks
from voi.web.http.reasons import why_of
from voi.web.http.routing import Route

NEARLY_FULL: Final = 0.1
"""Part of the server's disk below which free space needs attention, while uploads are still taken."""

MOST_NAMED: Final = 8
"""Terminals that are named where something is said of several."""

SHARED_SECONDS: Final = 9.0
"""How old an answer may be. Each page asks every ten seconds, at its own time, and to read 5,000 terminals and add them
up takes 150 ms of a core: ten pages would take as much as all else that is live. Whoever changes something gets a new
answer at once.
"""


class OverviewRoutes:
    """The overview; `shown` tells how a rollout goes, `disk` gives free and all bytes of the server's disk,
    `clock_problem` says that its clock was set.
    """

    def __init__(
        self,
        *,
        recent: RecentRows,
        rollouts: Rollouts,
        shown: Callable[[Summary], Awaitable[RolloutSummary]],
        uploads: Uploads,
        coordinator: RolloutCoordinator,
        bad_copies: BadCopies,
        traffic: TrafficMeter,
        disk: DiskUsage,
        checks: Mapping[str, HealthCheck],
        contents: ContentStates,
        clock_problem: Callable[[], str] = str,
    ) -> None:
        self._recent = recent
        self._rollouts = rollouts
        self._shown = shown
        self._uploads = uploads
        self._coordinator = coordinator
        self._bad_copies = bad_copies
        self._traffic = traffic
        self._disk = disk
        self._checks = checks
        self._clock_problem = clock_problem
        self._contents = contents
        self._answer = Recent(self._read, seconds=SHARED_SECONDS)

    def changed(self) -> None:
        """Somebody changed something: the next answer is a fresh one."""
        self._recent.changed()
        self._answer.changed()

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        return (
            Route(
                method="GET",
                path="/api/v1/overview",
                handler=self.overview,
                summary="The state of the site, and what needs attention",
                answer=Overview,
            ),
        )

    async def overview(self) -> Overview:
        """GET overview: pages ask every few seconds, and share an answer."""
        return await self._answer.get()

    async def _read(self) -> Overview:
        rooms, rows = await self._recent.get()
        states = Counter(row.state for row in rows)
        free, size = await self._disk()
        running = await self._rollouts.running()
        wanting = [
            *_terminals(states),
            *_failing(self._coordinator.stall_monitor.failing()),
            *_stuck(self._coordinator.stall_monitor.stalled()),
            *_contents(list(self._contents.problems())),
            *_uploads(await self._uploads.failed()),
            *_held(await self._uploads.open_disks()),
            *_damaged(self._bad_copies.known()),
            *_disk(free, size),
            *_health(await run_checks(self._checks)),
            *_clock(self._clock_problem()),
        ]
        return Overview(
            terminals=TerminalTotals(
                online=sum(row.online for row in rows),
                total=len(rows),
                current=states[TerminalState.CURRENT],
                unknown=states[TerminalState.UNKNOWN],
                unreported=states[TerminalState.UNREPORTED],
                outdated=states[TerminalState.OUTDATED],
                failed=states[TerminalState.FAILED],
            ),
            rooms=_rooms(rooms, rows),
            rollouts=[await self._shown(rollout) for rollout in running],
            traffic=TrafficView(self._traffic.server_out, self._traffic.server_in, self._traffic.swarm),
            disk=DiskRoom(free, size),
            attention=wanting,
        )


def _rooms(rooms: list[Room], rows: list[Row]) -> list[RoomTotals]:
    """All rooms by name, then those in none, if there are any."""
    total, online = room_counts(rows)
    found = [RoomTotals(room.id, room.name, online[room.id], total[room.id]) for room in rooms]
    return found + ([RoomTotals(None, "", online[None], total[None])] if total[None] else [])


def _terminals(states: Counter[TerminalState]) -> list[Attention]:
    found = []
    if failed := states[TerminalState.FAILED]:
        reason = Reason("terminals_failed", count=failed)
        found.append(_attention("failed", failed, reason, "#/terminals?state=failed"))
    if outdated := states[TerminalState.OUTDATED]:
        reason = Reason("terminals_outdated", count=outdated)
        found.append(_attention("outdated", outdated, reason, "#/terminals?state=outdated"))
    return found


def _failing(waiting: Mapping[int, int]) -> list[Attention]:
    return [
        _attention("failing", count, Reason("terminals_failing", number=number, count=count), f"#/rollouts/{number}")
        for number, count in sorted(waiting.items())
    ]


def _stuck(still: Mapping[int, int]) -> list[Attention]:
    return [
        _attention("stuck", count, Reason("terminals_stuck", number=number, count=count), f"#/rollouts/{number}")
        for number, count in sorted(still.items())
    ]


def _contents(problems: Sequence[tuple[PublishedLevel, Reason]]) -> list[Attention]:
    """Published levels of which the server has no whole file, with what is wrong with the first of them."""
    if not problems:
        return []
    count, templates = len(problems), {level.template_uuid for level, _ in problems}
    link = f"#/templates/{templates.pop()}" if len(templates) == 1 else "#/templates"
    return [_attention("content", count, Reason("contents_wrong", count=count, why=problems[0][1]), link)]


def _uploads(failed: Sequence[Upload]) -> list[Attention]:
    """Those of one template lead to its page, others to the list that has them all."""
    if not failed:
        return []
    count, templates = len(failed), {upload.template_uuid for upload in failed}
    link = f"#/templates/{templates.pop()}" if len(templates) == 1 else "#/templates"
    return [_attention("upload", count, Reason("uploads_failed", count=count), link)]


def _held(open_disks: Sequence[UploadDisk]) -> list[Attention]:
    """Uploads that were asked for and may not begin, with why the first of them may not."""
    held = [disk for disk in open_disks if disk.state is UploadState.REQUESTED and disk.reason]
    if not held:
        return []
    count, templates = len({disk.upload_id for disk in held}), {disk.template_uuid for disk in held}
    link = f"#/templates/{templates.pop()}" if len(templates) == 1 else "#/templates"
    return [_attention("held", count, Reason("uploads_held", count=count, why=held[0].reason), link)]


_OF_COPIES: Final[Mapping[CopyState, Callable[[str, str, str], Reason]]] = {
    CopyState.FOUND: lambda disk, macs, _why: Reason("copies_damaged", disk=disk, macs=macs),
    CopyState.TOLD: lambda disk, macs, _why: Reason("copies_checked", disk=disk, macs=macs),
    CopyState.RIGHT: lambda disk, macs, _why: Reason("copies_right", disk=disk, macs=macs),
    CopyState.UNREADABLE: lambda disk, macs, why: Reason("copies_unreadable", disk=disk, macs=macs, why=why),
}
"""What is said of copies of which wrong pieces came, by the disk, the terminals, and why it cannot be read."""


def _damaged(copies: Sequence[BadCopy]) -> list[Attention]:
    """For each disk, and what becomes of it, one, with the terminals whose copies of it are damaged."""
    alike: dict[tuple[str, CopyState], list[BadCopy]] = {}
    for copy in copies:
        alike.setdefault((str(copy.disk), copy.state), []).append(copy)
    return [
        _attention(
            "damaged",
            len(bad),
            _OF_COPIES[state](disk, ", ".join(copy.mac for copy in bad[:MOST_NAMED]), bad[0].why),
            f"#/terminals/{bad[0].mac}" if len(bad) == 1 else "#/terminals",
        )
        for (disk, state), bad in alike.items()
    ]


def _disk(free: int, size: int) -> list[Attention]:
    if free >= size * NEARLY_FULL:
        return []
    return [_attention("disk", 1, Reason("disk_nearly_full", free=free), "#/settings")]


def _health(results: Mapping[str, str]) -> list[Attention]:
    return [
        _attention("health", 1, Reason("check", check=name, why=result), "#/settings")
        for name, result in results.items()
        if result
    ]


def _clock(problem: str) -> list[Attention]:
    return [_attention("clock", 1, problem, "#/events?kind=server")] if problem else []


def _attention(kind: Kind, count: int, reason: str, link: str) -> Attention:
    return Attention(kind, count, str(reason), why_of(reason), link)
