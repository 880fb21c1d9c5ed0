"""Tests of voi.cli.rollouts and voi.cli.rollout_watch."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import click
from rich.console import Console
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.cli.scripted import HOSTILE, MACS, UUID, Cut, ScriptedCase, rollout, target
from voi.cli import rollout_watch as watching
from voi.cli.rollout_watch import BarScreen, JsonScreen, slowest


class RolloutTests(ScriptedCase):
    """`voi rollout` and its commands."""

    def setUp(self) -> None:
        super().setUp()
        self.templates((UUID, "Office"))
        self.rooms((4, "Physics"))
        self.terminals("Teacher", "Seat 2")
        self.script.say("POST", "/rollouts", {"id": 3}, status=201)
        self.previewed()

    def previewed(self, short: int | None = None) -> None:
        """What a preview says: a terminal's disk is too small by so many bytes."""
        row = {"mac": MACS[0], "online": True, "bytes": 5000, "short": short}
        seen = {"version": 2, "terminals": [row], "total_bytes": 5000, "most_bytes": 5000, "nothing": 0}
        self.script.say("POST", "/rollouts/preview", {**seen, "too_small": int(bool(short))})

    def test_disk_too_small(self) -> None:
        """A start and a preview warn of disks that are too small; nothing is said of one that is not known."""
        for arguments in (("start",), ("preview",), ("send-again",)):
            self.previewed(3000)
            result = self.voi("rollout", *arguments, "office", "--all")
            self.assertEqual(result.exit_code, 0, result.stderr)
            self.assertIn(f"the disk of 1 terminal is too small for version 2, of {MACS[0]} by 3.0 kB", result.stderr)
            self.previewed(None)
            self.assertNotIn("too small", self.voi("rollout", *arguments, "office", "--all").output)

    def test_start(self) -> None:
        """Its number is what is printed; all, a room or some go to the server as such."""
        for arguments, more in (
            (("--all",), {"macs": "all"}),
            (("--room", "physics"), {"room": 4}),
            (("teacher",), {"macs": [MACS[0]]}),
            (("--room", "none"), {"macs": list(MACS[:2])}),
        ):
            result = self.voi("rollout", "start", "office", *arguments)
            self.assertEqual((result.exit_code, result.stdout), (0, "3\n"), result.stderr)
            self.assertEqual(self.script.changes()[-1], ("POST", "/rollouts", {"template": UUID, **more}))

    def test_start_and_watch(self) -> None:
        """It can be watched at once."""
        self.script.say("GET", "/rollouts/3", rollout("done", target(MACS[0], "done", 1.0)))
        result = self.voi("rollout", "start", "office", "--all", "--watch")
        self.assertEqual(result.exit_code, 0, result.stderr)
        self.assertIn("1 done", result.stdout)

    def test_send_again(self) -> None:
        """A version is sent again, whatever the terminals say that they have."""
        result = self.voi("rollout", "send-again", UUID, "--all")
        self.assertEqual((result.exit_code, result.stdout), (0, "3\n"), result.stderr)
        body = {"template": UUID, "macs": "all", "again": True}
        self.assertEqual(self.script.changes(), [("POST", "/rollouts/preview", body), ("POST", "/rollouts", body)])

    def test_preview(self) -> None:
        """What each would fetch, the neediest first."""
        rows = [
            {"mac": MACS[0], "online": True, "bytes": 0, "short": 0},
            {"mac": MACS[1], "online": False, "bytes": 5000, "short": None},
        ]
        seen = {"version": 2, "terminals": rows, "total_bytes": 5000, "most_bytes": 5000, "nothing": 1, "too_small": 0}
        self.script.say("POST", "/rollouts/preview", seen)
        result = self.voi("rollout", "preview", "office", "--all")
        self.assertLess(result.stdout.index(MACS[1]), result.stdout.index(MACS[0]))
        self.assertIn("5.0 kB in total", result.stdout)
        self.assertEqual(json.loads(self.voi("rollout", "preview", "office", "--all", "--json").stdout), seen)

    def test_cancel_and_retry(self) -> None:
        """Each says for how many it was."""
        self.script.say(
            "DELETE", "/rollouts/3", rollout("cancelled", target(MACS[0], "cancelled"), target(MACS[1], "done"))
        )
        self.assertIn("for 1 terminal", self.voi("rollout", "cancel", "3").stdout)
        self.script.say("POST", "/rollouts/3/retry", {"id": 3, "retried": 2}, status=202)
        self.assertIn("2 terminals", self.voi("rollout", "retry", "3").stdout)

    def test_some_are_taken_out(self) -> None:
        """Terminals can be named by what they are called, and the rollout goes on."""
        self.script.say("POST", "/rollouts/3/cancel", {"id": 3, "cancelled": 1})
        result = self.voi("rollout", "cancel", "3", "teacher")
        self.assertIn("1 terminal taken out of rollout 3", result.stdout, result.stderr)
        self.assertEqual(self.script.changes()[-1], ("POST", "/rollouts/3/cancel", {"macs": [MACS[0]]}))

    def test_version(self) -> None:
        """An older version can be sent, and looked at before."""
        self.voi("rollout", "start", "office", "--all", "--version", "2")
        asked = {"template": UUID, "version": 2, "macs": "all"}
        self.assertEqual(self.script.changes()[-1], ("POST", "/rollouts", asked))

    def test_list(self) -> None:
        """Rollouts in short, of a template if so asked."""
        seen = {"rollouts": [{**rollout("running"), "counts": {"done": 1}}], "total": 7, "offset": 0}
        self.script.say("GET", "/rollouts", seen)
        result = self.voi("rollout", "list", "--template", "office", "--state", "running")
        self.assertIn("1 of 7", result.stdout)
        self.assertIn("Class[bold]room", result.stdout)
        asked = self.script.asked[-1].query
        self.assertEqual((asked["template"], asked["state"]), (UUID, "running"))

    def test_watch_with_failures(self) -> None:
        """What failed is listed with its reason; exit status 3 and what to do."""
        failed = target(MACS[1], "failed", reason=f"disk full{HOSTILE}")
        self.script.say(
            "GET",
            "/rollouts/3",
            rollout("running", target(MACS[0])),
            rollout("failed", target(MACS[0], "done"), failed),
        )
        result = self.voi("rollout", "watch", "3")
        self.assertEqual(result.exit_code, 3)
        self.assertIn("disk full", result.stdout)
        self.assertIn("1.07 copies", result.stdout)
        self.assertIn("voi rollout retry 3", result.stderr)
        self.assertNotIn("\x1b[2J", result.output)

    def test_watch_cancelled(self) -> None:
        """A rollout that was cancelled did not succeed."""
        self.script.say("GET", "/rollouts/3", rollout("cancelled", target(MACS[0], "cancelled")))
        self.assertEqual(self.voi("rollout", "watch", "3").exit_code, 1)

    def test_watch_superseded(self) -> None:
        """One that a later rollout took over did not succeed either, and how far it came is no 100 %; where nobody
        measured what the server sent, no number is said.
        """
        targets = [target(MACS[0], "done"), target(MACS[1], "superseded")]
        self.script.say("GET", "/rollouts/3", rollout("superseded", *targets, progress=0.5, copies=None))
        result = self.voi("rollout", "watch", "3")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("rollout 3 is superseded at 50%: 1 done, 1 superseded", result.stdout)
        self.assertIn("what the server sent is not known", result.stdout)
        self.assertIn("replaced by a later one", result.stderr)

    def test_nearly_all_is_not_all(self) -> None:
        """99.7 per cent are not shown as 100."""
        self.script.say("GET", "/rollouts", {"rollouts": [rollout("running", progress=0.997)], "total": 1, "offset": 0})
        listed = self.voi("rollout", "list").stdout
        self.assertIn("99%", listed)
        self.assertNotIn("100%", listed)

    def test_watch_over_a_restart(self) -> None:
        """A server that is away for a moment is waited for; one that never was there is not."""
        done = rollout("done", target(MACS[0], "done"))
        self.script.say("GET", "/rollouts/3", rollout("running", target(MACS[0])), Cut(), Cut(), done)
        result = self.voi("rollout", "watch", "3")
        self.assertEqual(result.exit_code, 0, result.stderr)
        self.script.say("GET", "/rollouts/3", Cut())
        self.script.asked.clear()
        self.assertEqual(self.voi("rollout", "watch", "3").exit_code, 4)
        self.assertEqual(len(self.script.asked), 2)

    def test_interrupt(self) -> None:
        """Ctrl-C leaves the rollout running, and says so."""

        def interrupt(*_: Any) -> None:
            raise KeyboardInterrupt

        self.patch(watching, "_follow", interrupt)
        result = self.voi("rollout", "watch", "3")
        self.assertEqual((result.exit_code, self.script.changes()), (130, []))
        self.assertIn("rollout 3 goes on", result.stderr)

    def test_watch_as_json(self) -> None:
        """A line for each change: sums, and the targets that are others; none where only time went by."""
        first = rollout("running", target(MACS[0]), target(MACS[1]))
        later = {**first, "elapsed": 76.0}
        last = rollout("done", target(MACS[0], "done"), target(MACS[1]))
        self.script.say("GET", "/rollouts/3", first, later, last)
        lines = [json.loads(line) for line in self.voi("rollout", "watch", "3", "--json").stdout.splitlines()]
        self.assertEqual([[one["mac"] for one in line["targets"]] for line in lines], [list(MACS[:2]), [MACS[0]]])
        self.assertEqual(lines[1]["counts"], {"done": 1, "downloading": 1})


