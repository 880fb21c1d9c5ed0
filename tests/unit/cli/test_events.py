"""Tests of voi.cli.events."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import click

from tests.unit.cli.scripted import HOSTILE, MACS, Cut, ScriptedCase
from voi.cli.events import follow
from voi.cli.failures import Unreachable

NONE = {"since": None, "kind": None, "mac": None, "who": None, "q": None}


def event(number: int, kind: str = "server.started") -> dict[str, Any]:
    """An entry as the API shows it."""
    return {
        "id": number,
        "time": "2026-01-31T12:00:00Z",
        "kind": kind,
        "who": "admin",
        "from": "192.0.2.7",
        "text": f"entry {number} {HOSTILE}",
        "mac": None,
    }


def page(*numbers: int) -> dict[str, Any]:
    """Entries, newest first."""
    return {"events": [event(number) for number in sorted(numbers, reverse=True)], "total": len(numbers)}


def stream(*news: dict[str, Any]) -> bytes:
    """A stream that says hello, tells of these, and ends."""
    stream = b"".join(b"event: event\ndata: %b\n\n" % json.dumps(one).encode() for one in news)
    return b'event: hello\ndata: {"boot": 1}\n\n' + stream


class EventsTests(ScriptedCase):
    """`voi events`."""

    def test_table(self) -> None:
        """Newest last, texts as they are."""
        self.script.say("GET", "/events", page(1, 2))
        result = self.voi("events")
        self.assertEqual(result.exit_code, 0, result.stderr)
        self.assertLess(result.stdout.index("entry 1"), result.stdout.index("entry 2"))
        self.assertIn("Class[bold]room", result.stdout)
        self.assertNotIn("\x1b[2J", result.stdout)

    def test_json(self) -> None:
        """A program gets the server's own document."""
        self.script.say("GET", "/events", page(1, 2))
        self.assertEqual(json.loads(self.voi("events", "--json").stdout), page(1, 2))

    def test_filters(self) -> None:
        """Filters are the server's; a time without a zone, or an age, becomes UTC."""
        self.script.say("GET", "/events", page())
        self.voi("events", "--since", "2026-01-31T12:00+02:00", "--kind", "rollout", "--mac", MACS[0], "-n", "7")
        wanted = {"since": "2026-01-31T10:00:00Z", "kind": "rollout", "mac": MACS[0], "limit": "7"}
        self.assertEqual(self.script.asked[0].query, wanted)
        self.voi("events", "--since", "15m")
        self.assertRegex(self.script.asked[1].query["since"], r"^20.*Z$")
        for text in ("", "yesterday", "99999999999d", "-5m"):
            self.assertEqual(self.voi("events", "--since", text).exit_code, 2, text)

    def follow(self, count: int, **wanted: Any) -> list[int]:
        """The first entries that are shown."""
        self.patch(click, "echo", lambda *_, **__: None)  # what is said of breaks is not for trial's report
        found = follow(self.api, {**NONE, **wanted}, 10, sleep=lambda _: None)
        return [one["id"] for one in islice(found, count)]

    def test_follow(self) -> None:
        """First what was, then what comes; what the two have in common is shown once."""
        self.script.say("GET", "/events/stream", stream(event(2), event(3), event(4)))
        self.script.say("GET", "/events", page(1, 2), page(1, 2, 3, 4))
        self.assertEqual(self.follow(4), [1, 2, 3, 4])
        self.assertEqual(len(self.script.asked), 3)

    def test_old_news(self) -> None:
        """For what was shown already, the audit log is not asked again."""
        self.script.say("GET", "/events/stream", stream(event(1), event(2)), stream(event(3)))
        self.script.say("GET", "/events", page(1, 2), page(1, 2), page(1, 2, 3))
        self.assertEqual(self.follow(3), [1, 2, 3])
        self.assertEqual(len(self.script.asked), 5)

    def test_reconnecting(self) -> None:
        """After a break it connects again, and what was missed meanwhile comes first."""
        self.script.say("GET", "/events/stream", stream(event(2)), Cut(), Cut(), stream(event(5)))
        self.script.say("GET", "/events", page(1), page(1, 2), page(1, 2, 3, 4), page(1, 2, 3, 4, 5))
        self.assertEqual(self.follow(5), [1, 2, 3, 4, 5])

    def test_filter_of_what_comes(self) -> None:
        """What is of another kind is not shown, and not asked for."""
        self.script.say("GET", "/events/stream", stream(event(2, "room.made"), event(3, "server.stopped")))
        self.script.say("GET", "/events", page(1), page(1, 3))
        self.assertEqual(self.follow(2, kind="server"), [1, 3])
        self.assertEqual(len(self.script.asked), 3)
        self.assertEqual(self.script.asked[2].query["kind"], "server")

    def test_nothing_to_follow(self) -> None:
        """A server that cannot be reached in the first place is not waited for."""
        self.script.say("GET", "/events/stream", Cut())
        with self.assertRaises(Unreachable):
            self.follow(1)

    def test_lines(self) -> None:
        """With -f each entry is a line, of JSON if so asked, until the server refuses."""
        self.script.say("GET", "/events/stream", stream())
        self.script.say("GET", "/events", page(1, 2))
        self.script.answers["GET", "/api/v1/events/stream"].append(
            (401, {"error": {"code": "unauthorized", "message": "no", "field": None}})
        )
        self.patch(__import__("voi.cli.events", fromlist=["x"]), "AGAIN_SECONDS", 0.0)
        result = self.voi("events", "-f", "--json")
        self.assertEqual([json.loads(line)["id"] for line in result.stdout.splitlines()], [1, 2])
        self.assertEqual(result.exit_code, 5)
        self.assertIn("trying again", result.stderr)
