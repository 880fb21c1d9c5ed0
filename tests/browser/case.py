"""A browser, a server and terminals for tests, and what a person does at a page: look, click, type."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Final

from selenium.common.exceptions import ElementNotInteractableException, StaleElementReferenceException, TimeoutException
from selenium.webdriver import Chrome, ChromeOptions, Firefox, FirefoxOptions
from selenium.webdriver.chrome.service import Service as ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.firefox.service import Service as FirefoxService
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait
from twisted.trial.unittest import SynchronousTestCase

from voi.demo.image import write_image
from voi.demo.processes import ServerProcess, TerminalProcesses

FIREFOX: Final = os.environ.get("VOI_BROWSER") == "firefox"
"""Try another browser than the usual one; needs `geckodriver`, which Debian has not."""
PROGRAM: Final = shutil.which("firefox-esr" if FIREFOX else "chromium")
DRIVER: Final = shutil.which("geckodriver" if FIREFOX else "chromedriver")
MISSING: Final = None if PROGRAM and DRIVER else "Debian's chromium and chromium-driver are not installed"
"""Why there are no tests in a browser on this machine."""
PATIENCE: Final = 60.0
SCREENSHOTS: Final = Path(os.environ.get("VOI_SCREENSHOTS", "build/screenshots")).absolute()
"""Pictures of the pages, to be looked at."""
MIB: Final = 1 << 20
FIRST_RECEIVER: Final = "02:00:00:00:01:01"

_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def browser(directory: Path, *, language: str = "en") -> WebDriver:
    """A browser of its own, in a language."""
    return _firefox(language) if FIREFOX else _chromium(directory, language)


def _firefox(language: str) -> WebDriver:
    options = FirefoxOptions()
    assert PROGRAM is not None and DRIVER is not None
    options.binary_location = PROGRAM
    options.accept_insecure_certs = True
    for flag in ("-headless", "--width=1360", "--height=860"):
        options.add_argument(flag)
    options.set_preference("intl.accept_languages", language)
    return Firefox(options=options, service=FirefoxService(DRIVER))


def _chromium(directory: Path, language: str) -> WebDriver:
    options = ChromeOptions()
    assert PROGRAM is not None and DRIVER is not None
    options.binary_location = PROGRAM
    for flag in (*_FLAGS, f"--user-data-dir={directory}", f"--lang={language}", "--window-size=1360,860"):
        options.add_argument(flag)
    options.accept_insecure_certs = True  # a test behind TLS has a certificate that nobody signed
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=ChromeService(DRIVER))


class BrowserCase(SynchronousTestCase):
    """Each test has a server of its own, and a browser that was never there before."""

    timeout = 300
    skip = MISSING

    language = "en"

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()
        self.server = self.make_server()
        self.addCleanup(self.server.stop)
        self.server.up()
        self.page: WebDriver = browser(self.root / "browser", language=self.language)
        self.addCleanup(self.page.quit)

    def make_server(self) -> ServerProcess:
        """The server that the test has."""
        return ServerProcess(self.root / "server")

    # What there is.

    def terminals(
        self, count: int, *options: str, mac: str = FIRST_RECEIVER, name: str = "receivers"
    ) -> TerminalProcesses:
        """Reference terminals that are logged in."""
        made = TerminalProcesses(
            self.root / name, self.server.address, mac, *options, count=count, address="127.0.0.10"
        )
        made.start()
        self.addCleanup(made.stop)
        self.until(lambda: set(made.macs) <= self.online(), "the terminals to log in")
        return made

    def online(self) -> set[str]:
        """The MACs of terminals that are online."""
        return {one["mac"] for one in self.server.api("GET", "terminals?disks=0")["terminals"] if one["online"]}

    def image(self, size: int = 16 * MIB) -> Path:
        """An image file on the server."""
        path = self.root / "windows.qcow2"
        write_image(path, 4 * size, data_bytes=size)
        return path

    def template(self, name: str = "Classroom", size: int = 16 * MIB) -> str:
        """A published template: its uuid."""
        body = {"name": name, "disks": [{"type": "system", "path": str(self.image(size))}]}
        uuid: str = self.server.api("POST", "templates", body)["uuid"]
        self.until(lambda: self.server.api("GET", f"templates/{uuid}")["state"] == "ready", "the import")
        return uuid

    # What a person does.

    def until(self, condition: Any, what: str, seconds: float = PATIENCE) -> Any:
        """Look until something holds. A live page may draw anew between two looks at the same thing."""
        passing = (StaleElementReferenceException, ElementNotInteractableException)
        try:
            return WebDriverWait(self.page, seconds, 0.1, passing).until(lambda _: condition())
        except TimeoutException:
            self.picture(f"failed-{self.id().rpartition('.')[2]}")
            self.fail(f"waited in vain for {what}; the page says:\n{self.text()}")

    def open(self, place: str = "") -> None:
        """Go to a place of the console."""
        self.page.get(f"{self.server.url}/{place}")

    def sign_in(self, name: str = "admin", password: str = "", then: str = "nav") -> None:
        """Sign in, and wait for the console, or for what there is then."""
        self.open()
        self.type("[name=name]", name)
        self.type("[name=password]", password or self.server.admin_password)
        self.find("form button[type=submit]").click()
        self.find(then)

    def find(self, selector: str, text: str = "") -> WebElement:
        """Wait for an element that is shown, and has this text somewhere in it."""

        def look() -> WebElement | None:
            found = self.page.find_elements(By.CSS_SELECTOR, selector)
            return next((one for one in found if one.is_displayed() and text in one.text), None)

        element: WebElement = self.until(look, f"{selector} with {text!r}")
        return element

    def click(self, selector: str, text: str = "") -> None:
        """Click on such an element, as soon as it can be."""

        def tried() -> bool:
            element = self.find(selector, text)
            if not element.is_enabled():
                return False
            element.click()
            return True

        self.until(tried, f"{selector} with {text!r} to be clicked")

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def choose(self, selector: str, text: str) -> None:
        """Take the option of a list that has this text in it."""
        chosen = Select(self.find(selector))
        self.until(lambda: any(text in one.text for one in chosen.options), f"the option {text!r}")
        chosen.select_by_visible_text(next(one.text for one in chosen.options if text in one.text))

    def text(self) -> str:
        """All that the page says."""
        return self.page.find_element(By.TAG_NAME, "body").text

    def says(self, text: str) -> None:
        """Wait until the page says something."""
        self.until(lambda: text in self.text(), f"the page to say {text!r}")

    def picture(self, name: str) -> None:
        """Keep a picture of the page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def complaints(self) -> list[str]:
        """What the browser complained of: errors of scripts, refused content; not what was asked for and refused.
        Firefox does not tell.
        """
        if not isinstance(self.page, Chrome):
            return []
        return [
            one["message"]
            for one in self.page.get_log("browser")
            if one["level"] == "SEVERE" and "status of 401" not in one["message"]
        ]
