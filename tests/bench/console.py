"""What live pages cost, and how quick they are, on the real thing: a server, 5,000 logged-in terminals in one rollout,
500 of which say each second that they got on, ten open pages, and a real browser.

The server's processor time for live news is that with ten pages less that with none, the same terminals moving: in turn,
some rounds, the median of their differences. A key press is timed in Chromium, from the press itself to the first frame
that shows its answer, among ten other pages. What the terminals fetch is never sent; all else is as it is at a site.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.fetchers import ROOM
from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.images import publish
from tests.bench.listeners import pages
from tests.bench.processes import Helper, cpu_seconds, resident
from tests.bench.visitor import MISSING, Visitor
from voi.demo.stage import LOOPBACK, Server, wait_until
from voi.lag import UPPER_BOUNDS, quantile

TERMINALS: Final = 5000
MOVING: Final = 500
PAGES: Final = 10
KINDS: Final = ("terminals", "overview", "rollout")
IMAGE: Final = 16 << 20
AT_ONCE: Final = 100  # logins under way
PATIENCE: Final = 120.0


@dataclass(frozen=True)
class Effort:
    """How long it is measured: rounds of so many seconds after a settling, presses of keys, openings of the page."""

    rounds: int
    seconds: float
    settle: float
    words: Sequence[str]
    openings: int


FULL: Final = Effort(6, 10.0, 3.0, ("10.1.17.3", "02:56:4f:00:0", "1000 10.1", "0013"), 5)
FAST: Final = Effort(1, 4.0, 2.0, ("10.1.17.3",), 1)


class School:
    """A server with terminals in a rollout, and pages that can be opened."""

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self.server = stack.enter_context(Server(plan.directory / "server")).up()
        self._crowd = stack.enter_context(Helper("fetchers"))
        self._listeners = stack.enter_context(Helper("listeners"))
        for number in range(-(-TERMINALS // ROOM)):
            self.server.api("POST", "rooms", {"name": f"Room {number}", "subnets": [f"10.1.{number}.0/24"]})
        (template,) = publish(self.server, plan.directory, [IMAGE])
        self._crowd.ask(do="login", host=LOOPBACK, port=self.server.terminals_port, source="127.0.1.1", first=0,
                        count=TERMINALS, at_once=AT_ONCE)  # fmt: skip
        self.server.api("POST", "rollouts", {"template": template, "macs": "all"})
        wait_until(lambda: self._crowd.ask(do="taken")["taken"] == TERMINALS, PATIENCE, "everybody to be sent it")
        wait_until(lambda: not self._unsent(), PATIENCE, "the server to have noted that")
        self._crowd.ask(do="work", moving=MOVING, seconds=1.0)

    def _unsent(self) -> int:
        # Looked up in the file: asking the server again and again would be work of its own.
        database = sqlite3.connect(f"file:{self.server.data / 'voi.sqlite'}?mode=ro", uri=True)
        try:
            query = "SELECT count(*) FROM rollout_targets WHERE state != 'downloading'"
            found: int = database.execute(query).fetchone()[0]
            return found
        finally:
            database.close()

    @contextmanager
    def open(self, kind: str, count: int) -> Iterator[None]:
        """Let so many pages of a kind be open."""
        order = {"port": self.server.http_port, "token": self.server.token, "pages": pages(kind, count)}
        self._listeners.ask(do="open", **order)
        wait_until(lambda: self.live() == count, PATIENCE, "the pages to be live")
        try:
            yield
        finally:
            self._listeners.ask(do="close")

    def live(self) -> int:
        """How many of the open pages have their stream."""
        found: int = self._listeners.ask(do="count")["live"]
        return found

    def there(self) -> int:
        """How many terminals are logged in, as they know it."""
        found: int = self._crowd.ask(do="there")["there"]
        return found

    def measure(self, kind: str, count: int, effort: Effort) -> Sample:
        """A round with so many pages open."""
        with self.open(kind, count):
            time.sleep(effort.settle)
            lag, told, cpu, begun = self.lag(), self._told(), cpu_seconds(self.server.pid), time.monotonic()
            time.sleep(effort.seconds)
            took = time.monotonic() - begun
            share = (cpu_seconds(self.server.pid) - cpu) / took * 100
            streamed, read = (now - then for now, then in zip(self._told(), told, strict=True))
            late = [now - then for now, then in zip(self.lag(), lag, strict=True)]
        each = max(count, 1) * took * 1000
        return Sample(share, streamed / each, read / each, late)

    def _told(self) -> tuple[int, int]:
        counts = self._listeners.ask(do="count")
        return counts["streams"], counts["read"]

    def lag(self) -> list[int]:
        """How late the server's reactor came since its start, by the bounds of its probe."""
        found: list[int] = self.server.api("GET", "lag")["counts"]
        return found


@dataclass(frozen=True)
class Sample:
    """One round: per cent of a core that the server took, kB/s that each page got by its stream and by its readings,
    and how late the reactor came.
    """

    share: float
    streamed: float
    read: float
    late: Sequence[int]


