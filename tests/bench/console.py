"""What live pages cost, and how fast they are, on the real thing: a server, 5,000 terminals logged in and in one
rollout, 500 of which say each second that they got on, ten open pages, and a real browser.

The server's processor time for live news is that with ten pages less that with none while the same terminals move: in
turn, some rounds, the median of their differences. A key press is timed in Chromium, from the press to the frame that
shows its answer, among ten other pages. Then the server is started anew, and everybody comes back. What the terminals
seem to fetch is never sent; all else is as it is at a site. A short run has fewer terminals and rounds, and holds the
key presses to their line by the median: one busy moment of the machine is most of its slowest twentieth.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tests.bench.browser import MISSING, BrowserPage
from tests.bench.database import opened
from tests.bench.fetchers import ROOM
from tests.bench.figures import Figure, Outcome, Plan, Row
from tests.bench.images import publish
from tests.bench.listeners import pages
from tests.bench.processes import Helper, cpu_seconds, resident
from voi.app.lag import UPPER_BOUNDS, quantile
from voi.demo.processes import LOOPBACK, ServerProcess, StageError, wait_until
from voi.domain.rollouts import TargetState

PAGES: Final = 10
IMAGE: Final = 16 << 20
AT_ONCE: Final = 100  # logins under way
PATIENCE: Final = 120.0
NEWS: Final = "live news %"
_LOOK_SECONDS: Final = 0.2  # between two looks at a server that has enough to do


@dataclass(frozen=True)
class Effort:
    """How much is measured: terminals, and how many of them move; kinds of pages, rounds of so many seconds after a
    settling, words that are typed, openings of the page, and how often it is sorted, scrolled, and all are chosen.
    """

    terminals: int
    moving: int
    kinds: Sequence[str]
    rounds: int
    seconds: float
    settle: float
    words: Sequence[str]
    openings: int
    sorts: int = 8
    scrolls: int = 30
    choices: int = 5


FULL: Final = Effort(
    terminals=5000, moving=500, kinds=("terminals", "overview", "rollout"), rounds=3, seconds=11.0, settle=1.5,
    words=("10.1.17.3", "02:56:4f:00:0", "1000 10.1", "0013"), openings=5,
)  # fmt: skip
FAST: Final = Effort(
    terminals=2000, moving=500, kinds=("terminals",), rounds=1, seconds=3.0, settle=1.0, words=("10.1.7",), openings=1
)
TINY: Final = Effort(
    terminals=150, moving=20, kinds=FULL.kinds, rounds=1, seconds=0.5, settle=0.2, words=("10",), openings=1,
    sorts=1, scrolls=1, choices=1,
)  # fmt: skip


class School:
    """A server with terminals in a rollout, and pages that can be opened."""

    def __init__(self, plan: Plan, stack: ExitStack, terminals: int, moving: int) -> None:
        self.terminals = terminals
        self.server = stack.enter_context(ServerProcess(plan.directory / "server")).up()
        self._fetchers = stack.enter_context(Helper("fetchers"))
        self._listeners = stack.enter_context(Helper("listeners"))
        self._sleeper = stack.enter_context(Helper("sleeper"))
        for number in range(-(-terminals // ROOM)):
            self.server.api("POST", "rooms", {"name": f"Room {number}", "subnets": [f"10.1.{number}.0/24"]})
        (template,) = publish(self.server, plan.directory, [IMAGE])
        self._fetchers.request(do="login", host=LOOPBACK, port=self.server.terminals_port, source="127.0.1.1", first=0,
                        count=terminals, at_once=AT_ONCE)  # fmt: skip
        self.server.api("POST", "rollouts", {"template": template, "macs": "all"})
        wait_until(
            lambda: self._fetchers.request(do="taken")["taken"] == terminals, PATIENCE, "everybody to be sent it"
        )
        wait_until(self._noted, PATIENCE, "the server to have noted that")
        self._fetchers.request(do="work", moving=moving, seconds=1.0)

    def _noted(self) -> bool:
        # Looked up in the file: asking the server again and again would be work of its own.
        with opened(self.server.data) as database:
            (rollout,) = database.get(database.rollouts.running())
        return rollout.counts[TargetState.DOWNLOADING] == self.terminals

    @contextmanager
    def open(self, kind: str, count: int) -> Iterator[None]:
        """Let so many pages of a kind be open."""
        command = {"port": self.server.http_port, "token": self.server.token, "pages": pages(kind, count)}
        self._listeners.request(do="open", **command)
        wait_until(lambda: self.live() == count, PATIENCE, "the pages to be live")
        try:
            yield
        finally:
            self._listeners.request(do="close")

    def live(self) -> int:
        """How many of the open pages have their stream."""
        found: int = self._listeners.request(do="count")["live"]
        return found

    def there(self) -> int:
        """How many terminals are logged in, as they know it."""
        found: int = self._fetchers.request(do="there")["there"]
        return found

    def well(self) -> bool:
        """Whether the server is up, and says that all is well."""
        try:
            return self.server.call("GET", "/healthz")[0] == HTTPStatus.OK
        except OSError:
            return False

    def measure(self, kind: str, count: int, effort: Effort) -> Sample:
        """A round with so many pages open."""
        with self.open(kind, count):
            time.sleep(effort.settle)
            lag, before, cpu, begun = self.lag(), self._answered_bytes(), cpu_seconds(self.server.pid), time.monotonic()
            sleeper = self._sleeper.request(seconds=effort.seconds)
            took = time.monotonic() - begun
            share = (cpu_seconds(self.server.pid) - cpu) / took * 100
            streamed, read = (now - then for now, then in zip(self._answered_bytes(), before, strict=True))
            late = [now - then for now, then in zip(self.lag(), lag, strict=True)]
        each = max(count, 1) * took * 1000
        return Sample(share, streamed / each, read / each, late, sleeper)

    def _answered_bytes(self) -> tuple[int, int]:
        counts = self._listeners.request(do="count")
        if counts["failed"]:
            raise StageError(counts["failed"])
        return counts["streams"], counts["read"]

    def lag(self) -> list[int]:
        """How late the server's reactor came since its start, by the bounds of its probe."""
        found: list[int] = self.server.api("GET", "lag")["counts"]
        return found


