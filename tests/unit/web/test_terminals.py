"""Tests of terminals and commands over HTTP."""

from __future__ import annotations

from tests.unit.web.api_case import DISK, MAC, OTHER, TEMPLATE, ApiCase, level
from voi.domain.terminals import ReportedLevel
from voi.names import DiskName
from voi.store.commands import Ended
from voi.wire.codes import Code


class TerminalTests(ApiCase):
    """GET terminals."""

    async def test_none(self) -> None:
        """Without terminals the list is empty."""
        self.assertEqual((await self.ask("GET", "/api/v1/terminals")).json, {"terminals": []})

    async def test_terminal(self) -> None:
        """A terminal is shown with its disks, those that only it has among them."""
        await self.terminal(
            disks=[
                ReportedLevel(TEMPLATE, DiskName(DISK, 0), 0, 8, 0),
                ReportedLevel(TEMPLATE, DiskName(DISK, 1), 0, 8, None),
            ]
        )
        await self.terminals.set_boot_disk(MAC, "voi_0_x")
        await self.publish(level())
        self.fleet.add(MAC)
        answer = await self.ask("GET", f"/api/v1/terminals/{MAC}")
        self.assertEqual(answer.status, 200)
        disk = {"uuid": DISK, "type": 0, "template": TEMPLATE}
        self.assertEqual(
            answer.json,
            {
                "mac": MAC,
                "ip": "192.0.2.7",
                "online": True,
                "client_type": 2,
                "boot_disk": "voi_0_x",
                "disks": [
                    {**disk, "level": 0, "name": f"voi_0_{DISK}", "operate_id": 0, "published": True},
                    {**disk, "level": 1, "name": f"voi_1_{DISK}", "operate_id": None, "published": False},
                ],
                "first_seen": "2023-11-14T22:13:20Z",
                "last_seen": "2023-11-14T22:13:20Z",
            },
        )
        self.assertEqual((await self.ask("GET", "/api/v1/terminals")).json, {"terminals": [answer.json]})

    async def test_spellings(self) -> None:
        """A MAC is found in any spelling; an offline terminal is shown as such."""
        await self.terminal()
        for text in (MAC, MAC.lower(), MAC.replace(":", "-"), MAC.replace(":", "")):
            answer = await self.ask("GET", f"/api/v1/terminals/{text}")
            self.assertEqual((answer.json["mac"], answer.json["online"]), (MAC, False))

    async def test_unknown(self) -> None:
        """A MAC that never logged in is 404 with its own code."""
        answer = await self.ask("GET", f"/api/v1/terminals/{MAC}")
        self.assertEqual((answer.status, answer.code), (404, "unknown_terminal"))

    async def test_text_is_data(self) -> None:
        """What a terminal writes comes back as the text that it is."""
        text = '<script>alert("1")</script>\x1b[31m 教室'
        await self.terminal()
        await self.terminals.set_boot_disk(MAC, text)
        answer = await self.ask("GET", f"/api/v1/terminals/{MAC}")
        self.assertEqual(answer.json["boot_disk"], text)
        self.assertNotIn("\x1b", answer.text)


class CommandTests(ApiCase):
    """POST and GET commands."""

    async def setUp(self) -> None:  # type: ignore[override]  # trial awaits it
        await super().setUp()
        await self.terminal(MAC)
        await self.terminal(OTHER)

    async def test_command(self) -> None:
        """A command is given to each terminal once, and answered with where its outcomes are."""
        body = {"command": "restart", "macs": [MAC.lower(), MAC.replace(":", "")]}
        answer = await self.ask("POST", "/api/v1/commands", body)
        self.assertEqual(answer.status, 202)
        self.assertEqual(self.command_desk.given, [(Code.RESTART, {}, [MAC])])
        number = answer.json["batch_no"]
        self.assertEqual(answer.json, {"batch_no": number})
        self.assertEqual(answer.headers["location"], f"/api/v1/commands/{number}")
        await self.commands.end([Ended(number, MAC, "failed", "it is offline", 1_700_000_000.0)])
        outcomes = (await self.ask("GET", answer.headers["location"])).json
        self.assertEqual((outcomes["command"], outcomes["switch"]), ("restart", None))
        self.assertEqual(
            outcomes["outcomes"],
            [{"mac": MAC, "state": "failed", "reason": "it is offline", "updated": "2023-11-14T22:13:20Z"}],
        )

    async def test_all(self) -> None:
        """`all` is every terminal that ever logged in, the offline ones too."""
        await self.ask("POST", "/api/v1/commands", {"command": "shutdown", "macs": "all"})
        self.assertEqual(self.command_desk.given, [(Code.SHUT_DOWN, {}, [MAC, OTHER])])

    async def test_watermark(self) -> None:
        """The watermark is switched on and off."""
        for switch in (0, 1):
            answer = await self.ask(
                "POST", "/api/v1/commands", {"command": "watermark", "macs": [MAC], "switch": switch}
            )
            shown = (await self.ask("GET", answer.headers["location"])).json
            self.assertEqual((shown["command"], shown["switch"]), ("watermark", switch))
        self.assertEqual([fields for _, fields, _ in self.command_desk.given], [{"switch": 0}, {"switch": 1}])

    async def test_unknown_terminal(self) -> None:
        """One unknown MAC is named, and nothing is sent to anybody."""
        stranger = "02:00:00:00:00:99"
        answer = await self.ask("POST", "/api/v1/commands", {"command": "restart", "macs": [MAC, stranger]})
        self.assertEqual((answer.status, answer.code, answer.error_field), (404, "unknown_terminal", "macs"))
        self.assertIn(stranger, answer.json["error"]["message"])
        self.assertEqual(self.command_desk.given, [])

    async def test_refusals(self) -> None:
        """What cannot be meant is refused with the field at fault."""
        for body, field in (
            ({"command": "dance", "macs": "all"}, "command"),
            ({"command": "restart"}, "macs"),
            ({"command": "restart", "macs": "everybody"}, "macs"),
            ({"command": "restart", "macs": []}, "macs"),
            ({"command": "restart", "macs": [MAC, "x"]}, "macs[1]"),
            ({"command": "restart", "macs": [MAC, 7]}, "macs[1]"),
            ({"command": "restart", "macs": "all", "switch": 1}, "switch"),
            ({"command": "watermark", "macs": "all"}, "switch"),
            ({"command": "watermark", "macs": "all", "switch": 2}, "switch"),
            ({"command": "watermark", "macs": "all", "swich": 1}, "swich"),
        ):
            answer = await self.ask("POST", "/api/v1/commands", body)
            self.assertEqual((answer.status, answer.error_field), (400, field), body)
        self.assertEqual(self.command_desk.given, [])


class NobodyTests(ApiCase):
    """A server that no terminal has found yet."""

    async def test_all_of_nobody(self) -> None:
        """A command for nobody is refused: it would look as if it had been done."""
        answer = await self.ask("POST", "/api/v1/commands", {"command": "restart", "macs": "all"})
        self.assertEqual((answer.status, answer.code), (409, "conflict"))
