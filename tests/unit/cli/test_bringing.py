"""Tests of voi.cli.bringing and voi.cli.follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from click.testing import Result
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli.scripted import MACS, OTHER_UUID, UUID, ScriptedCase, template
from voi.cli.api import ApiClient
from voi.cli.failures import Failed, Unreachable
from voi.cli.follow import PATIENCE, follow, stage


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
        """A refusal is exit status 1 and the server's reason, without what a terminal would obey."""
        self.refuse("POST", "/templates", "/x is\x1b[2J no image", 422)
        result = self.import_image()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no image", result.stderr)
        self.assertNotIn("\x1b", result.stderr)


def upload(state: str, disk: str, reason: str = "") -> dict[str, Any]:
    """An upload as the API shows it."""
    disks = [{"name": f"voi_0_{UUID}", "state": disk, "reason": reason}]
    return {"id": 7, "state": state, "template": UUID, "progress": 0.5, "disks": disks}


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
        """The reason of the disk that failed is told."""
        self.script.say("GET", "/uploads/7", upload("failed", "failed", "piece 3 is wrong"))
        result = self.voi("upload", MACS[0], UUID)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("piece 3 is wrong", result.stderr)

    def test_terminal_that_is_off(self) -> None:
        """Somebody who would wait for a terminal that is off is told so; without waiting there is nothing to tell."""
        self.assertIn("at its next login", self.voi("upload", "Seat 2", UUID).stderr)
        self.assertEqual(self.voi("upload", "Seat 2", UUID, "--no-wait").stderr, "")

    def test_template_of_the_terminal_alone(self) -> None:
        """For a name that the server does not know, the uuids that the terminal has are told."""
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


class FollowTests(SynchronousTestCase):
    """Following an import, without a server."""

    def follow(self, answers: Sequence[Any]) -> Any:
        """Follow an import that is answered so."""
        left = list(answers)

        class FakeApi(ApiClient):
            def get(self, path: str, query: Any = None) -> Any:
                answer = left.pop(0) if len(left) > 1 else left[0]
                if isinstance(answer, Exception):
                    raise answer
                return answer

        console = Console(file=StringIO())
        seen = template("importing")
        return follow(FakeApi("", ""), "/x", seen, console, running=("importing",), sleep=lambda _: None)

    def test_restart_of_the_server(self) -> None:
        """A server that does not answer for a while is waited for."""
        answers = [*[Unreachable("no answer")] * (PATIENCE - 1), template("importing"), Unreachable("no")]
        self.assertEqual(self.follow([*answers, template("ready")])["state"], "ready")

    def test_server_that_is_gone(self) -> None:
        """A server that does not come back is given up."""
        with self.assertRaises(Unreachable):
            self.follow([Unreachable("no answer")])

    def test_refusal_is_final(self) -> None:
        """What the server itself says ends the wait at once."""
        with self.assertRaises(Failed):
            self.follow([Failed("no template"), template("ready")])

    def test_stages(self) -> None:
        """The stage of the disk is what is said."""
        self.assertEqual(stage(template("importing")), "copying and hashing")
        self.assertEqual(stage(template("importing", disk="publishing")), "publishing")
        self.assertEqual(stage(template("ready")), "importing")
        self.assertEqual(stage(upload("open", "requested")), "waiting for the terminal")
