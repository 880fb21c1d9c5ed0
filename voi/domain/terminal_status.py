"""The status of a terminal: which template it has, in which version, and what becomes of it now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from voi.domain.rollouts import Target, TargetState
from voi.domain.templates import Template
from voi.domain.terminals import ReportedLevel, Terminal
from voi.errors import Malformed
from voi.names import DiskName

Contents = frozenset[tuple[DiskName, int]]
"""What a version consists of: its levels, each with the count of changes (protocol section 5)."""


class TerminalState(StrEnum):
    """What an administrator sees of a terminal first, those that need attention first."""

    FAILED = "failed"  # its newest rollout gave it up
    DOWNLOADING = "downloading"
    WAITING = "waiting"  # for its turn, or for the next try
    OUTDATED = "outdated"
    EMPTY = "empty"  # online, and has no template of ours
    CURRENT = "current"
    OFFLINE = "offline"


URGENCY: Mapping[TerminalState, int] = {state: index for index, state in enumerate(TerminalState)}
"""How states are sorted."""


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """A terminal's template with its version (0: none that is known) and the newest one, and its state.

    `target` is its part in its newest rollout, where the state comes from that.
    """

    template: str | None
    version: int
    newest: int
    state: TerminalState
    target: Target | None = None


class VersionIndex:
    """Templates with their versions, asked about thousands of terminals in a row.

    `versions` has, for each template, its numbers with their contents, newest first.
    """

    def __init__(self, templates: Iterable[Template], versions: Mapping[str, Sequence[tuple[int, Contents]]]) -> None:
        self.templates = {template.uuid: template for template in templates}
        self.published = frozenset(level.name for template in self.templates.values() for level in template.levels)
        self._by_disk = {level.name.uuid: x.uuid for x in self.templates.values() for level in x.levels}
        self._versions = versions
        self._known: dict[tuple[str, tuple[tuple[DiskName, int | None], ...]], int] = {}

    def template_of(self, terminal: Terminal, held: Sequence[ReportedLevel], target: Target | None) -> str | None:
        """What a terminal boots; else what was last sent to it; else the first that it has of ours."""
        if terminal.boot_disk is not None:
            try:
                booted = self._by_disk.get(DiskName.parse(terminal.boot_disk).uuid)
            except Malformed:
                booted = None
            if booted is not None:
                return booted
        if target is not None and target.state is not TargetState.CANCELLED and target.template_uuid in self.templates:
            return target.template_uuid
        return next((level.template_uuid for level in held if level.template_uuid in self.templates), None)

    def version_of(self, template: str, held: Sequence[ReportedLevel]) -> int:
        """The newest version whose levels a terminal has, all of them; 0 for none.

        A terminal that does not count changes is taken at its word for each level.
        """
        mine = tuple((level.name, level.operate_id) for level in held if level.template_uuid == template)
        key = (template, mine)
        found = self._known.get(key)
        if found is None:  # the terminals of a room have the same disks
            counts = dict(mine)
            found = self._known[key] = next(
                (number for number, contents in self._versions.get(template, ()) if _has(counts, contents)), 0
            )
        return found

    def status_of(
        self, terminal: Terminal, held: Sequence[ReportedLevel], target: Target | None, *, online: bool
    ) -> TerminalStatus:
        """The status of a terminal; `target` is its part in its newest rollout, if it ever was in one."""
        template = self.template_of(terminal, held, target)
        version = self.version_of(template, held) if template else 0
        newest = self.templates[template].version if template else 0
        if not online:
            return TerminalStatus(
                template, version, newest, TerminalState.OFFLINE, target if _matters(target) else None
            )
        if target is not None and target.state in _OPEN:
            return TerminalStatus(template, version, newest, _OPEN[target.state], target)
        current = template is not None and version == newest > 0
        failed = target is not None and target.state is TargetState.FAILED
        if target is not None and failed and not (current and target.template_uuid == template):
            return TerminalStatus(template, version, newest, TerminalState.FAILED, target)
        if template is None:
            return TerminalStatus(None, 0, 0, TerminalState.EMPTY)
        return TerminalStatus(template, version, newest, TerminalState.CURRENT if current else TerminalState.OUTDATED)


_OPEN: Mapping[TargetState, TerminalState] = {
    TargetState.WAITING: TerminalState.WAITING,
    TargetState.DOWNLOADING: TerminalState.DOWNLOADING,
}


def _matters(target: Target | None) -> bool:
    """Whether a rollout still wants something of a terminal that is off, or gave it up."""
    return target is not None and (target.state in _OPEN or target.state is TargetState.FAILED)


def _has(counts: Mapping[DiskName, int | None], contents: Contents) -> bool:
    return all(name in counts and counts[name] in (None, count) for name, count in contents)
