"""Tests of voi.domain.commands, and of those who speak of the same commands elsewhere."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from voi.agent.commands import CommandHandlers
from voi.cli.root import main
from voi.domain.audit import KINDS
from voi.domain.commands import COMMANDS
from voi.wire.codes import ABILITIES, Code


class CommandTableTests(SynchronousTestCase):
    """The table."""

    def test_codes(self) -> None:
        """Each has a service code of the protocol, and none has another's."""
        codes = [kind.code for kind in COMMANDS]
        self.assertEqual([Code(code).value for code in codes], codes)
        self.assertEqual(len(set(codes)), len(codes))

    def test_abilities(self) -> None:
        """What a command needs of a terminal is what a login can say."""
        self.assertLessEqual({kind.needs for kind in COMMANDS} - {""}, ABILITIES)

    def test_known_at_the_terminal(self) -> None:
        """The reference terminal does each of them."""
        nobody: Any = None
        handlers = CommandHandlers("02:00:00:00:00:01", nobody, nobody, nobody, nobody)
        self.assertEqual({kind.code for kind in COMMANDS} - set(handlers._table), set())

    def test_entries(self) -> None:
        """What a person gives is told in the audit log, one kind of entry for each thing that may be said with it."""
        self.assertEqual(
            [kind for command in COMMANDS for kind in command.entries()],
            [
                "command.restart",
                "command.shutdown",
                "command.watermark_on",
                "command.watermark_off",
                "command.check_disks",
            ],
        )
        self.assertTrue(KINDS["command.watermark_off"].startswith("Watermark off: {whom}"))

    def test_the_shell(self) -> None:
        """The shell has a command for each that a person gives, with a question where it may interrupt somebody."""
        for kind in COMMANDS.given:
            options = {
                option for parameter in main.commands[kind.name.replace("_", "-")].params for option in parameter.opts
            }
            self.assertEqual("--yes" in options, bool(kind.question), kind.name)
            self.assertLessEqual(kind.fields.keys(), options)

    def test_names(self) -> None:
        """A code that nobody knows any more is shown as it is."""
        self.assertEqual(
            [COMMANDS.name_of(1002), COMMANDS.name_of(1025), COMMANDS.name_of(7)], ["restart", "cancel", "7"]
        )
        self.assertEqual(COMMANDS.codes_with("mark"), [1022])
