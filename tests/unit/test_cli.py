"""Tests of the `voi` command, against a scripted server on loopback."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

from click.testing import CliRunner, Result
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from voi import cli

UUID = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"


def template(state: str, progress: float = 0.0, reason: str = "", disk: str = "receiving") -> dict[str, Any]:
    """A template as the API shows it."""
    uploads = [{"disks": [{"state": disk}]}] if state == "importing" else []
    return {
        "uuid": UUID,
        "name": "Class[bold]room\x1b[2J",
        "state": state,
        "progress": progress,
        "reason": reason,
        "version": 1,
        "uploads": uploads,
    }


class Script:
    """Answers in turn, the last one again and again; remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str, str | None, Any]] = []

    def say(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        """What is answered to this request."""
        self.answers[method, path] = [(status, answer) for answer in answers]

    def answer(self, method: str, path: str, token: str | None, body: Any) -> tuple[int, Any]:
        """The next answer."""
        self.asked.append((method, path, token, body))
        left = self.answers[method, path]
        return left.pop(0) if len(left) > 1 else left[0]


class CliTests(SynchronousTestCase):
    """A server that answers what the test says."""

    def setUp(self) -> None:
        script = self.script = Script()

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = json.loads(self.rfile.read(length)) if length else None
                status, answer = script.answer(self.command, self.path, self.headers["Authorization"], body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = respond  # noqa: N815 - the names that http.server asks for

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
                """Nothing on stderr."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.server = f"http://127.0.0.1:{server.server_port}"
        self.patch(cli, "LOOK_AGAIN_SECONDS", 0.0)

    def run_voi(
        self, *arguments: str, token: str | None = "secret", env: dict[str, str | None] | None = None
    ) -> Result:
        """Run the command with the scripted server."""
        given = [*arguments, "--server", self.server, *(() if token is None else ("--token", token))]
        clean: dict[str, str | None] = {"VOI_TOKEN": None, "VOI_SERVER": None, "http_proxy": "http://127.0.0.1:1"}
        return CliRunner().invoke(cli.main, given, env={**clean, **(env or {})})

    def import_image(self, *more: str) -> Result:
        """Run `voi import`."""
        return self.run_voi("import", "image.qcow2", "--name", "Classroom", *more)

    def test_import(self) -> None:
        """An import is followed until it is published; the template's uuid is what is printed."""
        self.script.say("POST", "/api/v1/templates", template("importing"), status=202)
        steps = [template("importing", 0.5), template("importing", 1.0, disk="publishing"), template("ready", 1.0)]
        self.script.say("GET", f"/api/v1/templates/{UUID}", *steps)
        result = self.import_image("--sys-type", "3", "--type", "data")
        self.assertEqual((result.exit_code, result.stdout), (0, f"{UUID}\n"))
        path = str(Path("image.qcow2").absolute())
        body = {"name": "Classroom", "sys_type": 3, "disks": [{"type": "data", "path": path}]}
        self.assertEqual(self.script.asked[0], ("POST", "/api/v1/templates", "Bearer secret", body))
        self.assertEqual(len(self.script.asked), 4)

    def test_failed_import(self) -> None:
        """An import that fails on the way is exit status 1 and the server's reason."""
        self.script.say("POST", "/api/v1/templates", template("importing"), status=202)
        self.script.say("GET", f"/api/v1/templates/{UUID}", template("failed", reason="the file ended early"))
        result = self.import_image()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("the file ended early", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_refused_import(self) -> None:
        """A refusal is exit status 1 and the server's reason, without what a terminal would obey."""
        error = {"error": {"code": "bad_image", "message": "/x is\x1b[2J no image", "field": "disks[0].path"}}
        self.script.say("POST", "/api/v1/templates", error, status=422)
        result = self.import_image()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no image", result.stderr)
        self.assertNotIn("\x1b", result.stderr)

    def test_other_answers(self) -> None:
        """What is no answer of ours is exit status 1 and one line."""
        self.script.say("POST", "/api/v1/templates", b"<html>", status=502)
        self.assertIn("502", self.import_image().stderr)
        self.script.say("POST", "/api/v1/templates", b"<html>")
        result = self.import_image()
        self.assertEqual((result.exit_code, result.stderr.count("\n")), (1, 1))
        self.assertIn("no voi server", result.stderr)

    def test_no_server(self) -> None:
        """Without a server it says so."""
        self.server = "http://127.0.0.1:1"
        result = self.import_image()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no answer from http://127.0.0.1:1", result.stderr)

    def test_token_of_the_data_directory(self) -> None:
        """Without a token, the server's own file is read; the environment goes before it, the option first."""
        data = Path(self.mktemp())
        data.mkdir()
        (data / "api-token").write_text("from-file\n")
        self.script.say("POST", "/api/v1/templates", template("ready"))
        arguments = ("import", "x", "--name", "x", "--data", str(data))
        self.run_voi(*arguments, token=None)
        self.run_voi(*arguments, token=None, env={"VOI_TOKEN": "from-environment"})
        self.run_voi(*arguments, env={"VOI_TOKEN": "from-environment"})
        tokens = [token for _, _, token, _ in self.script.asked]
        self.assertEqual(tokens, ["Bearer from-file", "Bearer from-environment", "Bearer secret"])

    def test_no_token(self) -> None:
        """Without any token it says where one could come from, and asks nobody."""
        result = self.run_voi("import", "x", "--name", "x", "--data", self.mktemp(), token=None)
        self.assertEqual(result.exit_code, 1)
        self.assertIn("api-token: No such file or directory", result.stderr)
        self.assertEqual(self.script.asked, [])

    def test_wrong_server(self) -> None:
        """Only HTTP is spoken."""
        self.server = "file:///etc/passwd"
        self.assertEqual(self.import_image().exit_code, 2)

    def test_status(self) -> None:
        """The status shows names as they are, without what a terminal would obey."""
        self.script.say("GET", "/api/v1/templates", {"templates": [template("ready"), template("importing", 0.5)]})
        swarm = {"template": UUID, "seeds": 7, "size": 100, "server_sent": 250}
        self.script.say("GET", "/api/v1/swarms", {"swarms": [swarm]})
        rollout = {"id": 3, "template": UUID, "version": 1, "state": "running", "counts": {"done": 2, "failed": 0}}
        self.script.say("GET", "/api/v1/rollouts", {"rollouts": [rollout]})
        self.script.say("GET", "/api/v1/terminals", {"terminals": [{"online": True}, {"online": False}]})
        result = self.run_voi("status", env={"COLUMNS": "200"})
        self.assertEqual(result.exit_code, 0)
        for text in ("Class[bold]room", UUID, "2.5", "importing 50%", "2 done", "1 of 2 terminals are online"):
            self.assertIn(text, result.stdout)
        self.assertNotIn("\x1b[2J", result.stdout)
        self.assertNotIn("failed", result.stdout)


class FollowTests(SynchronousTestCase):
    """Following an import, without a server."""

    def follow(self, answers: Sequence[Any]) -> Any:
        """Follow an import that is answered so."""
        left = list(answers)

        class FakeApi(cli.Api):
            def ask(self, method: str, path: str, body: Any = None) -> Any:
                answer = left.pop(0) if len(left) > 1 else left[0]
                if isinstance(answer, Exception):
                    raise answer
                return answer

        console = Console(file=StringIO())
        return cli.follow(FakeApi("", ""), template("importing"), console, sleep=lambda _: None)

    def test_restart_of_the_server(self) -> None:
        """A server that does not answer for a while is waited for."""
        answers = [*[cli.Unreachable("no answer")] * (cli.PATIENCE - 1), template("importing"), cli.Unreachable("no")]
        self.assertEqual(self.follow([*answers, template("ready")])["state"], "ready")

    def test_server_that_is_gone(self) -> None:
        """A server that does not come back is given up."""
        with self.assertRaises(cli.Unreachable):
            self.follow([cli.Unreachable("no answer")])

    def test_refusal_is_final(self) -> None:
        """What the server itself says ends the wait at once."""
        with self.assertRaises(cli.ServerError):
            self.follow([cli.ServerError("no template"), template("ready")])

    def test_stages(self) -> None:
        """The stage of the disk is what is said."""
        self.assertEqual(cli.stage(template("importing")), "copying and hashing")
        self.assertEqual(cli.stage(template("importing", disk="publishing")), "publishing")
        self.assertEqual(cli.stage(template("ready")), "importing")