class ScreenTests(SynchronousTestCase):
    """What is drawn."""

    def test_slowest(self) -> None:
        """Those on their way with the least of it; the others have no bar."""
        targets = [target(f"{number:02}", progress=number / 10) for number in range(9, -1, -1)]
        seen = rollout("running", target("x", "waiting", 0.0), *targets)
        self.assertEqual([one["mac"] for one in slowest(seen)], ["00", "01", "02", "03", "04"])

    def test_bars(self) -> None:
        """A bar for all with rate and time left, and one for each of the slowest, names as they are."""
        out = StringIO()
        bars = BarScreen(Console(file=out, force_terminal=True, width=160))
        bars.show(rollout("running", target(MACS[0], name=HOSTILE)))
        text = out.getvalue()
        bars.close()
        text += out.getvalue()
        for part in ("2.0 MB/s", "0:01:05 left", "Class[bold]room", "1 downloading", "50%"):
            self.assertIn(part, text)
        self.assertNotIn("\x1b[2J", text)

    def test_words(self) -> None:
        """Without a terminal, a line when a state changes or after a while."""
        now = 0.0
        printed: list[str] = []
        words = watching.TextScreen(lambda: now)
        self.patch(click, "echo", lambda text, err: printed.append(text))
        words.show(rollout("running", target(MACS[0])))
        words.show(rollout("running", target(MACS[0], progress=0.6)))
        words.lost()
        self.assertEqual(len(printed), 1)
        words.show(rollout("running", target(MACS[0], "done")))
        now = 20.0
        words.lost()
        self.assertEqual(len(printed), 3)

    def test_reasons(self) -> None:
        """What stands in the way is said when it is new, on bars and lines alike, once for all that wait for it."""
        stuck = {"reason": "the file \x1b[2J is [bold]damaged"}
        waiting = rollout("running", *({**target(mac), **stuck} for mac in MACS[:2]), target(MACS[2]))
        printed: list[str] = []
        words = watching.TextScreen(lambda: 0.0)
        self.patch(click, "echo", lambda text, err: printed.append(text))
        words.show(waiting)
        words.show(waiting)
        words.show(rollout("running", {**target(MACS[2], name="PC 3"), "reason": "its disk is full"}))
        words.show(waiting)
        said = [text for text in printed if "%" not in text]
        damaged = "2 terminals: the file \ufffd[2J is [bold]damaged"
        self.assertEqual(said, [damaged, "PC 3: its disk is full", damaged])
        out = StringIO()
        bars = BarScreen(Console(file=out, force_terminal=True, width=160))
        bars.show(waiting)
        bars.close()
        self.assertIn(damaged, out.getvalue())

    def test_lines_have_no_plot(self) -> None:
        """The points of the plot would be most of each line, and are asked for where they are wanted."""
        printed: list[Any] = []
        self.patch(watching, "say_json", printed.append)
        JsonScreen().show(rollout("running", target(MACS[0])))
        self.assertNotIn("rates", printed[0])
