"""Commands to terminals and what became of them, terminal by terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.command_outcomes import Command, CommandCounts, CommandResult


@dataclass(frozen=True, slots=True)
class CommandFilter:
    """Which commands are meant; None and the empty text leave a thing open.

    `q` is a part of the number, `codes` are those of the commands whose names have it in them. `state` is that of the
    outcome at the terminal `mac`.
    """

    q: str = ""
    codes: Sequence[int] = ()
    code: int | None = None
    mac: str | None = None
    state: str | None = None


class Commands(Protocol):
    """All commands, by batch number. Numbers rise in the order in which commands were given."""

    def begin(
        self,
        code: int,
        body: Mapping[str, Any],
        macs: Iterable[str],
        *,
        waits: bool,
        now: float,
        replaces: bool = False,
        audit: Audit[Command] | None = None,
    ) -> Deferred[Command]:
        """Write down a command for some terminals, each once, all waiting; gives it a batch number.

        One that `replaces` others of its code ends those that still wait at its terminals, in the same step: they are
        `replaced`, and the reason names the newer one.
        """

    def end(self, ended: Sequence[CommandResult]) -> Deferred[None]:
        """Note outcomes, as many as there are, in the order in which they came, in one step.

        What is done, failed or replaced does not wait again.
        """

    def give_up_unfinished(self, reason: str, now: float) -> Deferred[int]:
        """At start: commands that were under way and do not wait for a login have failed; how many outcomes."""

    def get(self, batch_no: int) -> Deferred[Command | None]:
        """A command with its outcomes by MAC."""

    def find(
        self, wanted: CommandFilter, *, sort: str = "-created", limit: int = -1, offset: int = 0
    ) -> Deferred[tuple[list[CommandCounts], int]]:
        """Some commands, each with how many outcomes it has of which state; and how many are meant in all.

        The counts have every state of `voi.domain.command_outcomes.STATES`.

        :param sort: ``created`` or ``command`` (its code).
        """

    def of_terminal(
        self, mac: str, limit: int, *, wanted: CommandFilter | None = None, sort: str = "-created", offset: int = 0
    ) -> Deferred[tuple[list[Command], int]]:
        """Commands for a terminal, each with its outcome there alone; and how many are meant in all.

        :param sort: as `find` takes it.
        """

    def waiting_for(self, mac: str) -> Deferred[list[Command]]:
        """Commands that wait for a terminal's login, oldest first, without their outcomes."""
