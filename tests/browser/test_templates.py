"""What an administrator does with templates: their versions, and what failed on its way to being one."""

from __future__ import annotations

from typing import Any

from selenium.webdriver.common.by import By

from tests.browser.case import FIRST_RECEIVER, MIB, BrowserCase


class TemplateTests(BrowserCase):
    """Versions, remarks, failures."""

    def test_versions(self) -> None:
        """A version tells who wanted it and its remark, its number of terminals leads to them, and the template's
        remark can be changed.
        """
        self.terminals(2)
        uuid = self.template(size=4 * MIB)
        self.server.api("POST", "rollouts", {"template": uuid, "macs": [FIRST_RECEIVER]})

        def having() -> Any:
            return self.server.api("GET", f"templates/{uuid}")["terminals_current"]

        self.until(lambda: having() == 1, "the rollout to end")
        self.sign_in()
        self.open(f"#/templates/{uuid}")
        self.says("Token api-token")
        self.click(".page-actions button", "Edit")
        self.type("dialog [name=desc]", "for the CAD course")
        self.click("dialog button[type=submit]")
        self.says("for the CAD course")
        self.picture("template-versions")
        self.click("td a", "1")
        self.until(lambda: "version=1" in self.page.current_url, "the list of terminals")
        self.until(lambda: len(self.page.find_elements(By.CSS_SELECTOR, "tbody tr")) == 1, "one terminal")
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.find("section", "Versions sent to it").find_element(By.CSS_SELECTOR, ".badge.done")
        self.picture("terminal-history")
        self.assertEqual(self.complaints(), [])

    def test_failed_upload(self) -> None:
        """A failed upload is reached from the overview, says why, and is tried again or dismissed."""
        self.terminals(1)
        template = "6f1a8c52-4b5e-4a55-9d2b-0f6f6a4a0c11"
        asked = {
            "mac": FIRST_RECEIVER,
            "template": {"uuid": template, "name": "Office"},
            "disks": [f"voi_0_{template}"],
        }
        number = self.server.api("POST", "uploads", asked)["id"]
        self.until(lambda: self.server.api("GET", f"uploads/{number}")["state"] == "failed", "the refusal")
        self.sign_in()
        self.click(".attention a", "1 upload failed")
        self.until(lambda: template in self.page.current_url, "the template's page")
        self.find(".failed-uploads", FIRST_RECEIVER)
        self.picture("template-failed")
        self.open("#/templates")
        self.find(".failed-uploads", "Office")
        self.picture("templates-failed")
        self.click(".failed-uploads button", "Try again")
        self.until(lambda: self.server.api("GET", f"uploads/{number}")["dismissed"], "the retry")
        self.until(lambda: self.server.api("GET", f"uploads/{number + 1}")["state"] == "failed", "the next refusal")
        self.open(f"#/templates/{template}")
        self.click(".failed-uploads button", "Dismiss")
        self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, ".failed-uploads"), "it to be gone")
        self.assertEqual(self.server.api("GET", "templates")["templates"], [])

    def test_lost_file(self) -> None:
        """A file that is gone under the server: the overview and the template say it, and what is done about it; it
        can be put back, and the files can be checked.
        """
        uuid = self.template(size=4 * MIB)
        (path,) = (self.server.data / "disks").glob("voi_*")
        path.rename(path.parent.parent / "away")
        self.sign_in()
        self.click(".attention a", "1 published file is not whole on the server")
        self.until(lambda: uuid in self.page.current_url, "the template's page")
        self.find(".failure", "the file on the server is missing; no terminal that is online has all of it")
        self.find("td .badge.missing", "Missing")
        self.picture("template-incomplete")
        (path.parent.parent / "away").rename(path)
        self.find("td .badge.ready", "Ready")
        self.click(".page-actions button", "Check files")
        self.click("dialog button.primary", "Check")
        self.says("The files are being checked")
        self.until(lambda: self.server.api("GET", f"templates/{uuid}")["state"] == "ready", "the check to end")
        self.assertEqual(self.complaints(), [])

    def test_health(self) -> None:
        """Settings say how the server does, check by check."""
        self.sign_in()
        self.open("#/settings")
        checks = len(self.server.api("GET", "health")["checks"])
        badges = ".health .badge.healthy"
        self.until(lambda: len(self.page.find_elements(By.CSS_SELECTOR, badges)) == checks, "all checks")
        self.picture("settings-health")
