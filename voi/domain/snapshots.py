"""Everything that is known of terminals at one moment: what lists of thousands of them are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voi.domain.rollouts import Target
from voi.domain.rooms import Room
from voi.domain.terminal_status import VersionIndex
from voi.domain.terminals import ReportedLevel, Terminal


@dataclass(frozen=True, slots=True)
class TerminalSnapshot:
    """Terminals by MAC, what each reported, its part in its newest rollout; rooms; templates with their versions."""

    terminals: Sequence[Terminal]
    disks: Mapping[str, Sequence[ReportedLevel]]
    targets: Mapping[str, Target]
    rooms: Sequence[Room]
    catalogue: VersionIndex
