"""The command as a process of its own, against the real API on a real database: both mean the same by each word."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure

from tests.unit.web.api_case import TOKEN, ApiCase
from tests.unit.web.fakes import DISK, MAC, OTHER, TEMPLATE, level
from voi.domain.actors import SERVER
from voi.domain.terminals import ReportedLevel
from voi.names import DiskName

PROGRAM = ("-c", "from voi.cli import main; main(prog_name='voi')")


class Listener(ProcessProtocol):
    """Reads lines of a process as they come."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.output = b""
        self.ended: Deferred[int | None] = Deferred()
        self._rest = b""
        self._waiting: tuple[int, Deferred[None]] | None = None

    def wait_for(self, count: int) -> Deferred[None]:
        """Fires when there are so many lines."""
        done: Deferred[None] = Deferred()
        self._waiting = count, done
        self._look()
        return done

    def _look(self) -> None:
        if self._waiting is not None and len(self.lines) >= self._waiting[0]:
            (_, done), self._waiting = self._waiting, None
            done.callback(None)

    def outReceived(self, data: bytes) -> None:
        *whole, self._rest = (self._rest + data).split(b"\n")
        self.lines += [line.decode() for line in whole]
        self._look()

    def errReceived(self, data: bytes) -> None:
        self.output += data

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(reason.value.exitCode if isinstance(reason.value, ProcessTerminated) else 0)


