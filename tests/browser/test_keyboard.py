"""The console by keyboard alone: no test here touches a pointer."""

from __future__ import annotations

from typing import Final

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.browser.case import FIRST_RECEIVER, MIB, BrowserCase

_MOST_TABS: Final = 60
_SECOND: Final = "02:00:00:00:01:02"


class KeyboardTests(BrowserCase):
    """What one does every day."""

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            ActionChains(self.page).send_keys(key).perform()

    def together(self, held: str, key: str) -> None:
        """Press a key while another is held."""
        ActionChains(self.page).key_down(held).send_keys(key).key_up(held).perform()

    def focus(self) -> WebElement:
        """What has the focus."""
        return self.page.switch_to.active_element

    def has_focus(self, selector: str, text: str = "") -> None:
        """Wait until such an element has the focus."""

        def there() -> bool:
            focus = self.focus()
            matches = self.page.execute_script("return arguments[0].matches(arguments[1])", focus, selector)
            return bool(matches) and text in focus.text

        self.until(there, f"the focus to be on {selector} with {text!r}")

    def tab_to(self, selector: str, text: str = "", *, back: bool = False) -> None:
        """Go on, or back, with the tabulator until such an element has the focus; it has to show that it has."""
        self.find(selector, text)
        for _ in range(_MOST_TABS):
            self.together(Keys.SHIFT, Keys.TAB) if back else self.press(Keys.TAB)
            focus = self.focus()
            matches = self.page.execute_script("return arguments[0].matches(arguments[1])", focus, selector)
            if matches and text in focus.text:
                style = self.page.execute_script("return getComputedStyle(arguments[0]).outlineStyle", focus)
                self.assertNotEqual(style, "none", f"{selector} does not show that it has the focus")
                return
        self.fail(f"{_MOST_TABS} tabulators do not lead to {selector} with {text!r}")

    def enter(self) -> None:
        """Sign in."""
        self.open()
        self.has_focus("[name=name]")
        self.press("admin", Keys.TAB, self.server.admin_password, Keys.ENTER)
        self.has_focus("h1")

    def go(self, page: str) -> None:
        """Go to a page by the list of pages, which comes before every page."""
        self.tab_to("nav a", page, back=True)
        self.press(Keys.ENTER)
        self.has_focus("h1", page)

    def rows(self) -> list[str]:
        """The terminals that are shown, in order."""
        cells = self.page.execute_script(
            "return [...document.querySelectorAll('tbody tr[data-index]')].map((row) => row.innerText)"
        )
        return [next(mac for mac in self.online() if mac in cell) for cell in cells]

    def test_find_and_sort(self) -> None:
        """Terminals are found and sorted, and what is shown is said."""
        terminals = self.terminals(3)
        self.enter()
        self.go("Terminals")
        self.tab_to("th .sort", "MAC")
        self.press(Keys.ENTER)
        self.until(lambda: self.rows() == terminals.macs, "the order of MACs")
        self.press(Keys.SPACE)
        self.until(lambda: self.rows() == terminals.macs[::-1], "the order to turn around")
        self.assertEqual(self.find("th[aria-sort=descending]").text.split()[0], "MAC")
        self.tab_to("input[type=search]", back=True)
        self.press("01:02")
        self.until(lambda: self.rows() == [_SECOND], "one to be left")
        self.find("[aria-live=polite]", "1 of 3")

    def test_choose(self) -> None:
        """Rows are gone through with arrows and chosen with the space bar, more with shift, all with Ctrl+A."""
        self.terminals(3)
        self.enter()
        self.go("Terminals")
        self.tab_to("tbody input")
        self.press(Keys.ARROW_DOWN)
        self.has_focus("tr[data-index='1'] input")
        self.press(Keys.SPACE)
        self.find("[role=status]", "1 selected")
        self.together(Keys.SHIFT, Keys.ARROW_DOWN)
        self.find("[role=status]", "2 selected")
        self.has_focus("tr[data-index='2'] input")
        self.together(Keys.CONTROL, "a")
        self.find("[role=status]", "3 selected")

    def test_menu(self) -> None:
        """The menu opens at its first action, arrows go round in it, Escape leaves it to where one came from."""
        self.terminals(1)
        self.enter()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.has_focus("h1")
        self.tab_to(".menu > button")
        self.press(Keys.ENTER)
        self.has_focus("[role=menuitem]", "Request an upload")
        self.press(Keys.ARROW_UP)
        self.has_focus("[role=menuitem]", "Forget")
        self.press(Keys.HOME, Keys.ARROW_DOWN)
        self.has_focus("[role=menuitem]", "Rename")
        self.press(Keys.ESCAPE)
        self.has_focus(".menu > button")
        self.press(Keys.ARROW_DOWN)
        self.has_focus("[role=menuitem]", "Request an upload")

    def test_dialog(self) -> None:
        """A dialog has the focus until Escape, and gives it back to what opened it; nothing behind is reached."""
        self.terminals(1)
        self.enter()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.has_focus("h1")
        self.tab_to(".toolbar > button", "Restart")
        self.press(Keys.ENTER)
        self.has_focus("dialog button", "Go back")
        for _ in range(6):
            self.press(Keys.TAB)
            outside = self.page.execute_script(
                "return document.hasFocus() && document.activeElement !== document.body"
                " && !document.activeElement.closest('dialog')"
            )
            self.assertFalse(outside)
        self.press(Keys.ESCAPE)
        self.until(lambda: not self.page.find_elements("css selector", "dialog"), "the dialog to close")
        self.has_focus(".toolbar > button", "Restart")

    def test_dialog_of_menu(self) -> None:
        """A dialog that a menu opened gives the focus back to the menu, and its answer is said."""
        self.terminals(1)
        self.enter()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.has_focus("h1")
        self.tab_to(".menu > button")
        self.press(Keys.ENTER, Keys.ARROW_DOWN, Keys.ENTER)
        self.has_focus("dialog input")
        self.press("Desk 7", Keys.ENTER)
        self.find("[role=status] .notification", "Renamed")
        self.find("h1", "Desk 7")
        self.has_focus(".menu > button")

    def test_send_and_cancel(self) -> None:
        """Terminals are chosen, sent a template, and the rollout called off after a question."""
        self.terminals(2, "--download-limit=300000")
        self.template(size=8 * MIB)
        self.enter()
        self.go("Terminals")
        self.tab_to("tbody input")
        self.press(Keys.SPACE)
        self.tab_to(".toolbar button.primary", back=True)
        self.press(Keys.ENTER)
        self.has_focus("h1", "New rollout")
        self.tab_to("select[name=template]")
        self.press("Cl")
        self.find("button.primary.big:enabled", "1 terminal")
        self.tab_to("button.primary.big")
        self.press(Keys.ENTER)
        self.has_focus("h1", "Classroom")
        self.tab_to(".page-actions button.danger")
        self.press(Keys.ENTER)
        self.has_focus("dialog button", "Go back")
        self.tab_to("dialog button.danger")
        self.press(Keys.ENTER)
        self.find("h1 .badge", "Cancelled")
        self.assertEqual(self.server.api("GET", "rollouts/1")["state"], "cancelled")
        self.has_focus("h1")
