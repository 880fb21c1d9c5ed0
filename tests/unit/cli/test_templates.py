"""Tests of voi.cli.templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import Result

from tests.unit.cli.scripted import OTHER_UUID, UUID, ScriptedCase, template


class TemplatesTests(ScriptedCase):
    """`voi templates`."""

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


class ImportTests(ScriptedCase):
    """`voi import`."""

    def import_image(self, *more: str) -> Result:
        """Run it."""
        return self.voi("import", "image.qcow2", "--name", "Classroom", *more)

    def test_import(self) -> None:
        """An import is followed until it is published; the template's uuid is what is printed."""
        self.script.say("POST", "/templates", template("importing"), status=202)
        steps = [template("importing", 0.5), template("importing", 1.0, disk="publishing"), template("ready", 1.0)]
        self.script.say("GET", f"/templates/{UUID}", *steps)
        result = self.import_image("--sys-type", "3", "--type", "data")
        self.assertEqual((result.exit_code, result.stdout), (0, f"{UUID}\n"))
        path = str(Path("image.qcow2").absolute())
        body = {"name": "Classroom", "sys_type": 3, "disks": [{"type": "data", "path": path}]}
        self.assertEqual(self.script.changes(), [("POST", "/templates", body)])
        self.assertEqual(len(self.script.asked), 4)

    def test_disks_and_remark(self) -> None:
        """A template of several disks, a shared one among them, with a remark."""
        self.script.say("POST", "/templates", template("ready"), status=202)
        self.import_image("--disk", "data:/srv/d.qcow2", "--disk", "shared:/srv/s:1.qcow2", "--remark", "with CAD")
        ((_, _, body),) = self.script.changes()
        self.assertEqual([disk["type"] for disk in body["disks"]], ["system", "data", "shared"])
        self.assertEqual((body["disks"][2]["path"], body["desc"]), ("/srv/s:1.qcow2", "with CAD"))

    def test_what_is_no_disk(self) -> None:
        """A disk without a type, or with one that there is not, is a wrong command line."""
        for wrong in ("/srv/d.qcow2", "floppy:/srv/d.qcow2", "data:"):
            self.assertEqual(self.import_image("--disk", wrong).exit_code, 2, wrong)
        self.assertEqual(self.script.asked, [])

    def test_failed_import(self) -> None:
        """An import that fails on the way is exit status 1 and the server's reason."""
        self.script.say("POST", "/templates", template("importing"), status=202)
        self.script.say("GET", f"/templates/{UUID}", template("failed", reason="the file ended early"))
        result = self.import_image()
        self.assertEqual((result.exit_code, result.stdout), (1, ""))
        self.assertIn("the file ended early", result.stderr)

    def test_refused_import(self) -> None:
        """A refusal is exit status 1 and the server's reason, without what a terminal would act on."""
        self.refuse("POST", "/templates", "/x is\x1b[2J no image", 422)
        result = self.import_image()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no image", result.stderr)
        self.assertNotIn("\x1b", result.stderr)


class CheckTests(ScriptedCase):
    """`voi check`."""

    def check(self, *steps: dict[str, Any]) -> Result:
        """Run it; the server reads, and then comes to what the steps say."""
        self.script.say("POST", f"/templates/{UUID}/check", template("ready", content="checking", part=0.0), status=202)
        self.script.say("GET", f"/templates/{UUID}", *steps)
        return self.voi("check", UUID)

    def test_whole(self) -> None:
        """It waits until every byte was read."""
        result = self.check(template("ready", content="checking", part=0.5), template("ready", name="Office"))
        self.assertEqual((result.exit_code, result.stdout), (0, "Office: every byte is as it was published\n"))
        self.assertEqual(len(self.script.asked), 3)

    def test_damaged(self) -> None:
        """What is wrong is an error, with what is done about it."""
        result = self.check(template("incomplete", reason="1 of 16 pieces; it is fetched back", content="fetching"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("1 of 16 pieces; it is fetched back", result.stderr)
