"""The status of a terminal: which template it has, in which version, and what becomes of it now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from voi.domain.rollouts import CALLED_OFF, Target, TargetState
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
    UNKNOWN = "unknown"  # online, and has not said what it has since its login
    UNREPORTED = "unreported"  # online, and has said of no template of ours that it has it
    CURRENT = "current"
    OFFLINE = "offline"


URGENCY: Mapping[TerminalState, int] = {state: index for index, state in enumerate(TerminalState)}
"""How states are sorted."""


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """A terminal's template with the version that it has, and the newest one, and its state.

    `version` is 0 where it has none that is whole, and None where that is not known: it has not said what it has since
    its last login. `running` is the version that it runs, by what it said it started from since then; None where that
    is not known. `target` is its part in its newest rollout, where the state comes from that.
    """

    template: str | None
    version: int | None
    newest: int
    state: TerminalState
    target: Target | None = None
    running: int | None = None


class VersionIndex:
    """Templates with their versions, asked about thousands of terminals in a row.

    `versions` has, for each template, its numbers with their contents, newest first.
    """

    def __init__(self, templates: Iterable[Template], versions: Mapping[str, Sequence[tuple[int, Contents]]]) -> None:
        self.templates = {template.uuid: template for template in templates}
        self.published = frozenset(level.name for template in self.templates.values() for level in template.levels)
        self._by_disk = {level.name.uuid: x.uuid for x in self.templates.values() for level in x.levels}
        self._hashes = {level.name: level.info_hash for x in self.templates.values() for level in x.levels}
        self._versions = versions
        self._known: dict[tuple[str, tuple[tuple[DiskName, int | None], ...]], int] = {}
        self._tops: dict[tuple[str, DiskName], list[int]] = {}

    def template_of(self, terminal: Terminal, held: Sequence[ReportedLevel], target: Target | None) -> str | None:
        """What a terminal boots; else what was last sent to it; else the first that it has of ours."""
        booted = _booted(terminal)
        if booted is not None and (template := self._by_disk.get(booted.uuid)) is not None:
            return template
        if target is not None and target.state not in CALLED_OFF and target.template_uuid in self.templates:
            return target.template_uuid
        return next((level.template_uuid for level in held if level.template_uuid in self.templates), None)

    def version_of(self, template: str, held: Sequence[ReportedLevel]) -> int | None:
        """The newest version whose levels a terminal has, all of them; 0 for none, None where it is not known.

        A terminal that does not count changes is taken at its word for each level. What it said before its last login
        is not known to be there any more; only one that has said enough since then to have the newest has that.
        """
        mine = tuple(
            (level.name, level.operate_id) for level in held if level.confirmed and level.template_uuid == template
        )
        key = (template, mine)
        found = self._known.get(key)
        if found is None:  # the terminals of a room have the same disks
            counts = dict(mine)
            found = self._known[key] = next(
                (number for number, contents in self._versions.get(template, ()) if _has(counts, contents)), 0
            )
        unsaid = any(not level.confirmed and level.template_uuid == template for level in held)
        return None if unsaid and found != self.templates[template].version else found

    def running_version(self, template: str, terminal: Terminal, version: int | None) -> int | None:
        """The version that a terminal runs, by what it started from since its last login; None where nobody knows.

        That names a level, and with its hash a content: it is the newest version with this on top, of those that the
        terminal can have (`version`). Where that is not known either, and several have it on top, nobody knows.
        """
        booted = _booted(terminal) if terminal.boot_now else None
        if booted is None or self._by_disk.get(booted.uuid) != template:
            return None
        if terminal.boot_hash is not None and terminal.boot_hash != self._hashes.get(booted):
            return None  # something of its own, or of another server
        key = (template, booted)
        numbers = self._tops.get(key)
        if numbers is None:
            numbers = self._tops[key] = [
                number for number, contents in self._versions.get(template, ()) if _is_on_top(booted, contents)
            ]
        if version is None:
            return numbers[0] if len(numbers) == 1 else None
        return next((number for number in numbers if number <= version), None)

    def status_of(
        self, terminal: Terminal, held: Sequence[ReportedLevel], target: Target | None, *, online: bool
    ) -> TerminalStatus:
        """The status of a terminal; `target` is its part in its newest rollout, if it ever was in one.

        Of one that is off, the version is what it last said.
        """
        template = self.template_of(terminal, held, target)
        if template is None:
            version: int | None = 0
            newest, running = 0, None
        else:
            found = self.version_of(template, held)
            boots_it = terminal.boot_now and not any(level.template_uuid == template for level in held)
            version = None if boots_it else found  # it runs something of it, and never said what
            newest = self.templates[template].version
            running = self.running_version(template, terminal, version) if online else None
        current = template is not None and version == newest > 0
        state, shown = _state(template, version, target, current=current, online=online)
        return TerminalStatus(template, version, newest, state, target if shown else None, running)


def _state(
    template: str | None, version: int | None, target: Target | None, *, current: bool, online: bool
) -> tuple[TerminalState, bool]:
    """The state of a terminal, and whether it comes from its newest rollout."""
    if not online:
        return TerminalState.OFFLINE, _matters(target)
    if target is not None and target.state in _OPEN:
        return _OPEN[target.state], True
    failed = target is not None and target.state is TargetState.FAILED
    if target is not None and failed and not (current and target.template_uuid == template):
        return TerminalState.FAILED, True
    if template is None:
        return TerminalState.UNREPORTED, False
    if version is None:
        return TerminalState.UNKNOWN, False
    return (TerminalState.CURRENT if current else TerminalState.OUTDATED), False


def _booted(terminal: Terminal) -> DiskName | None:
    if terminal.boot_disk is None:
        return None
    try:
        return DiskName.parse(terminal.boot_disk)
    except Malformed:
        return None


def _is_on_top(name: DiskName, contents: Contents) -> bool:
    """Whether a version's topmost level of this disk is that one."""
    return name.level == max((one.level for one, _ in contents if one.uuid == name.uuid), default=-1)


_OPEN: Mapping[TargetState, TerminalState] = {
    TargetState.WAITING: TerminalState.WAITING,
    TargetState.DOWNLOADING: TerminalState.DOWNLOADING,
}


def _matters(target: Target | None) -> bool:
    """Whether a rollout still wants something of a terminal that is off, or gave it up."""
    return target is not None and (target.state in _OPEN or target.state is TargetState.FAILED)


def _has(counts: Mapping[DiskName, int | None], contents: Contents) -> bool:
    return all(name in counts and counts[name] in (None, count) for name, count in contents)
