"""From commands to the structs of the API; pure functions."""

from __future__ import annotations

from typing import Any

from voi.domain.command_outcomes import Command, CommandCounts, CommandOutcome
from voi.domain.commands import CommandTable
from voi.web.api.schemas.commands import (
    CommandSchemas,
    CommandSummary,
    CommandView,
    OutcomeView,
    TerminalCommand,
)
from voi.web.api.views import moment
from voi.web.http.reasons import why_of


class CommandViews:
    """Shows commands by the names and with the fields of a table."""

    def __init__(self, table: CommandTable, schemas: CommandSchemas) -> None:
        self._table = table
        self._schemas = schemas

    def view(self, command: Command) -> CommandView:
        """A command with its outcomes."""
        return self._schemas.view(**self._common(command), outcomes=[_outcome(one) for one in command.outcomes])

    def summary(self, counted: CommandCounts) -> CommandSummary:
        """A command in short."""
        counts = dict(counted.counts)
        return self._schemas.summary(**self._common(counted.command), terminals=sum(counts.values()), counts=counts)

    def of_terminal(self, command: Command) -> TerminalCommand:
        """A command with its one outcome at a terminal."""
        (outcome,) = command.outcomes
        return self._schemas.terminal_command(
            **self._common(command),
            state=outcome.state,
            reason=str(outcome.reason),
            why=why_of(outcome.reason),
            updated=moment(outcome.updated),
        )

    def _common(self, command: Command) -> dict[str, Any]:
        said = {name: command.body.get(name) for name in self._table.fields}
        return {
            "batch_no": command.batch_no,
            "command": self._table.name_of(command.code),
            "created": moment(command.created),
            **{name: value if isinstance(value, int) else None for name, value in said.items()},
        }


def _outcome(outcome: CommandOutcome) -> OutcomeView:
    reason = outcome.reason
    return OutcomeView(outcome.mac, outcome.state, str(reason), why_of(reason), moment(outcome.updated))