class ContractTests(ApiCase):
    """Each command, once."""

    timeout = 120

    def env(self) -> dict[str, str]:
        """The environment of the process: this API, and no settings of whoever runs the test."""
        return {
            **os.environ,
            "VOI_SERVER": self.url,
            "VOI_TOKEN": TOKEN,
            "XDG_CONFIG_HOME": str(Path("none").absolute()),
        }

    async def voi(self, *arguments: str, status: int = 0) -> str:
        """Run it; what it prints."""
        return (await self.both(*arguments, status=status))[0]

    async def both(self, *arguments: str, status: int) -> tuple[str, str]:
        """Run it; what it prints, and what it says beside that."""
        out, err, ended = await getProcessOutputAndValue(sys.executable, [*PROGRAM, *arguments], env=self.env())
        self.assertEqual(ended, status, (arguments, out, err))
        return str(out, "utf-8"), str(err, "utf-8")

    def listen(self, *arguments: str) -> tuple[Listener, IProcessTransport]:
        """Start it and read what it prints."""
        listener = Listener()
        process = reactor.spawnProcess(listener, sys.executable, [sys.executable, *PROGRAM, *arguments], env=self.env())
        return listener, process

    async def json(self, *arguments: str, status: int = 0) -> Any:
        """Run it with --json; the document."""
        return json.loads(await self.voi(*arguments, "--json", status=status))

    async def site_with_terminals(self) -> None:
        """Two terminals, one of them online, a template and a room."""
        await self.terminal(MAC)
        await self.terminal(OTHER)
        self.registry.there.add(MAC)
        await self.publish(level())
        await self.ask("POST", "/api/v1/rooms", {"name": "Physics", "subnets": ["192.0.2.0/24"]})

    async def test_looking(self) -> None:
        """Status, terminals, templates."""
        await self.site_with_terminals()
        self.assertIn("1 of 2 terminals online", await self.voi("status"))
        self.assertIn(MAC, await self.voi("terminals", "--room", "physics", "--online"))
        found = await self.json("terminals", "--state", "unreported", "--search", "192.0.2", "--template", TEMPLATE)
        self.assertEqual(found, {"terminals": []})
        self.assertIn(TEMPLATE, await self.voi("templates"))

    async def test_rollouts(self) -> None:
        """A rollout is previewed, started, listed, watched, cancelled."""
        await self.site_with_terminals()
        self.assertIn("1.0 kB at most", await self.voi("rollout", "preview", "classroom", "--room", "Physics"))
        number = (await self.voi("rollout", "start", "classroom", MAC, "--version", "1")).strip()
        await self.voi("rollout", "start", "classroom", MAC, "--version", "7", status=1)
        self.assertIn("running", await self.voi("rollout", "list", "--template", "classroom"))
        self.assertIn("for 1 terminal", await self.voi("rollout", "cancel", number))
        lines = (await self.voi("rollout", "watch", number, "--json", status=1)).splitlines()
        self.assertEqual(json.loads(lines[-1])["state"], "cancelled")
        await self.voi("rollout", "retry", number, status=1)
        await self.voi("rollout", "watch", "99", status=1)

    async def test_commands(self) -> None:
        """Commands and magic packets."""
        await self.site_with_terminals()
        seen = await self.json("restart", "--all", "--yes", "--wait", "0")
        self.assertEqual(([one["mac"] for one in seen["outcomes"]], seen["left_out"]), ([MAC], [OTHER]))
        await self.voi("watermark", "off", "--room", "Physics", "--wait", "0")
        self.assertEqual(self.given[-1][1], {"switch": 0})
        self.assertEqual((await self.json("wake", "--all"))["macs"], [OTHER])

    async def test_sweep(self) -> None:
        """A file to which nothing refers is listed, and deleted when that is said."""
        path = self.directory.incoming / f"voi_0_{DISK}"
        path.write_bytes(b"left")
        os.utime(path, (1, 1))
        self.assertEqual([one["path"] for one in (await self.json("sweep"))["files"]], [str(path)])
        self.assertTrue(path.exists())
        seen = await self.json("sweep", "--delete", "--yes")
        self.assertEqual([one["kind"] for one in seen["deleted"]], ["upload"])
        self.assertFalse(path.exists())

    async def test_uploads(self) -> None:
        """An upload is asked for, and one of a terminal that has nothing of the template is refused with why."""
        await self.site_with_terminals()
        _, why = await self.both("upload", MAC, TEMPLATE, status=1)
        self.assertIn("has not reported any disk of template Classroom", why)
        await self.terminal(MAC, disks=[ReportedLevel(TEMPLATE, DiskName(DISK, 1), 0, 8, 0)])
        seen = await self.json("upload", MAC, TEMPLATE, "--no-wait")
        self.assertEqual(seen["template"], TEMPLATE)

    async def test_journal_and_tokens(self) -> None:
        """A token is made, let in, and revoked; it is in the audit log."""
        made = (await self.voi("token", "make", "backup")).strip()
        self.assertIn("backup", await self.voi("token", "list"))
        await self.voi("token", "list", "--token", made, status=5)
        await self.voi("token", "revoke", "backup")
        await self.voi("status", "--token", made, status=5)
        self.assertIn(
            "The token backup was revoked", await self.voi("events", "--kind", "token", "--who", "token api-token")
        )

    async def test_following(self) -> None:
        """What happens is shown as it happens, until Ctrl-C."""
        await self.audit_log.note("server.started", SERVER, version="1")
        listener, process = self.listen("events", "-f", "--json")
        await listener.wait_for(1)
        await self.audit_log.note("server.stopped", SERVER)
        self.clock.advance(1)
        await listener.wait_for(2)
        process.signalProcess("INT")
        self.assertEqual(await listener.ended, 130, listener.output)
        self.assertEqual([json.loads(line)["kind"] for line in listener.lines], ["server.started", "server.stopped"])

    async def test_interrupted_watch(self) -> None:
        """Ctrl-C while a rollout is watched leaves it running, and says so."""
        await self.site_with_terminals()
        number = (await self.voi("rollout", "start", "classroom", "--all")).strip()
        listener, process = self.listen("rollout", "watch", number, "--json")
        await listener.wait_for(1)
        process.signalProcess("INT")
        self.assertEqual(await listener.ended, 130, listener.output)
        self.assertIn(f"rollout {number} goes on".encode(), listener.output)
        self.assertEqual((await self.ask("GET", f"/api/v1/rollouts/{number}")).json["state"], "running")
