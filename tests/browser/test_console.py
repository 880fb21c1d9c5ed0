"""What an administrator does in the browser, from the first sign-in to the end of a rollout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from selenium.webdriver.common.by import By

from tests.browser.case import FIRST_RECEIVER, MIB, BrowserCase
from voi.cli.output import percent

SLOW = "--download-limit=500000"


class MainJobTests(BrowserCase):
    """The way that everybody goes."""

    def test_import_and_rollout(self) -> None:
        """A first sign-in, the import of a template, a rollout to eight terminals watched to its end; what the page
        says is what the API says.
        """
        terminals = self.terminals(8)
        self.sign_in()
        self.says("8")
        self.picture("overview")
        self.open("#/templates")
        self.click("button.primary", "Import")
        self.type("dialog [name=name]", "Classroom")
        self.type("dialog [name=path]", str(self.image()))
        self.click("dialog button[type=submit]")
        self.until(lambda: any(x["state"] == "ready" for x in self.server.api("GET", "templates")["templates"]), "it")
        self.open("#/rollouts/new")
        self.choose("[name=template]", "Classroom")
        self.find("button.primary.big", "8 terminals")
        self.picture("rollout-new")
        self.click("button.primary.big")
        self.until(lambda: "#/rollouts/1" in self.page.current_url, "the rollout's page")
        self.says("8")
        self.picture("rollout-running")
        self.until(lambda: self.server.api("GET", "rollouts/1")["state"] == "done", "the rollout to end")
        self.find(".badge", "Done")
        self.until(lambda: self.page.find_elements(By.CSS_SELECTOR, "tbody tr"), "the terminals")
        rollout = self.server.api("GET", "rollouts/1")
        self.says(f"{rollout['copies']:.2f}")
        rows = [row.text for row in self.page.find_elements(By.CSS_SELECTOR, "tbody tr") if row.text]
        self.assertEqual(len(rows), 8)
        self.assertTrue(all("Done" in row and "100" in row for row in rows), rows)
        self.picture("rollout-done")
        self.assertEqual(len(terminals.macs), 8)
        self.assertEqual(self.complaints(), [])

    def test_every_page(self) -> None:
        """Every page opens without a complaint of the browser; pictures are kept of each."""
        self.terminals(3)
        uuid = self.template(size=4 * MIB)
        self.server.api("POST", "rooms", {"name": "Room 1", "subnets": ["127.0.0.0/8"]})
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.sign_in()
        for place, name in (
            ("", "overview"),
            ("#/terminals", "terminals"),
            (f"#/terminals/{FIRST_RECEIVER}", "terminal"),
            ("#/rooms", "rooms"),
            ("#/rooms/1", "room"),
            ("#/templates", "templates"),
            (f"#/templates/{uuid}", "template"),
            ("#/rollouts", "rollouts"),
            ("#/rollouts/1", "rollout"),
            ("#/events", "events"),
            ("#/settings", "settings"),
        ):
            self.open(place)
            self.find("h1")
            self.until(lambda: not self.page.find_elements(By.CSS_SELECTOR, ".busy"), f"{name} to be there")
            self.picture(f"page-{name}")
            self.assertEqual(self.complaints(), [], name)

    def test_one_truth(self) -> None:
        """Of rollouts that were cancelled, or taken over by later ones, the list, the page and the command say the
        same, in numbers as in words, and none of them that it is done; in both languages.
        """
        self.terminals(2, SLOW)
        uuid = self.template(size=32 * MIB)
        for _ in range(2):
            self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.server.api("DELETE", "rollouts/2")
        said = subprocess.run(
            [sys.executable, "-c", "from voi.cli import main; main()", "rollout", "list", "--json"],
            env={**os.environ, "VOI_SERVER": self.server.url, "VOI_TOKEN": self.server.token},
            capture_output=True,
            check=True,
        )
        told = {one["id"]: one for one in json.loads(said.stdout)["rollouts"]}
        self.assertEqual([told[1]["state"], told[2]["state"]], ["superseded", "cancelled"])
        self.sign_in()
        for language, words in (("en", ("Replaced by a later one", "Cancelled")), ("zh-CN", ("取代", "已取消"))):
            self.page.execute_script("localStorage.setItem('voi.language', arguments[0])", language)
            self.open("#/rollouts")
            self.page.refresh()
            self.says(words[1])
            listed = [row.text for row in self.page.find_elements(By.CSS_SELECTOR, "tbody tr")]
            rows = {text.split("#")[1].split()[0]: text for text in listed}
            for number, word in zip((1, 2), words, strict=True):
                share = percent(told[number]["progress"])
                self.assertIn(word, rows[str(number)])
                self.assertIn(share, rows[str(number)])
                self.assertNotIn("100%", rows[str(number)])
            self.picture(f"rollouts-ended-{language}")
            for number, word in zip((1, 2), words, strict=True):
                self.open(f"#/rollouts/{number}")
                self.find("h1 .badge", word)
                self.assertIn(percent(told[number]["progress"]), self.find(".total").text)
        self.assertEqual(self.complaints(), [])

    def test_send_again(self) -> None:
        """A terminal that has everything is sent it again, after a question, and the new rollout is shown."""
        self.terminals(1)
        uuid = self.template(size=4 * MIB)
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.until(lambda: self.server.api("GET", "rollouts/1")["state"] == "done", "the first rollout to end")
        self.sign_in()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.click(".toolbar button", "More")
        self.click("[role=menuitem]", "Send again")
        self.picture("send-again")
        self.click("dialog button[type=submit]")
        self.until(lambda: "#/rollouts/2" in self.page.current_url, "the new rollout's page")
        self.until(lambda: self.server.api("GET", "rollouts/2")["state"] == "done", "it to end")
        self.assertTrue(self.server.api("GET", "rollouts/2")["again"])
        self.assertEqual(self.complaints(), [])

    def test_check_disks(self) -> None:
        """A terminal reads its disks when it is told to, and what it found stands under *Events* in both languages."""
        self.terminals(1)
        uuid = self.template(size=4 * MIB)
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.until(lambda: self.server.api("GET", "rollouts/1")["state"] == "done", "the rollout to end")
        self.sign_in()
        self.open(f"#/terminals/{FIRST_RECEIVER}")
        self.click(".toolbar button", "More")
        self.click("[role=menuitem]", "Check disks")
        self.says("reads its disks from end to end")
        self.until(lambda: self.server.api("GET", "events?kind=terminal.disk_right")["events"], "what it found")
        for language, words in (("en", "all of it is right"), ("zh-CN", "全部正确")):
            self.page.execute_script("localStorage.setItem('voi.language', arguments[0])", language)
            self.open("#/events")
            self.page.refresh()
            self.says(words)
            self.picture(f"checked-disks-{language}")
        self.assertEqual(self.complaints(), [])

    def test_cancel(self) -> None:
        """A rollout is cancelled after a question that says how many it hits."""
        self.terminals(2, SLOW)
        uuid = self.template(size=32 * MIB)
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.sign_in()
        self.open("#/rollouts/1")
        self.click("button.danger")
        self.assertIn("2", self.find("dialog").text)
        self.picture("rollout-cancel")
        self.click("dialog button.danger")
        self.find(".badge", "Cancelled")
        self.assertEqual(self.server.api("GET", "rollouts/1")["state"], "cancelled")

    def test_a_terminal_that_fails(self) -> None:
        """A terminal that cannot take its disk is shown with the reason, its disk called as people call it."""
        terminals = self.terminals(1)
        uuid = self.template(size=4 * MIB)
        (disk,) = self.server.api("GET", f"templates/{uuid}")["disks"]
        (terminals.directories[0] / disk["name"]).mkdir(parents=True)  # where the file is to be
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.sign_in()
        self.open("#/rollouts/1")

        def reason() -> str:
            return str(self.server.api("GET", "rollouts/1")["targets"][0]["reason"])

        self.until(lambda: disk["name"] in reason(), "the terminal to fail")
        label = f"Level 0 · {disk['name'][6:14]}"  # as people call it
        self.says(reason().replace(disk["name"], label, 1)[:60])
        self.picture("rollout-failed")


class PeopleTests(BrowserCase):
    """Who may what."""

    def test_operator(self) -> None:
        """An operator is not offered what only administrators may, and is refused where they try all the same."""
        body = {"name": "li", "password": "correct horse", "role": "operator"}
        self.server.api("POST", "accounts", body)
        self.sign_in("li", "correct horse")
        self.open("#/templates")
        self.find("h1")
        self.assertEqual(self.page.find_elements(By.CSS_SELECTOR, "button.primary"), [])
        self.open("#/settings")
        self.find("h1")
        self.picture("settings-operator")
        refused = self.page.execute_async_script(
            "const done = arguments[0];"
            "fetch('api/v1/session').then((answer) => answer.json()).then((session) =>"
            " fetch('api/v1/accounts', {method: 'POST', body: '{}', headers: {'X-CSRF-Token': session.csrf}}))"
            ".then((answer) => done(answer.status))"
        )
        self.assertEqual(refused, 403)

    def test_wrong_password(self) -> None:
        """A wrong password is said to be so, and nobody is signed in."""
        self.open()
        self.type("[name=name]", "admin")
        self.type("[name=password]", "wrong")
        self.click("form button[type=submit]")
        self.find("[role=alert]")
        self.assertEqual(self.page.find_elements(By.CSS_SELECTOR, "nav"), [])

    def test_names_are_text(self) -> None:
        """A name that is markup is shown as it is, and does nothing."""
        self.terminals(1)
        hostile = "<img src=x onerror=document.title='owned'><b>bold</b>"
        self.server.api("PATCH", "terminals", {"macs": [FIRST_RECEIVER], "name": hostile[:60]})
        self.sign_in()
        for place in ("#/terminals", f"#/terminals/{FIRST_RECEIVER}", "#/events"):
            self.open(place)
            self.says("<img src=x")
            self.assertEqual(self.page.find_elements(By.CSS_SELECTOR, "img, main b"), [])
        self.assertNotEqual(self.page.title, "owned")


class ChineseTests(BrowserCase):
    """A browser that speaks Chinese."""

    language = "zh-CN"

    def test_chinese(self) -> None:
        """The console speaks the browser's language, and the other when it is asked to."""
        self.sign_in()
        self.assertEqual(self.page.find_element(By.TAG_NAME, "html").get_attribute("lang"), "zh-CN")
        self.says("终端")
        self.picture("overview-zh")
        self.choose("select.language, .language select", "English")
        self.says("Terminals")

    def test_why_a_terminal_fails(self) -> None:
        """The reason of a terminal that fails is in Chinese, on every page that has it."""
        terminals = self.terminals(1)
        uuid = self.template(size=4 * MIB)
        (disk,) = self.server.api("GET", f"templates/{uuid}")["disks"]
        (terminals.directories[0] / disk["name"]).mkdir(parents=True)  # where the file is to be
        self.server.api("POST", "rollouts", {"template": uuid, "macs": "all"})
        self.sign_in()
        self.open("#/rollouts/1")

        def target() -> dict[str, Any]:
            found: dict[str, Any] = self.server.api("GET", "rollouts/1")["targets"][0]
            return found

        self.until(lambda: disk["name"] in target()["reason"], "the terminal to fail")
        self.assertEqual(target()["why"]["code"], "tried_again")
        for place, name in (("#/rollouts/1", "rollout"), (f"#/terminals/{FIRST_RECEIVER}", "terminal")):
            self.open(place)
            self.says("秒后重试")
            self.assertNotIn("next attempt", self.text())
            self.picture(f"{name}-failed-zh")

    def test_why_it_is_refused(self) -> None:
        """What a form has wrong is said in Chinese, in the form's own words; so are the reasons in the audit log."""
        self.open()
        self.type("[name=name]", "admin")
        self.type("[name=password]", "wrong")
        self.click("form button[type=submit]")
        self.find("[role=alert]", "用户名或密码错误")
        self.sign_in()
        self.open("#/events")
        self.says("登录被拒绝：用户名或密码错误")
        self.open("#/rooms")
        self.click("button.primary")
        self.type("dialog input", "一号教室")
        self.type("dialog textarea", "10.1.2.3/24")
        self.click("dialog button[type=submit]")
        self.find("dialog [role=alert]", "子网：“10.1.2.3/24”是 10.1.2.0/24 中的一个地址，请填写 10.1.2.0/24")
        self.picture("refused-zh")
