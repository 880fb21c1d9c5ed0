"""Tests of voi.cli.tokens."""

from __future__ import annotations

import json

from tests.unit.cli.scripted import ScriptedCase


class TokenTests(ScriptedCase):
    """`voi token`."""

    def setUp(self) -> None:
        super().setUp()
        rows = [
            {"id": number, "name": name, "role": "operator", "created": "2026-01-31T12:00:00Z", "last_used": None}
            for number, name in ((1, "backup"), (2, "backup"), (3, "monitor"))
        ]
        self.script.say("GET", "/tokens", {"tokens": rows})

    def test_make(self) -> None:
        """The token alone is printed, and is asked for without a key: its answer is a secret."""
        made = {"id": 4, "name": "x", "role": "operator", "created": "", "token": "s3cret"}
        self.script.say("POST", "/tokens", made, status=201)
        self.assertEqual(self.voi("token", "make", "x").stdout, "s3cret\n")
        self.assertEqual(self.script.changes(), [("POST", "/tokens", {"name": "x", "role": "operator"})])
        self.assertEqual(json.loads(self.voi("token", "make", "x", "--json").stdout), made)

    def test_list(self) -> None:
        """Tokens with their numbers."""
        result = self.voi("token", "list")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("monitor", result.stdout)

    def test_revoke(self) -> None:
        """By name or number; a name that two have is an error that lists both."""
        self.script.say("DELETE", "/tokens/3", {})
        self.script.say("DELETE", "/tokens/2", {})
        self.assertEqual(self.voi("token", "revoke", "monitor").exit_code, 0)
        self.assertEqual(self.voi("token", "revoke", "2").exit_code, 0)
        result = self.voi("token", "revoke", "backup")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("\n  1  backup\n  2  backup", result.stderr)
        self.assertEqual([path for _, path, _ in self.script.changes()], ["/tokens/3", "/tokens/2"])

    def test_not_allowed(self) -> None:
        """Without the right it is refused, with an exit status of its own."""
        self.refuse("GET", "/tokens", "only an administrator may do this", 403)
        result = self.voi("token", "list")
        self.assertEqual(result.exit_code, 5)
        self.assertIn("only an administrator", result.stderr)
