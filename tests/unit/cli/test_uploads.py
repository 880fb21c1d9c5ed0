"""Tests of voi.cli.uploads."""

from __future__ import annotations

import json

from tests.unit.cli.scripted import MACS, OTHER_UUID, UUID, ScriptedCase, template, upload


class UploadTests(ScriptedCase):
    """`voi upload`."""

    def setUp(self) -> None:
        super().setUp()
        self.terminals("Teacher", "Seat 2", online=1)
        self.templates((UUID, "Classroom"))
        self.script.say("POST", "/uploads", upload("open", "requested"), status=202)
        self.script.say("GET", "/uploads/7", upload("open", "receiving"), upload("published", "published"))

    def test_upload(self) -> None:
        """Terminal and template go by their names; it is followed to its end, and the uuid printed."""
        result = self.voi("upload", "teacher", "Classroom")
        self.assertEqual((result.exit_code, result.stdout), (0, f"{UUID}\n"), result.stderr)
        self.assertEqual(self.script.changes(), [("POST", "/uploads", {"mac": MACS[0], "template": UUID})])

    def test_refused_upload(self) -> None:
        """What the server says of an upload that cannot be asked for is what is shown."""
        reason = f"disk {UUID} has two differences already, and folding them is not available yet"
        self.refuse("POST", "/uploads", reason)
        result = self.voi("upload", MACS[0], UUID)
        self.assertEqual((result.exit_code, result.stdout), (1, ""))
        self.assertIn(reason, result.stderr)

    def test_failed_upload(self) -> None:
        """The reason of the disk that failed is shown."""
        self.script.say("GET", "/uploads/7", upload("failed", "failed", "piece 3 is wrong"))
        result = self.voi("upload", MACS[0], UUID)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("piece 3 is wrong", result.stderr)

    def test_terminal_that_is_off(self) -> None:
        """Waiting for a terminal that is off, one is told so; without waiting there is nothing to say."""
        self.assertIn("at its next login", self.voi("upload", "Seat 2", UUID).stderr)
        self.assertEqual(self.voi("upload", "Seat 2", UUID, "--no-wait").stderr, "")

    def test_template_of_the_terminal_alone(self) -> None:
        """For a name that the server does not know, the uuids that the terminal has are listed."""
        disks = [
            {"template": OTHER_UUID, "template_name": "Lab", "published": False},
            {"template": UUID, "template_name": "Classroom", "published": True},
        ]
        self.script.say("GET", f"/terminals/{MACS[0]}", {"disks": disks})
        result = self.voi("upload", MACS[0], "Office")
        self.assertEqual((result.exit_code, self.script.changes()), (1, []))
        self.assertIn(OTHER_UUID, result.stderr)
        self.assertNotIn(UUID, result.stderr)
        self.voi("upload", MACS[0], "lab", "--no-wait", "--remark", "with CAD")
        body = {"mac": MACS[0], "template": OTHER_UUID, "remark": "with CAD"}
        self.assertEqual(self.script.changes(), [("POST", "/uploads", body)])

    def test_name_of_what_failed(self) -> None:
        """A name means the template that is published, not the import of this name that failed before."""
        found = [{**template("failed", uuid=OTHER_UUID, name="Office"), "version": 0}, template("ready", name="Office")]
        self.script.say("GET", "/templates", {"templates": found})
        self.voi("upload", MACS[0], "office", "--no-wait")
        self.assertEqual(self.script.changes(), [("POST", "/uploads", {"mac": MACS[0], "template": UUID})])

    def test_refused_for_now(self) -> None:
        """Whoever waits is told why nothing comes, once for each reason."""
        waiting = [upload("open", "requested", reason) for reason in ("10 GiB are needed", "10 GiB are needed", "")]
        self.script.say("GET", "/uploads/7", *waiting, upload("published", "published"))
        result = self.voi("upload", MACS[0], UUID)
        self.assertEqual((result.exit_code, result.stderr.count("nothing has arrived yet: 10 GiB are needed")), (0, 1))

    def test_json(self) -> None:
        """A program gets the upload as it ended."""
        seen = json.loads(self.voi("upload", MACS[0], UUID, "--json").stdout)
        self.assertEqual(seen["state"], "published")


class FailedTests(ScriptedCase):
    """`voi uploads`."""

    def setUp(self) -> None:
        super().setUp()
        disks = [{"name": f"voi_0_{UUID}", "state": "failed", "reason": "torn\x1b[2J", "source": "/srv/d.qcow2"}]
        failed = {
            "id": 7,
            "name": "Office",
            "mac": None,
            "created": "2026-01-31T12:00:00Z",
            "who": "li",
            "disks": disks,
        }
        self.script.say("GET", "/templates", {"templates": [{**template("ready"), "failed": [failed]}]})
        self.script.say("POST", "/uploads/7/retry", {"id": 8}, status=202)
        self.script.say("POST", "/uploads/7/dismiss", failed)

    def test_list(self) -> None:
        """What failed is listed with where it came from, who wanted it, and why it failed."""
        result = self.voi("uploads", "list")
        for text in ("7", "Office", "/srv/d.qcow2", "li", "torn"):
            self.assertIn(text, result.stdout)
        self.assertNotIn("\x1b", result.stdout)
        self.assertEqual(json.loads(self.voi("uploads", "list", "--json").stdout)["uploads"][0]["id"], 7)

    def test_retry_and_dismiss(self) -> None:
        """It is tried again, or taken off the list, by its number."""
        self.assertIn("number 8", self.voi("uploads", "retry", "7").stdout)
        self.assertEqual(self.voi("uploads", "dismiss", "7").exit_code, 0)
        self.assertEqual([path for _, path, _ in self.script.changes()], ["/uploads/7/retry", "/uploads/7/dismiss"])
