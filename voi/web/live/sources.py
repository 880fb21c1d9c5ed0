"""What there is to tell open pages: who came and went, how far downloads are, what flows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from voi.domain.rollouts import Summary
from voi.rollouts.throughput import ThroughputRecorder
from voi.store.interfaces.rollouts import Rollouts
from voi.tasks import made_in_turns
from voi.web.api.schemas.overview import TrafficView
from voi.web.api.schemas.rollouts import RolloutSummary
from voi.web.api.traffic import TrafficMeter
from voi.web.http.reasons import why_of
from voi.web.live.streams import News

SLOW_TICKS: Final = 2
"""What is read from the database, or added up over all torrents, is looked at every other time."""
MOST_ROWS: Final = 500
"""Terminals that are told of with all that is known of them, in one tick; the others have their turn with the next."""


class TerminalProgress(NamedTuple):
    """What is told of a terminal that gets on, rounded to what a page can show."""

    rollout: int
    state: str
    progress: float
    rate: int
    reason: str | None
    """None where it is the same as before."""


_Target = tuple[int, str, str, float, str]
OpenTargets = Callable[[], Iterable[_Target]]
"""Each open target: rollout, MAC, state, progress from 0 to 1, what it waits for."""

_Seen = tuple[_Target, float]
"""A target as it was found, and its rate in bytes a second."""


def _told(seen: _Seen, before: _Seen | None) -> TerminalProgress:
    (rollout_id, _, state, progress, reason), rate = seen
    same = before is not None and before[0][4] == reason  # as nearly always: then it need not be told each second
    return TerminalProgress(rollout_id, state, round(progress, 3), round(rate), None if same else reason)


def _entry(mac: str, now: TerminalProgress) -> dict[str, Any]:
    entry = {
        "mac": mac, "rollout": now.rollout, "state": now.state, "progress": now.progress, "rate": now.rate,
    }  # fmt: skip
    if now.reason is not None:
        entry |= {"reason": str(now.reason), "why": why_of(now.reason)}
    return entry


class ProgressNews:
    """How far terminals are: what changed of each, and for the page of a rollout the same with more to it.

    `ended` is told the MACs of those that have nothing open any more; `wanted` says whether any page would get an
    event of this name. Of thousands few move, and only what moved costs more than a look.
    """

    def __init__(
        self,
        targets: OpenTargets,
        recorder: ThroughputRecorder,
        ended: Callable[[Iterable[str]], None],
        wanted: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._targets = targets
        self._recorder = recorder
        self._ended = ended
        self._wanted = wanted
        self._seen: dict[str, _Seen] = {}

    async def news(self) -> Sequence[News]:
        """What changed."""
        before = self._seen
        seen: dict[str, _Seen] = {}
        changed: dict[str, TerminalProgress] = {}
        transfer_of = self._recorder.transfer

        def look(target: _Target) -> None:
            rollout_id, mac = target[0], target[1]
            newer = seen.get(mac)
            if newer is not None and newer[0][0] > rollout_id:
                return
            transfer = transfer_of(rollout_id, mac)
            now = seen[mac] = target, transfer.rate if transfer is not None else 0.0
            known = before.get(mac)
            if known == now:
                changed.pop(mac, None)
                return
            told = _told(now, known)
            if known is None or _told(known, known) != told:
                changed[mac] = told
            else:
                changed.pop(mac, None)

        await made_in_turns(look, list(self._targets()))
        self._seen = seen
        gone = before.keys() - seen.keys()
        if gone:
            self._ended(gone)
        news: list[News] = []
        if changed:
            news.append(("terminals", [_entry(mac, now) for mac, now in changed.items()]))
        numbers = [number for number in {now.rollout for now in changed.values()} if self._wanted(f"rollout:{number}")]
        return [*news, *((f"rollout:{number}", self._of_rollout(number, changed)) for number in numbers)]

    def _of_rollout(self, rollout_id: int, changed: Mapping[str, TerminalProgress]) -> dict[str, Any]:
        now = self._recorder.now(rollout_id)
        targets = []
        for mac, progress in changed.items():
            if progress.rollout != rollout_id:
                continue
            transfer = self._recorder.transfer(rollout_id, mac)
            targets.append(
                {
                    **_entry(mac, progress),
                    "eta": transfer.eta if transfer else None,
                    "from_server": transfer.part_from_server if transfer else None,
                }
            )
        return {
            "id": rollout_id,
            "rate": now.rate if now else 0.0,
            "eta": now.eta if now else None,
            "server_sent": now.history.server_sent if now else None,
            "point": list(now.history.points[-1]) if now and now.history.points else None,
            "targets": targets,
        }


class TerminalRowNews:
    """All that is known of terminals that came, went, were renamed or are done; told of as rows of the list."""

    def __init__(self, rows: Callable[[Sequence[str]], Awaitable[tuple[list[Any], list[str]]]]) -> None:
        self._rows = rows
        self._changed: dict[str, None] = {}

    def changed(self, macs: Iterable[str]) -> None:
        """Something of these is another."""
        self._changed.update(dict.fromkeys(macs))

    async def news(self) -> Sequence[News]:
        """The rows of some that changed, and who is not known any more."""
        macs = list(self._changed)[:MOST_ROWS]
        if not macs:
            return ()
        for mac in macs:
            del self._changed[mac]
        rows, gone = await self._rows(macs)
        news: list[News] = [("terminals", rows)] if rows else []
        return [*news, ("gone", gone)] if gone else news


@dataclass(frozen=True, slots=True)
class _Shown:
    summary: Summary
    view: RolloutSummary


class RolloutNews:
    """Rollouts in short, while they run and once when they have ended; and which of their targets became others."""

    def __init__(self, rollouts: Rollouts, view: Callable[[Summary], Awaitable[RolloutSummary]]) -> None:
        self._rollouts = rollouts
        self._view = view
        self._known: dict[int, _Shown] = {}
        self._changed: set[int] = set()
        self._ticks = 0

    def changed(self, number: int) -> None:
        """Something of a rollout was written down; one that is over in a second may never be seen to run."""
        self._changed.add(number)

    async def news(self) -> Sequence[News]:
        """What changed."""
        self._ticks += 1
        if self._ticks % SLOW_TICKS:
            return ()
        changed, self._changed = self._changed, set()
        summaries = {summary.id: summary for summary in await self._rollouts.running()}
        for number in (self._known.keys() | changed) - summaries.keys():
            ended = await self._rollouts.summary(number)
            if ended is not None:
                summaries[number] = ended
        known, self._known = self._known, {}
        told, stale = [], []
        for number, summary in summaries.items():
            shown = _Shown(summary, await self._view(summary))
            if summary.state == "running":
                self._known[number] = shown
            before = known.get(number)
            if before is None or before.view != shown.view:
                told.append(shown.view)
            if number in changed or (before is not None and before.summary != summary):
                stale.append(number)
        news: list[News] = [("rollouts", told)] if told else []
        return [*news, *((f"stale:{number}", {"id": number}) for number in stale)]


class TrafficNews:
    """What flows now, in bytes a second."""

    def __init__(self, traffic: TrafficMeter) -> None:
        self._traffic = traffic
        self._known: TrafficView | None = None
        self._ticks = 0

    async def news(self) -> Sequence[News]:
        """The sums, where they changed."""
        self._ticks += 1
        if self._ticks % SLOW_TICKS:
            return ()
        known, self._known = (
            self._known,
            TrafficView(self._traffic.server_out, self._traffic.server_in, self._traffic.swarm),
        )
        return [("traffic", self._known)] if self._known != known else ()


class UploadNews:
    """That something is on its way to the templates: whoever shows it asks again."""

    def __init__(self, progress: Callable[[], Awaitable[Mapping[str, object]]]) -> None:
        self._progress = progress
        self._known: Mapping[str, object] = {}
        self._ticks = 0

    async def news(self) -> Sequence[News]:
        """Whether any upload got on, began or ended, or has another reason for not doing so."""
        self._ticks += 1
        if self._ticks % SLOW_TICKS:
            return ()
        known, self._known = self._known, await self._progress()
        return [("templates", [])] if self._known != known else ()
