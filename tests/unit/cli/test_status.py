"""Tests of voi.cli.status."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cli.scripted import HOSTILE, UUID, ScriptedCase


class StatusTests(ScriptedCase):
    """`voi status`."""

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
            "ran": 1,
            "progress": 0.5,
            "rate": 2_000_000,
            "eta": 65.0,
        }
        return {
            "terminals": {
                "online": 1,
                "total": 2,
                "current": 0,
                "unknown": 4,
                "unreported": 3,
                "outdated": 1,
                "failed": 0,
            },
            "rooms": [{"id": 1, "name": HOSTILE, "online": 1, "total": 2}],
            "rollouts": [summary],
            "traffic": {"server_out": 1_000_000, "server_in": 0, "swarm": 0},
            "disk": {"free": 500, "total": 1000},
            "attention": [{"kind": "failed", "count": 1, "text": HOSTILE + "failed", "link": ""}],
        }

    def test_status(self) -> None:
        """The status shows names as they are, without what a terminal would act on."""
        self.script.say("GET", "/overview", self.overview())
        result = self.voi("status")
        self.assertEqual(result.exit_code, 0, result.stderr)
        for text in (
            "Class[bold]room",
            "1 of 2 terminals online",
            "1.0 MB/s",
            "2 done, 1 seen to run it",
            "50%",
            "4 unknown",
            "3 without a report",
        ):
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
