"""Every command for terminals, in one table: what it is called, its service code, and what follows from giving it.

Whoever takes, keeps, sends, shows or gives commands reads it here. What a new one needs besides a row: its words in the
console's languages, and something that does it at the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from voi.errors import Malformed
from voi.messages.reason import Reason

Choices = Mapping[str, int]
"""What a field may be: the word for each value on the wire."""


@dataclass(frozen=True, slots=True)
class CommandKind:
    """One command.

    :param name: how API, shell and console call it.
    :param code: its service code (protocol section 2).
    :param summary: what it does, as the shell's help begins.
    :param fields: what must be said with it, by the name of the field on the wire.
    :param waits: terminals that are off get it at their next login. A setting holds until it is changed; a restart of
        yesterday does not.
    :param replaces: the newest is the one that holds, so an older one that still waits must not come after it.
    :param needs: the ability that a terminal's login must name (protocol section 4); empty where every terminal can.
    :param question: what somebody is asked first, because it may interrupt who is at work; empty where it does not.
    :param sentence: how the audit log tells of it, with the word of each field in its place; empty for one that no
        person gives.
    """

    name: str
    code: int
    summary: str = ""
    fields: Mapping[str, Choices] = field(default_factory=lambda: MappingProxyType({}))
    waits: bool = False
    replaces: bool = False
    needs: str = ""
    question: str = ""
    sentence: str = ""

    @property
    def given(self) -> bool:
        """Whether a person gives it; the others follow from what people do."""
        return bool(self.sentence)

    def body(self, given: Mapping[str, Any]) -> dict[str, int]:
        """What it says on the wire, from the fields that were given with it, None where one was not.

        :raises Malformed: one is missing, or belongs to another command; the message says which.
        """
        # Programs know these reasons by their codes, which are from when there was one field.
        for name, value in given.items():
            if value is not None and name not in self.fields:
                raise Malformed(Reason("no_switch", field=name, command=self.name), field=name)
        for name, choices in self.fields.items():
            if given.get(name) not in choices.values():
                listed = " or ".join(f"{value} for {word}" for word, value in choices.items())
                raise Malformed(Reason("which_switch", field=name, command=self.name, choices=listed), field=name)
        return {name: given[name] for name in self.fields}

    def entry(self, body: Mapping[str, Any]) -> tuple[str, str]:
        """The kind of its entry in the audit log, and the sentence of that kind."""
        words = {name: _word(choices, body[name]) for name, choices in self.fields.items()}
        sentence = self.sentence
        for name, word in words.items():
            sentence = sentence.replace(f"{{{name}}}", word)
        return f"command.{'_'.join((self.name, *words.values()))}", sentence

    def entries(self) -> dict[str, str]:
        """Every kind of entry that it may leave, with its sentence."""
        bodies: list[dict[str, int]] = [{}] if self.given else []
        for name, choices in self.fields.items():
            bodies = [{**body, name: value} for body in bodies for value in choices.values()]
        return dict(map(self.entry, bodies))


def _word(choices: Choices, value: Any) -> str:
    return next(word for word, one in choices.items() if one == value)


class CommandTable:
    """Commands by name and by service code."""

    def __init__(self, kinds: Iterable[CommandKind]) -> None:
        self._by_name = {kind.name: kind for kind in kinds}
        self._by_code = {kind.code: kind for kind in self._by_name.values()}

    def __iter__(self) -> Iterator[CommandKind]:
        return iter(self._by_name.values())

    @property
    def given(self) -> list[CommandKind]:
        """Those that a person gives."""
        return [kind for kind in self if kind.given]

    @property
    def fields(self) -> dict[str, list[int]]:
        """Every field that one of them has, with the values that it may have."""
        found: dict[str, dict[int, None]] = {}
        for kind in self:
            for name, choices in kind.fields.items():
                found.setdefault(name, {}).update(dict.fromkeys(choices.values()))
        return {name: sorted(values) for name, values in found.items()}

    def __getitem__(self, name: str) -> CommandKind:
        return self._by_name[name]

    def of_code(self, code: int) -> CommandKind | None:
        """The command of a service code, None for one that is not here (any more)."""
        return self._by_code.get(code)

    def name_of(self, code: int) -> str:
        """What the command of a service code is called; its number where nobody knows it."""
        kind = self.of_code(code)
        return str(code) if kind is None else kind.name

    def codes_with(self, part: str) -> list[int]:
        """The codes of those that have this in their names."""
        return [kind.code for kind in self if part in kind.name]


CANCEL: Final = CommandKind(name="cancel", code=1025, waits=True)

COMMANDS: Final = CommandTable(
    (
        CommandKind(
            name="restart",
            code=1002,
            summary="Restart terminals that are on",
            question="Restart",
            sentence="Restart requested: {whom}",
        ),
        CommandKind(
            name="shutdown",
            code=1001,
            summary="Shut down terminals that are on",
            question="Shut down",
            sentence="Shutdown requested: {whom}",
        ),
        CommandKind(
            name="watermark",
            code=1022,
            summary="Switch the watermark on or off",
            fields=MappingProxyType({"switch": MappingProxyType({"on": 1, "off": 0})}),
            waits=True,
            replaces=True,
            sentence="Watermark {switch}: {whom}; sent at once: {sent}, at the next login: {waiting}",
        ),
        CommandKind(
            name="check_disks",
            code=1901,
            summary="Have terminals read their disks from end to end, and mend what is damaged",
            needs="check_disk",
            sentence="Check of the disks requested: {whom}",
        ),
        CANCEL,
    )
)
"""All that there are; `cancel` follows from cancelling a rollout."""
