"""The console's manners: where the focus is, what a page says it is, the way back, what is told to a newcomer."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.case import FIRST_RECEIVER, MIB, BrowserCase

_NARROW = 400
_ROW = 40
_STOPS = """
return [...document.querySelectorAll('tbody tr[data-index]')].filter(
  (row) => [...row.querySelectorAll('a, input, button')].some((one) => one.tabIndex >= 0)).length
"""


class MannersCase(BrowserCase):
    """What a person sees."""

    def focused(self, selector: str) -> None:
        """Wait until such an element has the focus."""
        self.until(
            lambda: self.page.execute_script("return document.activeElement.matches(arguments[0])", selector),
            f"the focus to be on {selector}",
        )

    def titled(self, title: str) -> None:
        """Wait until page and window are called so."""
        self.find("h1", title)
        self.until(lambda: self.page.title == f"{title} · VOI", f"the title {title!r}, not {self.page.title!r}")


class SignInTests(MannersCase):
    """Coming and going."""

    def test_focus(self) -> None:
        """The first field has the focus, after a refusal the password, after signing out the first again."""
        self.open()
        self.focused("[name=name]")
        self.sign_in("admin", "wrong", "[role=alert]")
        self.focused("[name=password]")
        self.sign_in()
        self.click(".side-foot button")
        self.titled("Sign in")
        self.focused("[name=name]")
        self.assertEqual(self.page.find_elements(By.CSS_SELECTOR, ".banner"), [])

    def test_ended_elsewhere(self) -> None:
        """A session that ends while one works is said to have ended, and that a dialog was not sent."""
        self.sign_in()
        self.open("#/rooms")
        self.click("main button", "New room")
        self.find("dialog")
        self.page.execute_async_script(
            "const done = arguments[0];"
            "fetch('api/v1/session').then((answer) => answer.json()).then((session) =>"
            " fetch('api/v1/session', {method: 'DELETE', headers: {'X-CSRF-Token': session.csrf}})).then(() => done())"
        )
        self.type("dialog input[type=text]", "Lab")
        self.click("dialog button[type=submit]")
        self.find("[role=status]", "was not sent")
        self.sign_in()
        self.assertEqual(self.page.find_elements(By.CSS_SELECTOR, ".sign-in"), [])


class PlaceTests(MannersCase):
    """Where one is, and how to get back."""

    def test_nothing_there(self) -> None:
        """A page of what does not exist says so in its head and its title."""
        self.sign_in()
        for place, title in (
            ("#/nothing", "This page does not exist"),
            ("#/rooms/99", "This room does not exist"),
            ("#/rollouts/99", "This does not exist"),
            ("#/terminals/02:00:00:00:09:99", "This terminal does not exist"),
            ("#/templates/00000000-0000-4000-8000-000000000000", "This template does not exist"),
        ):
            self.open(place)
            self.titled(title)

    def test_way_back(self) -> None:
        """From a terminal one comes back to the list with its filter and what was chosen, or to its room."""
        self.terminals(2)
        self.server.api("POST", "rooms", {"name": "Lab", "subnets": ["127.0.0.0/8"]})
        self.sign_in()
        self.open("#/terminals")
        self.type("input[type=search]", "01:02")
        self.until(lambda: len(self.page.find_elements(By.CSS_SELECTOR, "tr[data-index]")) == 1, "one to be left")
        self.click("tbody input")
        self.click("tbody td:nth-child(2) a")
        self.click("a.back", "Terminals")
        self.find(".chosen-count", "1 selected")
        self.assertEqual(self.find("input[type=search]").get_attribute("value"), "01:02")
        self.open("#/rooms/1")
        self.click(".seat a")
        self.find("h1", FIRST_RECEIVER)
        self.click("a.back", "Lab")
        self.find(".seat")

    def test_narrow(self) -> None:
        """On a telephone no page is wider than its screen."""
        self.terminals(2)
        uuid = self.template(size=MIB)
        self.server.api("POST", "rooms", {"name": "Lab", "subnets": ["127.0.0.0/8"]})
        self.server.api("POST", "tokens", {"name": "night-shift", "role": "operator"})
        self.sign_in()
        metrics = {"width": _NARROW, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        lists = ("", "terminals", "rooms", "templates", "rollouts", "rollouts/new", "events", "settings")
        for place in (*lists, f"terminals/{FIRST_RECEIVER}", "rooms/1", f"templates/{uuid}"):
            self.open(f"#/{place}")
            self.find("h1")
            self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, ".busy"), "the page to be there")
            width = self.page.execute_script(
                "const main = document.getElementById('main');"
                "return Math.max(document.documentElement.scrollWidth, main.scrollWidth)"
            )
            self.assertLessEqual(width, _NARROW, place)
            self.picture(f"narrow-{place.partition(':')[0].replace('/', '-')[:12] or 'overview'}")


class TableTests(MannersCase):
    """Rows."""

    def test_row(self) -> None:
        """A terminal without an image has a row like any other, and one row is a stop of the tabulator."""
        self.terminals(3)
        self.sign_in()
        self.open("#/terminals")
        badge = self.find("tbody .badge.unreported")
        row = self.page.execute_script("return arguments[0].closest('tr').getBoundingClientRect().height", badge)
        self.assertEqual(row, _ROW)
        self.assertEqual(self.page.execute_script(_STOPS), 1)
        self.click("tbody input")
        ActionChains(self.page).send_keys(Keys.ARROW_DOWN, Keys.TAB).perform()
        self.focused("tr[data-index='1'] a")
        self.assertEqual(self.page.execute_script(_STOPS), 1)

    def test_seats(self) -> None:
        """Seats without a name are told apart, and arrows go from one to the next."""
        self.terminals(3)
        self.server.api("POST", "rooms", {"name": "Lab", "subnets": ["127.0.0.0/8"]})
        self.sign_in()
        self.open("#/rooms/1")
        self.until(lambda: len(self.page.find_elements(By.CSS_SELECTOR, ".seat a")) == 3, "the seats")
        names = [one.text for one in self.page.find_elements(By.CSS_SELECTOR, ".seat a")]
        self.assertEqual(names, ["00:01:01", "00:01:02", "00:01:03"])
        self.click(".seat input")
        ActionChains(self.page).send_keys(Keys.ARROW_RIGHT, Keys.SPACE).perform()
        self.find(".chosen-count", "2 selected")


class DialogTests(MannersCase):
    """Dialogs."""

    def test_first_field(self) -> None:
        """A form begins at its first field."""
        self.sign_in()
        self.open("#/settings")
        self.click("main button", "Change password")
        self.focused("dialog [autocomplete=current-password]")

    def test_token_stays(self) -> None:
        """A token that is shown only once does not go with Escape, however often."""
        self.sign_in()
        self.open("#/settings")
        self.click("main button", "New token")
        self.type("dialog input[type=text]", "night-shift")
        self.click("dialog button[type=submit]")
        self.focused("dialog input[readonly]")
        ActionChains(self.page).send_keys(*[Keys.ESCAPE] * 4).perform()
        self.assertNotEqual(self.find("dialog input[readonly]").get_attribute("value"), "")
        self.click("dialog button.primary")
        self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, "dialog"), "the dialog to close")


class NewcomerTests(MannersCase):
    """A server on which nothing was done yet."""

    def test_first_steps(self) -> None:
        """It says what to do, and ticks it off; without a template a rollout is no form that does nothing."""
        self.sign_in()
        self.find(".first-steps .next", self.server.address)
        self.picture("first-steps")
        self.open("#/rollouts/new")
        self.find("main a.button", "Templates")
        self.open("#/terminals")
        self.find(".nothing", self.server.address)
        self.open()
        self.terminals(1)
        self.find(".first-steps .done", "Connect")
        uuid = self.template(size=MIB)
        self.find(".first-steps .done", "Prepare a template")
        self.picture("first-steps-two")
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, ".first-steps"), "the steps to be done")

    def test_sent_and_waiting(self) -> None:
        """What waits for a terminal that is off is not said to be sent."""
        self.terminals(1)
        gone = self.terminals(1, mac="02:00:00:00:02:01", name="gone")
        gone.stop()
        self.sign_in()
        self.open("#/terminals/02:00:00:00:02:01")
        self.find(".badge.offline")
        for item in ("Watermark on", "Watermark off"):
            self.click(".menu > button")
            self.click("[role=menuitem]", item)
            self.find(".notification.good", "is off")
        self.find(".badge.replaced")
        self.says("sent at once: 0, at the next login: 1")


class AwayTests(MannersCase):
    """A server that was away."""

    def test_back(self) -> None:
        """That it does not answer is not said any more once it does."""
        self.terminals(1)
        self.sign_in()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.find(".toolbar")
        self.server.stop()
        self.click("main button", "Wake")
        self.find(".notification.bad", "does not answer")
        self.server.up()
        self.until(
            lambda: not self.page.find_elements(By.CSS_SELECTOR, ".notification.bad, .banner"), "the message to go"
        )
