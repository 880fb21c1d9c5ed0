"""The console behind TLS, which the server speaks itself."""

from __future__ import annotations

import ssl

from tests.browser.case import FIRST_RECEIVER, BrowserCase
from tests.certificate import write_certificate
from voi.demo.processes import LOOPBACK, ServerProcess


class TlsTests(BrowserCase):
    """What is told in the cookie's favour holds, and nothing is lost by it."""

    def make_server(self) -> ServerProcess:
        """The server, with a certificate that our own requests trust."""
        pem = self.root / "server.pem"
        write_certificate(pem)
        server = super().make_server()
        server.tls = ssl.create_default_context(cafile=pem)
        server.options(f"--http=ssl:{server.http_port}:interface={LOOPBACK}:privateKey={pem}:certKey={pem}")
        return server

    def test_cookie(self) -> None:
        """The session's cookie goes over TLS alone, to this site's own pages alone, and no script sees it."""
        self.sign_in()
        (cookie,) = self.page.get_cookies()
        self.assertTrue(cookie["secure"])
        self.assertTrue(cookie["httpOnly"])
        self.assertEqual(cookie["sameSite"], "Strict")
        self.assertEqual(self.page.execute_script("return document.cookie"), "")

    def test_live(self) -> None:
        """The stream is connected, brings what happens, and a change is accepted; the browser has no complaint."""
        self.sign_in()
        self.open("#/terminals")
        self.find(".connection.live")
        self.terminals(1)
        self.find("tbody a", FIRST_RECEIVER)
        self.server.api("PATCH", "terminals", {"macs": [FIRST_RECEIVER], "name": "Desk 7"})
        self.find("tbody a", "Desk 7")
        self.open("#/rooms")
        self.click("button.primary")
        self.type("dialog input", "Room 1")
        self.click("dialog button[type=submit]")
        self.find("td a", "Room 1")
        self.assertEqual(self.complaints(), [])
