"""Tests of what Ctrl-C does to `voi`: always status 130, wherever it is pressed."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from select import select
from threading import Timer
from typing import Any

from tests.unit.cli.scripted import ScriptedCase
from voi.cli.api import ApiClient

COMMAND = "from voi.cli import main; main(prog_name='voi')"
AGAIN_SECONDS = 1.0


class InterruptTests(ScriptedCase):
    """Ctrl-C."""

    def interrupted_at(
        self, arguments: list[str], shown: bytes, end: Callable[[int, int], object]
    ) -> tuple[int, bytes]:
        """A real process on a terminal of its own that is ended once it has shown something: its status, what it
        said.
        """
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb"}
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments, "--server", self.server, "--token", "secret"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environ,
            cwd=Path(__file__).parents[3],
            start_new_session=True,
        )
        os.close(theirs)
        too_late = Timer(60, process.kill)
        too_late.start()
        self.addCleanup(too_late.join)
        self.addCleanup(too_late.cancel)
        said = b""
        while shown not in said:
            said += os.read(ours, 4096)
        end(process.pid, ours)
        while process.poll() is None:
            if select([ours], [], [], AGAIN_SECONDS)[0]:
                said += _read(ours)
            else:  # a signal just before readline begins to wait is lost, as it is for people: they press again
                end(process.pid, ours)
        while more := _read(ours):
            said += more
        return process.returncode, said

    def test_question(self) -> None:
        """It answers a question with: interrupted, nothing was done."""
        self.terminals("Teacher")
        status, said = self.interrupted_at(
            ["restart", "Teacher"], b"[y/N]", lambda pid, _ours: os.kill(pid, signal.SIGINT)
        )
        self.assertEqual((status, self.script.changes()), (130, []), said)
        self.assertIn(b"nothing was done", said)

    def test_question_of_the_sweep(self) -> None:
        """So it does the question before files are deleted."""
        file = {"path": "/data/disks/voi_0_x", "size": 5, "kind": "disk"}
        self.script.say("GET", "/orphans", {"files": [file], "total": 1, "offset": 0, "size": 5})
        status, said = self.interrupted_at(
            ["sweep", "--delete"], b"[y/N]", lambda pid, _ours: os.kill(pid, signal.SIGINT)
        )
        self.assertEqual((status, self.script.changes()), (130, []), said)
        self.assertIn(b"nothing was done", said)

    def test_end_of_input(self) -> None:
        """The end of the input is no Ctrl-C: it is as good as a no."""
        self.terminals("Teacher")
        status, said = self.interrupted_at(["restart", "Teacher"], b"[y/N]", lambda _pid, ours: os.write(ours, b"\x04"))
        self.assertEqual((status, self.script.changes()), (1, []), said)

    def test_anywhere(self) -> None:
        """While a request is under way it ends the command too, with the same status."""

        def interrupt(*_: Any, **_named: Any) -> None:
            raise KeyboardInterrupt

        self.patch(ApiClient, "get", interrupt)
        for arguments in (["status"], ["rollout", "list"], ["uploads", "list"], ["token", "list"]):
            result = self.voi(*arguments)
            self.assertEqual(result.exit_code, 130, arguments)
            self.assertNotIn("Aborted", result.stderr)


def _read(ours: int) -> bytes:
    """What was written to a terminal; nothing where nobody has it open any more."""
    try:
        return os.read(ours, 4096)
    except OSError:
        return b""