@dataclass(frozen=True)
class Sample:
    """One round: per cent of a core that the server took, kB/s that each page got by its stream and by its readings,
    and how late the reactor came, beside a process that only sleeps.
    """

    share: float
    streamed: float
    read: float
    late: Sequence[int]
    sleeper: Sequence[int]


def run(plan: Plan) -> Outcome:
    """The processor time of each kind of page, then the browser's answers, then a restart."""
    effort = plan.of(FULL, FAST, TINY)
    rows: list[Row] = []
    figures: list[Figure] = []
    note = f"{effort.terminals:,} terminals, {effort.moving} move"
    with ExitStack() as stack:
        plan.say(f"{effort.terminals:,} terminals log in and are sent a template")
        school = School(plan, stack, effort.terminals, effort.moving)
        costs: dict[str, float] = {}
        for kind in effort.kinds:
            costs[kind], more = _cost(school, kind, effort, plan)
            rows += more
        if not plan.fast:  # processor times say nothing in a short run
            worst = max(costs, key=lambda kind: costs[kind])
            others = {f"pages of {kind}": cost for kind, cost in costs.items() if kind != worst}
            figures.append(Figure("console.cpu", costs[worst], others, f"{note}; pages of {worst}"))
        page = None
        if not MISSING:
            page = stack.enter_context(BrowserPage(plan.directory / "browser", school.server))
            press, more = _answers(school, page, effort, plan)
            rows += more
            figures.append(Figure("console.key", press, note=f"{note}; the median" if plan.fast else note))
        if not plan.fast:
            rows += _restart(school, page, plan)
    return Outcome(figures, rows, (), {"console.key": MISSING} if MISSING else {})