def run(plan: Plan) -> Outcome:
    """The processor time of each kind of page, then the browser's answers, then a restart."""
    effort = FAST if plan.fast else FULL
    rows: list[Row] = []
    figures: list[Figure] = []
    skipped: list[str] = []
    note = f"{TERMINALS:,} terminals, {MOVING} move"
    with ExitStack() as stack:
        plan.say(f"{TERMINALS:,} terminals log in and are sent a template")
        begun = time.monotonic()
        school = School(plan, stack)
        plan.say(f"ready after {time.monotonic() - begun:.0f} s")
        costs = {}
        for kind in KINDS[:1] if plan.fast else KINDS:
            costs[kind], more = _cost(school, kind, effort, plan)
            rows += more
        worst = max(costs, key=lambda kind: costs[kind])
        figures.append(Figure("console.cpu", costs[worst], note=f"{note}; {PAGES} pages of the {worst}"))
        if MISSING:
            skipped.append(f"key presses: {MISSING}")
        else:
            visitor = stack.enter_context(Visitor(plan.directory / "browser", school.server))
            press, more = _answers(school, visitor, effort, plan)
            rows += more
            figures.append(Figure("console.key", press, note=note))
        rows.append(Row("restart", _restart(school, None if MISSING else visitor, plan)))
    return Outcome(figures, rows, skipped)


def _cost(school: School, kind: str, effort: Effort, plan: Plan) -> tuple[float, list[Row]]:
    """Per cent of a core that ten pages of a kind cost, and what was seen meanwhile."""
    samples: dict[int, list[Sample]] = {0: [], PAGES: []}
    for number in range(effort.rounds):
        for count in (0, PAGES) if number % 2 else (PAGES, 0):
            samples[count].append(school.measure(kind, count, effort))
            plan.say(f"{count} pages of the {kind}: {samples[count][-1].share:.1f} %")
    cost = statistics.median(more.share - less.share for more, less in zip(samples[PAGES], samples[0], strict=True))
    rows = [Row(f"{count} pages: {kind}", _seen(several)) for count, several in samples.items()]
    rows[-1] = Row(rows[-1].what, {**rows[-1].figures, "for live news %": cost})
    return cost, rows


def _seen(samples: Sequence[Sample]) -> Mapping[str, float | str]:
    late = [sum(counts) for counts in zip(*(sample.late for sample in samples), strict=True)]
    return {
        "CPU % of a core": statistics.median(sample.share for sample in samples),
        "streamed kB/s": statistics.median(sample.streamed for sample in samples),
        "read kB/s": statistics.median(sample.read for sample in samples),
        **_lag(late),
    }


def _lag(late: Sequence[int]) -> Mapping[str, float]:
    longest = max(bound for bound, count in zip(UPPER_BOUNDS, late, strict=True) if count)
    return {"lag p99.9 ms": quantile(late, 0.999) * 1000, "lag worst ms": longest * 1000}


def _answers(school: School, visitor: Visitor, effort: Effort, plan: Plan) -> tuple[float, list[Row]]:
    """The 95th percentile of a key press in ms, and how quick the page is at all else."""
    rows = []
    with school.open("terminals", PAGES):
        visitor.sign_in()
        rows.append(Row("open the page, cold", _times([visitor.open() for _ in range(effort.openings)])))
        plan.say("the page is open")
        lag = school.lag()
        presses = visitor.presses(effort.words)
        rows.append(Row("key press in the filter", _times(presses)))
        if not plan.fast:
            visitor.sort("progress")
            rows.append(Row("key press, sorted by progress", _times(visitor.presses(effort.words[:2]))))
            rows.append(Row("sort by a column", _times(visitor.sorts())))
            rows.append(Row("scroll to another place", _times(visitor.scrolls())))
            rows.append(Row("choose all, and none", _times(visitor.choices())))
            rows.append(Row("key press, all chosen", _times(visitor.presses_with_all(effort.words[:1]))))
        late = [now - then for now, then in zip(school.lag(), lag, strict=True)]
        memory = {"MiB": resident(school.server.pid) / (1 << 20)}
        rows.append(Row("the server meanwhile", {**_lag(late), **memory}))
    return _percentile(presses, 0.95), rows


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _times(times: Sequence[float]) -> Mapping[str, float | str]:
    return {
        "times": float(len(times)),
        "median ms": statistics.median(times),
        "p95 ms": _percentile(times, 0.95),
        "worst ms": max(times),
    }


def _restart(school: School, visitor: Visitor | None, plan: Plan) -> Mapping[str, float | str]:
    """Seconds from the start of a new server until it answers, until all pages are live, and all terminals back."""
    plan.say("the server is started anew")
    found: dict[str, float | str] = {}
    with school.open("terminals", PAGES):
        if visitor is not None:
            visitor.show_online(TERMINALS)
        school.server.stop()
        begun = time.monotonic()
        school.server.up()
        found["answers s"] = time.monotonic() - begun
        wanted: dict[str, Any] = {
            "pages live s": lambda: school.live() == PAGES and (visitor is None or visitor.live()),
            "terminals back s": lambda: school.there() == TERMINALS,
        }
        if visitor is not None:
            wanted["page shows all s"] = lambda: visitor.count() == TERMINALS

        def look() -> bool:
            for name in [name for name, holds in wanted.items() if holds()]:
                found[name] = time.monotonic() - begun
                del wanted[name]
            return not wanted

        wait_until(look, PATIENCE, "everybody to be back")
    return found
