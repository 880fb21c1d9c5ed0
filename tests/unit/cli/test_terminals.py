"""Tests of voi.cli.terminals."""

from __future__ import annotations

from tests.unit.cli.scripted import HOSTILE, MACS, UUID, ScriptedCase, terminal


class TerminalsTests(ScriptedCase):
    """`voi terminals`."""

    def test_terminals(self) -> None:
        """Each terminal is one row, in the words of people: names of its room and its template."""
        rows = [terminal(MACS[0], HOSTILE, room=1), terminal(MACS[1], online=False, template=None)]
        self.script.say("GET", "/terminals", {"terminals": rows, "total": 2, "offset": 0})
        self.rooms((1, "Physics"))
        self.templates((UUID, "Office"))
        result = self.voi("terminals")
        self.assertEqual(result.exit_code, 0, result.stderr)
        (row,) = [line for line in result.stdout.splitlines() if MACS[0] in line]
        for text in ("Class[bold]room", "Physics", "outdated", "Office", "1 of 2", "now"):
            self.assertIn(text, row)

    def test_unknown(self) -> None:
        """What is not known is said to be so, never a number; to have a version and to run it are two things."""
        rows = [
            terminal(MACS[0], version=None, running=None, state="unknown"),
            terminal(MACS[1], version=2, running=1),
            terminal(MACS[2], version=0),
        ]
        self.script.say("GET", "/terminals", {"terminals": rows, "total": 3, "offset": 0})
        self.rooms()
        self.templates((UUID, "Office"))
        lines = self.voi("terminals").stdout.splitlines()
        has = [next(line for line in lines if mac in line) for mac in MACS]
        self.assertIn("unknown of 2", has[0])
        self.assertRegex(has[1], r"2 of 2\s+.\s+1\s")
        self.assertIn("none whole of 2", has[2])
        self.assertNotIn("outdated", has[0])

    def test_filters(self) -> None:
        """Filters become the server's, names of rooms and templates its numbers."""
        self.terminals("a")
        self.rooms((1, "Physics"), (2, "Chemistry"))
        self.templates((UUID, "Office"))
        self.voi("terminals", "--room", "chemistry", "--outdated", "--online", "--template", "Office", "--json")
        (asked,) = [one for one in self.script.asked if one.path == "/api/v1/terminals"]
        wanted = {"room": "2", "state": "outdated", "online": "true", "image": UUID}
        self.assertEqual({name: asked.query[name] for name in wanted}, wanted)

    def test_filters_that_contradict(self) -> None:
        """Two states at once are a mistake of the command line."""
        self.assertEqual(self.voi("terminals", "--outdated", "--state", "failed").exit_code, 2)
        self.assertEqual(self.voi("terminals", "--state", "dead").exit_code, 2)
