"""A server on loopback that answers what a test says, and the command run against it."""

from __future__ import annotations

import json
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from voi import cli
from voi.cli.api import ApiClient

UUID = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"
OTHER_UUID = "7f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c22"
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03")
HOSTILE = "Class[bold]room\x1b[2J\u202e\n"


@dataclass
class Asked:
    """A request that came in."""

    method: str
    path: str
    query: dict[str, str]
    token: str | None
    key: str | None
    body: Any


@dataclass
class Cut:
    """Instead of an answer, the connection is reset."""


class Script:
    """Answers in turn, the last one again and again; remembers what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.asked: list[Asked] = []

    def say(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        """What is answered to this request, whatever its query; the path is below /api/v1."""
        self.answers[method, f"/api/v1{path}"] = [(status, answer) for answer in answers]

    def changes(self) -> list[tuple[str, str, Any]]:
        """What was asked for beside questions."""
        return [(one.method, one.path.removeprefix("/api/v1"), one.body) for one in self.asked if one.method != "GET"]

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """The next answer."""
        self.asked.append(asked)
        left = self.answers.get((asked.method, asked.path))
        if left is None:
            return 404, {"error": {"code": "not_found", "message": f"no script for {asked.path}", "field": None}}
        return left.pop(0) if len(left) > 1 else left[0]


class ScriptedCase(SynchronousTestCase):
    """Each test has such a server."""

    def setUp(self) -> None:
        script = self.script = Script()

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                body = json.loads(self.rfile.read(length)) if length else None
                parts = urlsplit(self.path)
                status, answer = script.answer(
                    Asked(
                        self.command,
                        parts.path,
                        dict(parse_qsl(parts.query)),
                        self.headers["Authorization"],
                        self.headers["Idempotency-Key"],
                        body,
                    )
                )
                if isinstance(answer, Cut):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                if status in (301, 302, 307):
                    self.send_header("Location", f"http://127.0.0.1:{server.server_port}/elsewhere")
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = respond  # noqa: N815 - the names that http.server asks for

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
                """Nothing on stderr."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.server = f"http://127.0.0.1:{server.server_port}"
        self.api = ApiClient(self.server, "secret")
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        for module in ("follow", "terminal_commands", "rollout_watch"):
            self.patch(__import__(f"voi.cli.{module}", fromlist=[module]), "POLL_SECONDS", 0.0)

    def voi(
        self, *arguments: str, token: str | None = "secret", env: dict[str, str | None] | None = None, typed: str = ""
    ) -> Result:
        """Run the command with the scripted server."""
        given = [*arguments, "--server", self.server, *(() if token is None else ("--token", token))]
        return self.bare(*given, env=env, typed=typed)

    def bare(self, *arguments: str, env: dict[str, str | None] | None = None, typed: str = "") -> Result:
        """Run the command as it is, in a home of its own."""
        clean: dict[str, str | None] = {
            "VOI_TOKEN": None,
            "VOI_SERVER": None,
            "XDG_CONFIG_HOME": str(self.home),
            "http_proxy": "http://127.0.0.1:1",
        }
        return CliRunner().invoke(cli.main, arguments, env={**clean, **(env or {})}, input=typed, prog_name="voi")

    def refuse(self, method: str, path: str, message: str, status: int = 409) -> None:
        """Answer this request with an error."""
        self.script.say(method, path, {"error": {"code": "conflict", "message": message, "field": None}}, status=status)

    def terminals(self, *names: str, online: int = 2) -> None:
        """Terminals of these names, the first ones online."""
        rows = [
            terminal(mac, name, online=number < online)
            for number, (mac, name) in enumerate(zip(MACS, names, strict=False))
        ]
        self.script.say("GET", "/terminals", {"terminals": rows, "total": len(rows), "offset": 0})

    def templates(self, *pairs: tuple[str, str]) -> None:
        """Templates by uuid and name."""
        self.script.say("GET", "/templates", {"templates": [template("ready", uuid=u, name=n) for u, n in pairs]})

    def rooms(self, *pairs: tuple[int, str]) -> None:
        """Rooms by number and name."""
        found = [{"id": number, "name": name, "subnets": [], "online": 0, "total": 1} for number, name in pairs]
        self.script.say("GET", "/rooms", {"rooms": found, "unassigned": 0, "proposals": []})


def template(
    state: str,
    progress: float = 0.0,
    reason: str = "",
    disk: str = "receiving",
    *,
    uuid: str = UUID,
    name: str = HOSTILE,
    content: str = "ready",
    part: float | None = None,
) -> dict[str, Any]:
    """A template as the API shows it."""
    return {
        "uuid": uuid,
        "name": name,
        "state": state,
        "progress": progress,
        "reason": reason,
        "version": 1,
        "disks": [{"size": 1000, "content": {"state": content, "progress": part}}],
        "uploads": [{"disks": [{"state": disk}]}] if state == "importing" else [],
        "terminals_current": 3,
        "terminals_outdated": 4,
        "terminals_incomplete": 5,
        "terminals_unknown": 6,
        "failed": [],
    }


def terminal(mac: str, name: str = "", *, online: bool = True, **more: Any) -> dict[str, Any]:
    """A terminal as the API shows it."""
    return {
        "mac": mac,
        "name": name,
        "ip": "192.0.2.7",
        "room": None,
        "online": online,
        "template": UUID,
        "version": 1,
        "running": None,
        "newest": 2,
        "state": "outdated" if online else "offline",
        "progress": 0.0,
        "reason": "",
        "last_seen": "2026-01-31T12:00:00Z",
        **more,
    }


def target(mac: str, state: str = "downloading", progress: float = 0.5, **more: Any) -> dict[str, Any]:
    """A rollout's target as the API shows it."""
    return {
        "mac": mac,
        "name": "",
        "ip": "192.0.2.7",
        "online": True,
        "state": state,
        "progress": progress,
        "rate": 1_000_000.0,
        "eta": 65.0,
        "reason": "",
        "attempts": 1,
        **more,
    }


def rollout(state: str, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A rollout as the API shows it."""
    return {
        "id": 3,
        "template": UUID,
        "template_name": HOSTILE,
        "version": 2,
        "state": state,
        "created": "2026-01-31T12:00:00Z",
        "finished": None,
        "size": 1000,
        "server_sent": 1070,
        "copies": 1.07,
        "elapsed": 75.0,
        "best": 70.0,
        "progress": 0.5,
        "rate": 2_000_000.0,
        "eta": 65.0,
        "counts": dict(Counter(target["state"] for target in targets)),
        "ran": 0,
        "targets": list(targets),
        "rates": [],
        **more,
    }


def upload(state: str, disk: str, reason: str = "") -> dict[str, Any]:
    """An upload as the API shows it."""
    disks = [{"name": f"voi_0_{UUID}", "state": disk, "reason": reason}]
    return {"id": 7, "state": state, "template": UUID, "progress": 0.5, "disks": disks}
