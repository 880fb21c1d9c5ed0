"""Tests of voi.cli.terminal_commands."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.scripted import MACS, ScriptedCase
from voi.cli import terminal_commands
from voi.cli.failures import Unreachable


def outcomes(*states: tuple[str, str]) -> dict[str, Any]:
    """A command with what became of it at each terminal."""
    rows = [{"mac": mac, "state": s, "reason": r} for mac, (s, r) in zip(MACS, states, strict=False)]
    return {"batch_no": 5, "command": "restart", "switch": None, "outcomes": rows}


def outcome(mac: str, state: str, reason: str, why: str) -> dict[str, Any]:
    """What became of a command that is kept for the login of a terminal, with the code of what it met."""
    inner = {"code": why, "data": {}}
    return {"mac": mac, "state": state, "reason": reason, "why": {"code": "waits_for_login", "data": {"why": inner}}}


class TerminalCommandTests(ScriptedCase):
    """Restart, shutdown, watermark, wake."""

    def setUp(self) -> None:
        super().setUp()
        self.terminals("Teacher", "Seat 2", "Seat 3", online=2)
        self.script.say("POST", "/commands", {"batch_no": 5}, status=202)
        self.script.say("GET", "/commands/5", outcomes(("waiting", ""), ("done", "")), outcomes(*[("done", "")] * 2))

    def test_question(self) -> None:
        """Before a restart it is asked, with how many it hits; no leaves all alone."""
        result = self.voi("restart", "--all", typed="n\n")
        self.assertEqual((result.exit_code, self.script.changes()), (1, []))
        self.assertIn("Restart 2 terminals (1 left out because it is off)?", result.stderr)

    def test_nobody_to_ask(self) -> None:
        """A script without --yes gets no restart, and is told how to confirm."""
        result = self.voi("shutdown", "--all")
        self.assertEqual((result.exit_code, self.script.changes()), (1, []))
        self.assertIn("--yes", result.stderr)

    def test_yes(self) -> None:
        """The command goes to those who were asked about, and its outcomes are waited for."""
        result = self.voi("restart", "--all", typed="y\n")
        self.assertEqual(result.exit_code, 0, result.stderr)
        self.assertEqual(self.script.changes(), [("POST", "/commands", {"command": "restart", "macs": list(MACS[:2])})])
        self.assertIn("2 done, 1 left out because it is off", result.stdout)

    def test_off(self) -> None:
        """Where all are off nothing is done, and that is a failure; a watermark goes to them nevertheless."""
        self.terminals("Teacher", "Seat 2", "Seat 3", online=0)
        for arguments, text in ((("--all",), "all of them are off"), (("Teacher",), "it is off")):
            result = self.voi("shutdown", *arguments, "--yes")
            self.assertEqual((result.exit_code, self.script.changes()), (1, []))
            self.assertIn(text, result.stderr)
        self.script.say("GET", "/commands/5", outcomes(*[("waiting", "off; waits for its next login")] * 3))
        self.assertEqual(self.voi("watermark", "on", "--all").exit_code, 0)
        self.assertEqual(self.script.changes()[0][2]["macs"], list(MACS))

    def test_some_failed(self) -> None:
        """Terminals that failed are listed with their reasons; exit status 3."""
        self.script.say("GET", "/commands/5", outcomes(("done", ""), ("failed", "it is\x1b[2J off")))
        result = self.voi("shutdown", "teacher", "Seat 2", "--yes")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("off", result.stdout)
        self.assertNotIn("\x1b", result.stdout)
        self.assertNotIn(MACS[0], result.stdout)

    def test_watermark(self) -> None:
        """It needs no question; what waits for a login is shown and not waited for."""
        self.script.say("GET", "/commands/5", outcomes(("done", ""), ("waiting", "off; waits for its next login")))
        result = self.voi("watermark", "on", MACS[0], MACS[1])
        self.assertEqual(result.exit_code, 0, result.stderr)
        body = {"command": "watermark", "switch": 1, "macs": list(MACS[:2])}
        self.assertEqual(self.script.changes(), [("POST", "/commands", body)])
        self.assertIn("waits for its next login", result.stdout)

    def test_not_waited_for(self) -> None:
        """Who asks for no results gets none, and that is no failure."""
        self.script.say("GET", "/commands/5", outcomes(("waiting", "")))
        result = self.voi("restart", MACS[0], "--yes", "--wait", "0")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("1 waiting", result.stdout)

    def test_silent(self) -> None:
        """Outcomes are not waited for without an end; terminals that stayed silent until then are status 3."""
        self.script.say("GET", "/commands/5", outcomes(("done", ""), ("waiting", "")))
        result = self.voi("restart", "--all", "--yes", "--wait", "0.01")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("1 done, 1 waiting", result.stdout)
        self.assertIn("1 of 2 terminals did not answer", result.stderr)

    def test_silent_and_kept(self) -> None:
        """One that is on and does not answer is silent, also where the command is kept for its login; one that is off
        is not.
        """
        off = outcome(MACS[0], "waiting", "terminal is offline; waiting for its next login", "offline")
        mute = outcome(MACS[1], "waiting", "no answer; waiting for its next login", "no_answer")
        self.script.say("GET", "/commands/5", {**outcomes(), "outcomes": [off, mute]})
        result = self.voi("watermark", "on", "--all")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("1 of 3 terminals did not answer", result.stderr)
        self.script.say("GET", "/commands/5", {**outcomes(), "outcomes": [off]})
        self.assertEqual(self.voi("watermark", "on", "--all").exit_code, 0)

    def test_some_failed_and_some_silent(self) -> None:
        """Both are counted."""
        self.script.say("GET", "/commands/5", outcomes(("failed", "no"), ("waiting", "")))
        result = self.voi("restart", "--all", "--yes", "--wait", "0.01")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("1 of 2 terminals failed, 1 did not answer", result.stderr)

    def test_json(self) -> None:
        """A program gets the outcomes, and the same exit status."""
        self.script.say("GET", "/commands/5", outcomes(("failed", "no")))
        result = self.voi("restart", MACS[0], "--yes", "--json")
        self.assertEqual(result.exit_code, 3)
        printed = json.loads(result.stdout)
        self.assertEqual((printed["outcomes"][0]["reason"], printed["left_out"]), ("no", []))

    def test_interrupt(self) -> None:
        """Ctrl-C while it waits says that the command was given."""

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        self.patch(terminal_commands, "outcomes", interrupt)
        result = self.voi("restart", MACS[0], "--yes")
        self.assertEqual(result.exit_code, 130)
        self.assertIn("command 5 was sent", result.stderr)

    def test_server_away(self) -> None:
        """A server that goes away while outcomes are waited for is waited for as well, as long as time is left."""
        self.server = "http://127.0.0.1:1"
        with self.assertRaises(Unreachable):
            terminal_commands.outcomes(type(self.api)(self.server, "x"), 5, 0.0)

    def test_wake(self) -> None:
        """Only those that are off are woken."""
        self.script.say("POST", "/terminals/wake", {"sent": 2}, status=202)
        result = self.voi("wake", "--all")
        self.assertEqual(self.script.changes(), [("POST", "/terminals/wake", {"macs": [MACS[2]]})])
        self.assertIn("2 magic packets sent, for 1 terminal", result.stdout)
        result = self.voi("wake", "Teacher")
        self.assertEqual((result.exit_code, len(self.script.changes())), (0, 1))
