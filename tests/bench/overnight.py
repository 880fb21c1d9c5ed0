"""What becomes of a page that is left open overnight: 5,000 terminals, of which 500 move each second, for 12 hours.

A real browser shows the page; a child process (``night``) has the server's own hub, and lets time pass as fast as the
page takes its messages: of the terminals and of the rollout each second, of what flows each other one. Ten times the
server restarts. Along the way the garbage is collected by force, and what is left is counted: the heap of the page's
scripts, the nodes of its document, the listeners. A key press is timed before and after: from the event to the frame
that shows what it did. The heap has two levels, for a list that was replaced may be let go with the next one only: so
the highest of the second half of the night is held against the highest of the first.

``python -m tests.bench.overnight --hours 1`` runs a short night. Needs what ``tox -e browser`` needs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from rich.console import Console

from tests.bench.browser import MISSING
from tests.bench.figures import Figure, Outcome, Plan, Row, unmeasured
from tests.bench.processes import Helper
from tests.bench.tables import show_outcome
from voi.demo.processes import LOOPBACK, wait_until

HOUR: Final = 3600
PAGES: Final = {"terminals": "#/terminals", "rollout": "#/rollouts/1"}
_FEW: Final = 2  # seconds, in which the traffic is sent once
_WAIT: Final = 120

_SETTLED: Final = "setTimeout(arguments[0], 700)"
"""What was read anew after a restart has been taken in by then, and what was there before let go."""
_CAUGHT_UP: Final = """
const [second, done] = arguments;
import("/console/store.js").then(({ store }) => {
  const look = () => (store.connection === "live" && store.traffic?.swarm >= second ? done() : setTimeout(look, 20));
  look();
});
"""
_PRESS: Final = """
const [keys, done] = arguments;
const field = document.querySelector("input[type=search]");
const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
const texts = Array.from({ length: keys }, (_, index) => "PC 123".slice(0, 1 + (index % 6)));
const took = [];
const press = () => {
  if (!texts.length) return done(took);
  const begun = performance.now();
  setter.call(field, texts.shift());
  field.dispatchEvent(new Event("input", { bubbles: true }));
  // The frame that shows it has been made when the turn after it begins.
  requestAnimationFrame(() => setTimeout(() => {
    took.push(performance.now() - begun);
    setTimeout(press, 50);
  }));
};
press();
"""


@dataclass(frozen=True)
class Length:
    """How long the night is, and of how many terminals.

    `restarts` are those of the server; after each a sample is taken, with so many key presses, and collections of
    garbage: what something running holds on to is let go by one of them.
    """

    hours: float
    terminals: int = 5000
    moving: int = 500
    restarts: int = 10
    keys: int = 15
    collections: int = 3


FULL: Final = Length(12.0)
FAST: Final = Length(0.1)
TINY: Final = Length(0.01, terminals=100, moving=10, restarts=1, keys=3, collections=1)


def run(plan: Plan) -> Outcome:
    """A night for each page."""
    return night(plan, plan.of(FULL, FAST, TINY))


def night(plan: Plan, length: Length) -> Outcome:
    """A night of some length."""
    if MISSING:
        return unmeasured("overnight", MISSING)
    rows: list[Row] = []
    heaps: dict[str, float] = {}
    keys: dict[str, float] = {}
    for name in plan.only or PAGES:
        samples = _watch(plan, name, PAGES[name], length)
        rows += samples
        sizes = [float(sample.figures["heap MB"]) for sample in samples]
        half = len(sizes) // 2
        heaps[name] = max(sizes[half:]) / max(sizes[:half])
        keys[name] = float(samples[-1].figures["key ms"])
    worst = max(heaps, key=heaps.__getitem__)
    slow = max(keys, key=keys.__getitem__)
    note = f"{length.hours:g} hours, {length.terminals:,} terminals, {length.moving} move"
    return Outcome(
        [Figure("overnight.heap", heaps[worst], {}, note), Figure("overnight.key", keys[slow], {}, note)], rows
    )


def _watch(plan: Plan, name: str, place: str, length: Length) -> list[Row]:
    """Samples of one page: as it was opened, and after each restart until the night ends."""
    samples: list[Row] = []
    with ExitStack() as stack:
        server = stack.enter_context(Helper("night", str(length.terminals), str(length.moving)))
        page = stack.enter_context(_opened(plan.directory / name))
        page.get(f"http://{LOOPBACK}:{server.receive()['port']}/{place}")
        wait_until(lambda: page.find_elements("css selector", "tbody tr[data-index]"), _WAIT, "the page's rows")
        page.set_script_timeout(_WAIT)
        answer: dict[str, Any] = server.request(seconds=_FEW)
        page.execute_async_script(_CAUGHT_UP, answer["second"])
        samples.append(_sample(page, name, answer, length))
        for _ in range(length.restarts):
            server.request(seconds=round(length.hours * HOUR / length.restarts) // _FEW * _FEW)
            server.request(boot=True)
            answer = server.request(seconds=_FEW)
            page.execute_async_script(_CAUGHT_UP, answer["second"])
            samples.append(_sample(page, name, answer, length))
            plan.say(f"{samples[-1].what}: {dict(samples[-1].figures)}")
    return samples


@contextmanager
def _opened(directory: Path) -> Iterator[Any]:
    from tests.browser.case import browser  # only where there is Selenium

    page = browser(directory)
    try:
        yield page
    finally:
        page.quit()


def _sample(page: Any, name: str, answer: dict[str, Any], length: Length) -> Row:
    """What there is of a page after everything that could be let go was."""
    took = page.execute_async_script(_PRESS, length.keys)
    page.execute_cdp_cmd("HeapProfiler.enable", {})
    page.execute_cdp_cmd("Performance.enable", {})
    heap = float("inf")
    for _ in range(length.collections):
        page.execute_async_script(_SETTLED)
        page.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        metrics = {one["name"]: one["value"] for one in page.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
        heap = min(heap, metrics["JSHeapUsedSize"])
    return Row(
        f"{name}, {answer['second'] / HOUR:.2f} h",
        {
            "messages": answer["messages"],
            "heap MB": heap / 1e6,
            "nodes": metrics["Nodes"],
            "listeners": metrics["JSEventListeners"],
            "key ms": median(took),
        },
    )


@click.command(help=__doc__)
@click.option("--hours", default=FULL.hours, show_default=True, help="How long the night is.")
@click.option("--page", "pages", multiple=True, type=click.Choice(list(PAGES)), help="Only this one.")
def main(hours: float, pages: tuple[str, ...]) -> None:
    """Run it alone."""
    console, length = Console(width=160), replace(FULL, hours=hours)
    with tempfile.TemporaryDirectory(prefix="voi-overnight-") as directory:
        show_outcome("overnight", night(Plan(Path(directory), console, only=pages), length), console)


if __name__ == "__main__":
    main()
