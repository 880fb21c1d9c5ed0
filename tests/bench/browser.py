"""One real browser at the console's page of terminals: how long it takes until what a person did is seen.

All times are milliseconds, taken in the page itself: from the time stamp that the browser gave the press, which counts
what the page was busy with just then, to the frame after the one that shows the answer, when that has been painted.
"""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from tests.bench.fetchers import ROOM
from voi.demo.processes import ServerProcess, wait_until

if TYPE_CHECKING:
    from selenium.webdriver.remote.webelement import WebElement

PATIENCE: Final = 60.0
BETWEEN: Final = (0.08, 0.35)
"""Seconds between two actions: so that they come at any moment between the stream's messages."""
ROW: Final = 40  # pixels, of `table.js`
SORTS: Final = ("state", "ip", "version", "room", "progress", "mac", "online_since", "name")
BACKSPACE: Final = "\ue003"


def _missing() -> str:
    if importlib.util.find_spec("selenium") is None:
        return "selenium is not installed (the extra `browser`)"
    from tests.browser.case import FIREFOX, MISSING

    return "only Chromium measures this" if FIREFOX else MISSING or ""


MISSING: Final = _missing()
"""Why there is no browser; empty where there is one."""

_OPENING: Final = """
const look = () => {
  if (!document.querySelector("tr[data-index]")) requestAnimationFrame(look);
  else requestAnimationFrame(() => { window.shownAt = performance.now(); });
};
requestAnimationFrame(look);
"""

_WATCH: Final = """
window.measured = [];
window.holds = () => true;
let begun = 0;
const watch = () => {
  if (!window.holds()) requestAnimationFrame(watch);
  else requestAnimationFrame(() => window.measured.push(performance.now() - begun));
};
const start = (event) => { begun = event.timeStamp; };
addEventListener("keydown", start, true);
addEventListener("pointerdown", start, true);
for (const name of ["input", "click"]) {
  addEventListener(name, (event) => event.isTrusted && requestAnimationFrame(watch), true);
}
window.benchScroll = (top) => {
  begun = performance.now();
  document.querySelector(".long-table").scrollTop = top;
  requestAnimationFrame(watch);
};
"""


class BrowserPage:
    """A browser, and an administrator in front of it."""

    def __init__(self, directory: Path, server: ServerProcess) -> None:
        from tests.browser.case import browser

        self._server = server
        self._page = browser(directory)
        self._random = random.Random(1)
        self._terminals: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self._page.quit()

    def sign_in(self) -> None:
        """Sign in, once."""
        self._page.get(f"{self._server.url}/")
        self._find("[name=name]").send_keys("admin")
        self._find("[name=password]").send_keys(self._server.admin_password)
        self._find("form button[type=submit]").click()
        self._find("nav")
        self._page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _OPENING})
        found = self._server.api("GET", "terminals?disks=0&limit=10000")["terminals"]
        self._terminals = [f"{x['mac']}\n{x['mac'].replace(':', '')}\n{x['ip']}".lower() for x in found]

    def open(self) -> float:
        """Open the page with nothing in the browser's cache: time from the navigation until rows are seen."""
        self._page.execute_cdp_cmd("Network.clearBrowserCache", {})
        self._page.get("about:blank")
        self._page.get(f"{self._server.url}/#/terminals")
        shown = float(wait_until(lambda: self._run("return window.shownAt"), PATIENCE, "rows"))
        self._run(_WATCH)
        return shown

    def presses(self, words: Sequence[str]) -> list[float]:
        """Type words into the filter and take them out again: the time of each key."""
        field = self._find("input[type=search]")
        keys = []
        for word in words:
            keys += [(key, word[: n + 1]) for n, key in enumerate(word)]
            keys += [(BACKSPACE, word[:n]) for n in reversed(range(len(word)))]
        return [self._timed(_rows(self._count(text)), partial(field.send_keys, key)) for key, text in keys]

    def presses_with_all(self, words: Sequence[str]) -> list[float]:
        """The same while all terminals are chosen."""
        self._find("thead input").click()
        found = self.presses(words)
        self._find("thead input").click()
        return found

    def _count(self, text: str) -> int:
        words = text.lower().split()
        return sum(all(word in terminal for word in words) for terminal in self._terminals)

    def sort(self, column: str) -> float:
        """Sort by a column that it is not sorted by."""
        head = self._find(f"thead th:nth-child({2 + COLUMNS.index(column)}) button")
        holds = f"document.querySelectorAll('thead th')[{1 + COLUMNS.index(column)}].ariaSort !== 'none'"
        return self._timed(holds, head.click)

    def sorts(self, most: int) -> list[float]:
        """Sort by one column after the other."""
        return [self.sort(column) for column in SORTS[:most]]

    def scrolls(self, places: int) -> list[float]:
        """Go to places all over the table."""
        found = []
        for _ in range(places):
            index = self._random.randrange(len(self._terminals) - ROOM)
            holds = f"document.querySelector('tr[data-index=\"{index + 5}\"]')"
            found.append(self._timed(holds, partial(self._run, f"benchScroll({index * ROW})")))
        return found

    def choices(self, times: int) -> list[float]:
        """Choose all, and none again, so many times."""
        box = self._find("thead input")
        return [
            self._timed(f"Boolean(document.querySelector('tr.chosen')) === {str(chosen).lower()}", box.click)
            for chosen in (True, False) * times
        ]

    def show_online(self, count: int) -> None:
        """Show only those that are online, and wait until they are so many."""
        self._page.get(f"{self._server.url}/#/terminals?state=online")
        wait_until(lambda: self.count() == count, PATIENCE, "the page to show all terminals")

    def count(self) -> int:
        """How many terminals the page shows."""
        found: int = self._run("return document.querySelector('.long-table table').ariaRowCount - 1")
        return found

    def live(self) -> bool:
        """Whether the page says that it is live."""
        return bool(self._run("return Boolean(document.querySelector('.connection.live'))"))

    def _timed(self, holds: str, act: Callable[[], object]) -> float:
        before = len(self._run(f"window.holds = () => {holds}; return measured"))
        act()
        found: list[float] = wait_until(
            lambda: (seen := self._run("return measured"))[before:] and seen, PATIENCE, f"the page to show {holds}"
        )
        time.sleep(self._random.uniform(*BETWEEN))
        return float(found[before])

    def _run(self, script: str) -> Any:
        return self._page.execute_script(script)

    def _find(self, selector: str) -> WebElement:
        found: WebElement = wait_until(
            lambda: next(iter(self._page.find_elements("css selector", selector)), None), PATIENCE, selector
        )
        return found


COLUMNS: Final = ("name", "state", "progress", "version", "room", "ip", "mac", "client_type", "online_since")


def _rows(count: int) -> str:
    return f"Number(document.querySelector('.long-table table').ariaRowCount) === {count + 1}"
