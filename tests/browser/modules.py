"""One browser and one server that all tests of single JavaScript modules share, and a way to call into the page."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, Final

from selenium.webdriver.remote.webdriver import WebDriver
from twisted.trial.unittest import SynchronousTestCase

from tests.browser.case import FIREFOX, MISSING, browser
from voi.demo.processes import ServerProcess

_PAGE: Final = "console/nothing"
"""A path of the console with no file: a page of the same origin under the same policy, on which no script runs."""

_PRELUDE: Final = """
const [names, done] = arguments;
globalThis.use = (name) => import(`/console/${name}`);

// A clock that stands still until it is moved, so that no test waits.
let now = 0;
let next = 1;
const timers = (globalThis.timers = new Map());
const keep = (every) => (action, milliseconds = 0) => {
  timers.set(next, { at: now + milliseconds, action, every: every ? milliseconds : null });
  return next++;
};
globalThis.setTimeout = keep(false);
globalThis.setInterval = keep(true);
globalThis.clearTimeout = globalThis.clearInterval = (id) => timers.delete(id);
performance.now = () => now;
const breathe = () => new Promise((resolve) => {
  // A turn of the page's own loop, which no promise can put off.
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = resolve;
  port2.postMessage(null);
});
globalThis.settle = async () => {
  for (let turn = 0; turn < 5; turn++) await breathe();
};
globalThis.pass = async (seconds) => {
  const end = now + seconds * 1000;
  for (;;) {
    const [id, timer] = [...timers].filter(([, x]) => x.at <= end).sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
    if (!timer) break;
    now = timer.at;
    if (timer.every === null) timers.delete(id);
    else timer.at += timer.every;
    timer.action();
    await settle();
  }
  now = end;
};

// Frames come when they are asked for.
let frames = [];
globalThis.requestAnimationFrame = (action) => frames.push(action);
globalThis.frame = () => frames.splice(0).map((action) => action(now)).length;

// A server that answers what it was told to, and notes what it was asked.
globalThis.asked = [];
globalThis.answers = {};
globalThis.fetch = async (path, options = {}) => {
  const { method = "GET", headers = {}, body } = options;
  asked.push({ method, path, headers, body });
  const name = path.replace("api/v1/", "").split("?")[0];
  const answer = typeof answers[name] === "function" ? await answers[name](path) : answers[name];
  if (answer === undefined) throw new TypeError("nobody there");
  const { status = 200, ...said } = answer;
  return { ok: status < 300, status, text: async () => JSON.stringify(said) };
};

// A stream that says what it is told to.
globalThis.streams = [];
globalThis.EventSource = class extends EventTarget {
  constructor(path) {
    super();
    Object.assign(this, { path, closed: false });
    streams.push(this);
  }
  close() {
    this.closed = true;
  }
  say(name, data) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }
  fail() {
    this.onerror();
  }
};

(async () => {
  for (const name of names)
    await new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { src: `/console/${name}` });
      Object.assign(script, { onload: resolve, onerror: reject });
      document.head.append(script);
    });
  const { loadReasons, setLanguage } = await use("i18n.js");
  await setLanguage("en");
  await loadReasons();
})().then(() => done(), (error) => done(String(error)));
"""

_CALL: Final = """
const [body, values, done] = arguments;
const Called = Object.getPrototypeOf(async () => {}).constructor;
const names = Object.keys(values);
new Called(...names, body)(...Object.values(values)).then(
  (value) => done({ value: value === undefined ? null : value }),
  (error) => done({ error: `${error}\\n${error.stack}` }),
);
"""


@cache
def _shared() -> tuple[WebDriver, str]:
    """The browser and where the server is; both end with the tests."""
    directory = Path(tempfile.mkdtemp(prefix="voi-modules-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    server = ServerProcess(directory / "server").up()
    atexit.register(server.stop)
    page = browser(directory / "browser")
    atexit.register(page.quit)
    return page, server.url


class ModuleCase(SynchronousTestCase):
    """Each test has a page on which nothing was loaded before, without a server behind it, and its own clock."""

    timeout = 60
    skip = "Firefox runs a test's script beside the page, not in it" if FIREFOX else MISSING

    def setUp(self) -> None:
        self.page, url = _shared()
        self.page.get(f"{url}/{_PAGE}")
        scripts = ["vendor/preact/preact.umd.js", "vendor/preact/hooks.umd.js", "vendor/htm/htm.umd.js"]
        problem = self.page.execute_async_script(_PRELUDE, scripts)
        self.assertIsNone(problem)

    def js(self, body: str, **values: Any) -> Any:
        """What the body of an async function returns, called with these values by name.

        There is ``use`` to import a module of the console; ``pass`` lets so many seconds go by, ``timers`` are those
        that run, ``settle`` lets what is ready run, ``frame`` draws, and returns how often that was asked for;
        ``answers`` are what requests get, by path, ``asked`` what was asked for; ``streams`` are the event streams
        that were opened, which ``say`` and ``fail``.
        """
        answer = self.page.execute_async_script(_CALL, body, values)
        if "error" in answer:
            self.fail(answer["error"])
        return answer["value"]


def terminal(mac: str = "02:00:00:00:00:01", **fields: Any) -> dict[str, Any]:
    """A terminal as the API tells of it."""
    usual = {"name": "", "ip": "10.0.0.1", "room": None, "online": True, "online_since": None, "client_type": 1}
    state = {"state": "current", "progress": 0, "template": None, "version": 0, "running": None, "boot_disk": None}
    return {**usual, **state, "mac": mac, "first_seen": "2026-01-01T00:00:00Z", "last_seen": None, **fields}
