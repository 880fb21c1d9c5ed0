"""The console for people who do not see it, or not well: the rules of WCAG 2.1, A and AA, wherever one can get."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Final

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.browser.case import FIREFOX, FIRST_RECEIVER, MIB, MISSING, BrowserCase

_RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
_RUN: Final = """
const [rules, done] = arguments;
axe.run(document, { runOnly: rules, resultTypes: ["violations"] }).then(
  ({ violations }) =>
    done(violations.flatMap(({ id, nodes }) => nodes.map(({ target, html, failureSummary }) =>
      `${id} at ${target}: ${html}\\n${failureSummary}`))),
  (error) => done([String(error)]),
);
"""
_SLOW: Final = "--download-limit=300000"
_GONE: Final = "02:00:00:00:02:01"


class RuleCase(BrowserCase):
    """A page that is held against the rules, in Chromium: they are about documents, not about browsers."""

    page: Chrome
    skip = "only Chromium can be told that the system is dark" if FIREFOX else MISSING

    def setUp(self) -> None:
        super().setUp()
        self._axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")

    def furnish(self) -> None:
        """Have something of everything."""
        self.terminals(2, _SLOW)
        self.uuid = self.template(size=4 * MIB)
        self.server.api("POST", "rooms", {"name": "Room 1", "subnets": ["127.0.0.0/8"]})
        self.server.api("POST", "tokens", {"name": "night-shift", "role": "operator"})
        self.server.api("POST", "accounts", {"name": "li", "password": "correct horse", "role": "operator"})
        gone = self.terminals(1, mac=_GONE, name="gone")
        self.server.api("POST", "rollouts", {"template": self.uuid, "macs": "all"})
        gone.stop()
        self.until(lambda: _GONE not in self.online(), "a terminal to be off")

    def speak(self, language: str) -> None:
        """Have the console in a language, with nobody signed in."""
        self.page.delete_all_cookies()
        self.open()
        self.page.execute_script("localStorage.setItem('voi.language', arguments[0])", language)
        self.page.refresh()
        self.find("form")

    def there(self) -> None:
        """Wait until the page has what it shows."""
        self.find("h1")
        self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, ".busy"), "the page to be there")

    def holds(self, what: str) -> None:
        """The page as it is keeps the rules, light and dark."""
        for scheme in ("light", "dark"):
            # Colours that still change to others would be measured somewhere between them.
            values = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
            features = [{"name": name, "value": value} for name, value in values.items()]
            self.page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            if not self.page.execute_script("return 'axe' in window"):
                self.page.execute_cdp_cmd("Runtime.evaluate", {"expression": f"{self._axe}; 0"})
            broken = self.page.execute_async_script(_RUN, _RULES)
            self.assertEqual(broken, [], f"{what}, {scheme}:\n" + "\n".join(broken))


class PageTests(RuleCase):
    """Every page."""

    def _every_page(self, language: str) -> None:
        self.furnish()
        self.speak(language)
        self.holds("signing in")
        self.sign_in("admin", "wrong", "[role=alert]")
        self.holds("signing in with a wrong password")
        self.sign_in()
        for place in (
            "",
            "#/terminals",
            "#/terminals?q=nobody",
            f"#/terminals/{FIRST_RECEIVER}",
            "#/rooms",
            "#/rooms/1",
            "#/templates",
            f"#/templates/{self.uuid}",
            "#/rollouts",
            "#/rollouts/1",
            f"#/rollouts/new?template={self.uuid}",
            "#/events",
            "#/settings",
            "#/nothing",
        ):
            self.open(place)
            self.there()
            self.holds(place or "the overview")

    def test_english(self) -> None:
        """In English."""
        self._every_page("en")

    def test_chinese(self) -> None:
        """In Chinese."""
        self._every_page("zh-CN")


class OpenTests(RuleCase):
    """What opens over a page, or comes and goes on it."""

    def _dialogs(self, place: str, *opening: Callable[[], None]) -> None:
        """Each of these opens one on that page."""
        self.open(place)
        self.there()
        for number, opens in enumerate(opening, 1):
            opens()
            self.find("dialog h2")
            self.holds(f"dialog {number} of {place}")
            self.assertTrue(self.page.execute_script("return document.activeElement.closest('dialog') !== null"), place)
            self.page.switch_to.active_element.send_keys("\ue00c")  # Escape
            self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, "dialog"), "the dialog to close")

    def _button(self, text: str) -> Callable[[], None]:
        return lambda: self.click("main button", text)

    def _more(self, text: str) -> Callable[[], None]:
        def choose() -> None:
            self.click(".menu > button")
            self.click("[role=menuitem]", text)

        return choose

    def test_dialogs(self) -> None:
        """Every dialog keeps the rules, and has the focus in it."""
        self.furnish()
        self.sign_in()
        self._dialogs(
            f"#/terminals/{FIRST_RECEIVER}",
            self._button("Restart"),
            self._button("Shut down"),
            self._button("Move to a room"),
            self._more("Rename"),
            self._more("Request an upload"),
        )
        self._dialogs(f"#/terminals/{_GONE}", self._more("Forget"))
        self._dialogs("#/rooms", self._button("New room"), lambda: self.click("td .plain.danger"))
        self._dialogs("#/templates", self._button("Import"), self._button("Upload from a terminal"))
        self._dialogs(f"#/templates/{self.uuid}", self._button("Edit"))
        self._dialogs("#/rollouts/1", self._button("Cancel the rollout"))
        self._dialogs(
            "#/settings",
            self._button("New token"),
            self._button("Revoke"),
            self._button("New account"),
            self._button("Change password"),
        )

    def test_refused(self) -> None:
        """A dialog that says what is wrong with what was entered."""
        self.server.api("POST", "rooms", {"name": "Room 1", "subnets": []})
        self.sign_in()
        self.open("#/rooms")
        self.click("main button", "New room")
        self.type("dialog input[type=text]", "Room 1")
        self.click("dialog button[type=submit]")
        self.find("dialog [role=alert]")
        self.holds("a refused dialog")

    def test_menu(self) -> None:
        """An open menu."""
        self.terminals(1)
        self.sign_in()
        self.open("#/terminals")
        self.click("tbody input")
        self.click(".menu > button")
        self.find("[role=menu]")
        self.holds("an open menu")

    def test_told(self) -> None:
        """What was done and what failed is told by a part of the page that is read out."""
        terminal = self.terminals(1)
        self.sign_in()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.click("main button", "Wake")
        self.find("[role=status] .notification.good")
        terminal.stop()
        self.find(".badge.offline")
        self.click("main button", "Restart")
        self.find("[role=status] .notification.bad")
        self.holds("notifications")

    def test_server_away(self) -> None:
        """So is that the server is away."""
        self.sign_in()
        self.there()
        self.server.stop()
        self.find("[role=status] .banner")
        self.holds("without a server")
