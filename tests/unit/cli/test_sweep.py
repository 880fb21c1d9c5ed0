"""Tests of voi.cli.sweep."""

from __future__ import annotations

import json

from tests.unit.cli.scripted import ScriptedCase

FOUND = {
    "files": [
        {"path": "/var/lib/voi/disks/voi_1_x", "size": 2_000_000, "kind": "disk"},
        {"path": "/var/lib/voi/torrents/.a.new", "size": 4096, "kind": "draft"},
    ],
    "size": 2_004_096,
}
SWEPT = {"deleted": FOUND["files"], "size": 2_004_096, "refused": []}


class SweepTests(ScriptedCase):
    """`voi sweep`."""

    def setUp(self) -> None:
        super().setUp()
        self.script.say("GET", "/orphans", FOUND)

    def test_listed(self) -> None:
        """Without --delete nothing is changed: what there is, and how much."""
        result = self.voi("sweep")
        self.assertEqual((result.exit_code, self.script.changes()), (0, []))
        for word in ("voi_1_x", "a level that no template has", "2 files, 2.0 MB"):
            self.assertIn(word, result.stdout)
        self.assertEqual(json.loads(self.voi("sweep", "--json").stdout), FOUND)

    def test_nothing(self) -> None:
        """Where there is nothing, nothing is asked or deleted."""
        self.script.say("GET", "/orphans", {"files": [], "size": 0})
        result = self.voi("sweep", "--delete")
        self.assertEqual((result.exit_code, self.script.changes()), (0, []))
        self.assertIn("nothing", result.stdout)

    def test_deleted(self) -> None:
        """What is to go is shown and asked about; then it is deleted."""
        self.script.say("DELETE", "/orphans", SWEPT)
        refused = self.voi("sweep", "--delete", typed="n\n")
        self.assertEqual((refused.exit_code, self.script.changes()), (1, []))
        self.assertIn("voi_1_x", refused.stderr)
        result = self.voi("sweep", "--delete", typed="y\n")
        self.assertEqual(result.exit_code, 0)
        self.assertIn("deleted: 2 files, 2.0 MB", result.stdout)
        self.assertEqual(json.loads(self.voi("sweep", "--delete", "--yes", "--json").stdout), SWEPT)

    def test_refused(self) -> None:
        """What could not be deleted is told, and is status 3."""
        refused = [{"path": "/x", "text": "/x: Operation not permitted", "why": None}]
        self.script.say("DELETE", "/orphans", {"deleted": [], "size": 0, "refused": refused})
        result = self.voi("sweep", "--delete", "--yes")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("not permitted", result.stderr)
