"""Tests of voi.cli.looking and voi.cli.output."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli.scripted import HOSTILE, MACS, OTHER_UUID, UUID, ScriptedCase, template, terminal
from voi.cli.output import cell, counted, duration, moment, printable


class LookingTests(ScriptedCase):
    """Tables and JSON."""

    def overview(self) -> dict[str, Any]:
        """What the server says of itself."""
        summary = {
            "id": 3,
            "template": UUID,
            "template_name": HOSTILE,
            "version": 2,
            "state": "running",
            "created": "2026-01-31T12:00:00Z",
            "counts": {"done": 2, "failed": 0},
            "progress": 0.5,
            "rate": 2_000_000,
            "eta": 65.0,
        }
        return {
            "terminals": {"online": 1, "total": 2, "outdated": 1, "failed": 0},
            "rooms": [{"id": 1, "name": HOSTILE, "online": 1, "total": 2}],
            "rollouts": [summary],
            "traffic": {"server_out": 1_000_000, "server_in": 0, "swarm": 0},
            "disk": {"free": 500, "total": 1000},
            "attention": [{"kind": "failed", "count": 1, "text": HOSTILE + "failed", "link": ""}],
        }

    def test_status(self) -> None:
        """The status shows names as they are, without what a terminal would obey."""
        self.script.say("GET", "/overview", self.overview())
        result = self.voi("status")
        self.assertEqual(result.exit_code, 0, result.stderr)
        for text in ("Class[bold]room", "1 of 2 terminals online", "1.0 MB/s", "2 done", "running 50%", "0:01:05"):
            self.assertIn(text, result.stdout)
        self.assertNotIn("\x1b[2J", result.stdout)
        self.assertNotIn("\u202e", result.stdout)
        self.assertNotIn("2 done, 0 failed", result.stdout)

    def test_status_as_json(self) -> None:
        """A program gets one document, in ASCII."""
        self.script.say("GET", "/overview", self.overview())
        result = self.voi("status", "--json")
        self.assertEqual(json.loads(result.stdout), self.overview())
        self.assertTrue(result.stdout.isascii() and result.stdout.rstrip("\n").isprintable())

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

    def test_templates(self) -> None:
        """Templates with what the server sent of them and who has them."""
        found = [template("ready"), template("importing", 0.5, uuid=OTHER_UUID)]
        self.script.say("GET", "/templates", {"templates": found})
        self.script.say("GET", "/swarms", {"swarms": [{"template": UUID, "size": 100, "server_sent": 250}]})
        result = self.voi("templates")
        for text in ("Class[bold]room", UUID, "2.5", "importing 50%", "3 / 4"):
            self.assertIn(text, result.stdout)
        self.assertEqual(json.loads(self.voi("templates", "--json").stdout), {"templates": found})

    def test_nothing_there(self) -> None:
        """Where there is nothing, it says what to do."""
        self.templates()
        self.script.say("GET", "/swarms", {"swarms": []})
        self.assertIn("voi import", self.voi("templates").stdout)


class TextTests(SynchronousTestCase):
    """How values look."""

    @given(st.text())
    def test_cells(self, text: str) -> None:
        """Whatever a stranger calls himself, a cell has nothing that a terminal would obey, and is one line."""
        self.assertTrue(cell(text).plain.isprintable())
        self.assertEqual(len(cell(text).plain), len(text))
        self.assertTrue(printable(text).replace("\n", "").isprintable())

    def test_values(self) -> None:
        """Times, durations and numbers of things."""
        self.assertEqual([duration(x) for x in (None, 0.4, 65, 3600 * 30)], ["-", "0:00:00", "0:01:05", "30:00:00"])
        self.assertEqual((counted(1, "terminal"), counted(0, "terminal")), ("1 terminal", "0 terminals"))
        self.assertRegex(moment("2026-01-31T12:00:00.5Z"), r"^2026-\d\d-\d\d \d\d:00:00$|^2026-.*:\d\d:00$")
        self.assertEqual(moment(None), "-")
