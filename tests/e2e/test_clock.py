"""The clock of the machines is set while a rollout runs and between two starts: nothing stops, nothing is lost."""

from __future__ import annotations

import http.client
import json
import sqlite3
from typing import Any

from tests.e2e.site import RECEIVER, SiteCase
from tests.e2e.stepped import SteppedClock
from voi.demo.processes import LOOPBACK, ServerProcess, TerminalProcesses

DAY = 86_400.0
YEARS = 730 * DAY


class ClockTests(SiteCase):
    """A server and a terminal that go by a clock of the test's."""

    def setUp(self) -> None:
        """Make the server anew."""
        super().setUp()
        self.clock = SteppedClock(self.directory / "clock")
        self.server = self.child(
            ServerProcess(self.directory / "stepped", "--upload-limit=4000000", prefix=self.clock.prefix)
        )

    def steps(self) -> list[Any]:
        """What the audit log says of the clock, oldest first."""
        found: list[Any] = self.server.api("GET", "events?kind=server.clock&limit=100")["events"]
        return found[::-1]

    def set_clock(self, ahead: float, noticed: int) -> None:
        """Set it, and wait until that is written down."""
        self.clock.step(ahead)
        self.wait(lambda: len(self.steps()) == noticed, "the step to be noticed")

    def kinds(self) -> set[str]:
        """The kinds of what needs attention."""
        return {one["kind"] for one in self.server.api("GET", "overview")["attention"]}

    def signed_in(self) -> str:
        """The cookie of a browser."""
        status, _, cookie = self.browse("POST", {"name": "admin", "password": self.server.admin_password})
        self.assertEqual(status, 200)
        return cookie

    def browse(self, method: str, body: Any = None, cookie: str = "") -> tuple[int, Any, str]:
        """A browser asks for its session."""
        connection = http.client.HTTPConnection(LOOPBACK, self.server.http_port, timeout=30)
        headers = {"Content-Type": "application/json", **({"Cookie": cookie} if cookie else {})}
        connection.request(method, "/api/v1/session", None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        connection.close()
        return answer.status, found, (answer.getheader("Set-Cookie") or "").partition(";")[0]

    def test_set_while_it_runs(self) -> None:
        """A day forward, back, two years forward and back again, in the middle of a rollout: it is done all the same,
        browsers stay signed in, each step is in the audit log, and no entry is gone.
        """
        self.server.up()
        cookie = self.signed_in()
        self.import_base()
        terminals = self.child(
            TerminalProcesses(
                self.directory / "receiver",
                self.server.address,
                RECEIVER,
                address="127.0.0.10",
                prefix=self.clock.prefix,
            )
        )
        terminals.start()
        self.wait(lambda: self.terminal(RECEIVER).get("online"), "the terminal")
        number = self.roll_out([RECEIVER])
        self.wait(lambda: self.rollout(number)["progress"] > 0, "the first bytes")
        self.assertNotIn("clock", self.kinds())
        before = self.server.api("GET", "events?limit=1000")["total"]
        for count, ahead in enumerate((DAY, 0.0, YEARS, 0.0), 1):
            self.set_clock(ahead, count)
            self.assertEqual(self.browse("GET", cookie=cookie)[0], 200)
        self.assertEqual(
            [one["data"]["why"]["code"] for one in self.steps()],
            ["clock_forward", "clock_back", "clock_forward", "clock_back"],
        )
        self.assertEqual(self.kinds() & {"clock"}, {"clock"})
        self.done(number)
        self.assert_equal_copies(terminals.directory)
        self.assertGreaterEqual(self.server.api("GET", "events?limit=1000")["total"], before + 4)
        self.assertEqual(self.server.call("GET", "/healthz")[0], 200)

    def test_wrong_between_starts(self) -> None:
        """A server that starts two years ahead loses no entry; the next, with the right time, says it is behind."""
        self.server.up()
        self.import_base(1)
        entries = self.entries()
        for starts, ahead in ((2, YEARS), (3, 0.0)):
            self.server.stop()
            self.clock.step(ahead)
            self.server.up()
            # It answers before it has looked at the clock; that it has started is written down after that.
            self.wait(lambda starts=starts: self.starts() == starts, "the start to be written down")
        self.assertEqual(self.entries() & entries, entries)
        (step,) = self.wait(self.steps, "the step to be noticed")
        self.assertEqual(step["data"]["why"]["code"], "clock_back")
        self.assertLess(abs(step["data"]["why"]["data"]["seconds"] - YEARS), 600)
        self.assertIn("clock", self.kinds())

    def starts(self) -> int:
        """How often the server has started."""
        found: int = self.server.api("GET", "events?kind=server.started")["total"]
        return found

    def entries(self) -> set[int]:
        """The numbers of all entries."""
        connection = sqlite3.connect(self.server.data / "voi.sqlite")
        found = {number for (number,) in connection.execute("SELECT id FROM events")}
        connection.close()
        return found
