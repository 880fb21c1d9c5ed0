"""What there is of each kind, counted: for metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voi.domain.terminal_status import TerminalState
from voi.names import DiskName

ROLLOUT_STATES = ("running", "done", "failed", "cancelled", "superseded")


@dataclass(frozen=True, slots=True)
class CountedLevel:
    """A published level; `size` is its file's in bytes."""

    name: DiskName
    info_hash: bytes
    size: int
    template_uuid: str
    template_name: str


@dataclass(frozen=True, slots=True)
class MetricCounts:
    """Rollouts by state, targets (of the rollouts that run) by state, disks of uploads by state; every state is there.

    `level_count` is how many levels are published, `levels` the newest of them. `alike` has MACs of terminals that
    are in the same state, and which that is as long as they are online.
    """

    rollouts: Mapping[str, int]
    targets: Mapping[str, int]
    upload_disks: Mapping[str, int]
    level_count: int
    levels: Sequence[CountedLevel]
    alike: Sequence[tuple[TerminalState, Sequence[str]]]

    def terminals(self, online: Callable[[str], bool]) -> dict[str, int]:
        """How many terminals are in each state, as the console shows them."""
        counts = {state.value: 0 for state in TerminalState}
        for state, macs in self.alike:
            there = sum(map(online, macs))
            counts[state] += there
            counts[TerminalState.OFFLINE] += len(macs) - there
        return counts