def _cost(school: School, kind: str, effort: Effort, plan: Plan) -> tuple[float, list[Row]]:
    """Per cent of a core that ten pages of a kind cost, and what was seen meanwhile."""
    samples: dict[int, list[Sample]] = {0: [], PAGES: []}
    for number in range(effort.rounds):
        for count in (0, PAGES) if number % 2 else (PAGES, 0):
            samples[count].append(school.measure(kind, count, effort))
            plan.say(f"{count} pages of {kind}: {samples[count][-1].share:.1f} %")
    cost = statistics.median(more.share - less.share for more, less in zip(samples[PAGES], samples[0], strict=True))
    with_none, with_pages = _seen(samples[0]), _seen(samples[PAGES])
    rows = [Row(f"no page (before {kind})", with_none), Row(f"{PAGES} pages of {kind}", with_pages | {NEWS: cost})]
    return cost, rows


def _seen(samples: Sequence[Sample]) -> dict[str, float | str]:
    return {
        "CPU %": statistics.median(sample.share for sample in samples),
        "stream kB/s": statistics.median(sample.streamed for sample in samples),
        "read kB/s": statistics.median(sample.read for sample in samples),
        **_lag(_added(sample.late for sample in samples)),
        "sleeper's ms": quantile(_added(sample.sleeper for sample in samples), 0.999) * 1000,
    }


def _added(several: Iterable[Sequence[int]]) -> list[int]:
    return [sum(counts) for counts in zip(*several, strict=True)]


def _lag(late: Sequence[int]) -> dict[str, float | str]:
    longest = max((bound for bound, count in zip(UPPER_BOUNDS, late, strict=True) if count), default=0.0)
    return {"lag p99.9 ms": quantile(late, 0.999) * 1000, "lag worst ms": longest * 1000}


def _answers(school: School, page: BrowserPage, effort: Effort, plan: Plan) -> tuple[float, list[Row]]:
    """What a key press is held to its line by, in ms, and how fast the page is at all else."""
    plan.say("a browser")
    with school.open("terminals", PAGES):
        lag = school.lag()
        page.sign_in()
        rows = [Row("page opened, cold", _times([page.open() for _ in range(effort.openings)]))]
        presses = page.presses(effort.words)
        rows.append(Row("key press in the filter", _times(presses)))
        if not plan.fast:
            page.sort("progress")
            rows.append(Row("key press, sorted by progress", _times(page.presses(effort.words[:2]))))
            rows.append(Row("key press, all chosen", _times(page.presses_with_all(effort.words[:2]))))
            rows.append(Row("sorted by another column", _times(page.sorts(effort.sorts))))
            rows.append(Row("scrolled to another place", _times(page.scrolls(effort.scrolls))))
            rows.append(Row("all chosen, and none", _times(page.choices(effort.choices))))
        late = [now - then for now, then in zip(school.lag(), lag, strict=True)]
        rows.append(Row("the server meanwhile", _lag(late) | {"MiB": resident(school.server.pid) / (1 << 20)}))
    return statistics.median(presses) if plan.fast else _percentile(presses, 0.95), rows


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def _times(times: Sequence[float]) -> dict[str, float | str]:
    return {
        "times": float(len(times)),
        "median ms": statistics.median(times),
        "p95 ms": _percentile(times, 0.95),
        "worst ms": max(times),
    }


def _restart(school: School, page: BrowserPage | None, plan: Plan) -> list[Row]:
    """How long after the start of a new server it answers, all pages are live, and all terminals are back."""
    plan.say("the server is started anew")
    seconds: dict[str, float] = {}
    with school.open("terminals", PAGES):
        if page is not None:
            page.show_online(school.terminals)
        school.server.stop()
        begun = time.monotonic()
        school.server.start()
        awaited: dict[str, Callable[[], bool]] = {
            "until it is well": school.well,
            "until all pages are live": lambda: school.live() == PAGES and (page is None or page.live()),
            "until all terminals are back": lambda: school.there() == school.terminals,
        }

        def look() -> bool:
            for what in [what for what, holds in awaited.items() if holds()]:
                seconds[what] = time.monotonic() - begun
                del awaited[what]
            time.sleep(_LOOK_SECONDS)
            return not awaited

        wait_until(look, PATIENCE, "everybody to be back")
        if page is not None:  # until then it shows what it knew before
            wait_until(lambda: page.count() == school.terminals, PATIENCE, "the page to show all")
            seconds["until the page shows them all"] = time.monotonic() - begun
    return [Row(f"new start: {what}", {"s": took}) for what, took in seconds.items()]
