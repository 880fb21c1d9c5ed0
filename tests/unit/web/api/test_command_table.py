"""A command that there is not: in the table it is, so the API takes it, a terminal gets it, and the log tells of it."""

from __future__ import annotations

from types import MappingProxyType

from twisted.internet.task import Clock

from tests.unit.terminals.fakes import FakeHandler, Line
from tests.unit.web.api_case import ApiCase
from tests.unit.web.fakes import MAC, NOW, OTHER
from tests.unit.wire.builders import frame
from voi.domain.commands import COMMANDS, CommandKind, CommandTable
from voi.terminals.commands import CommandDispatcher
from voi.terminals.factory import TerminalFactory
from voi.terminals.registry import ConnectionRegistry

LOCK = CommandKind(
    name="lock",
    code=1099,
    summary="Lock the screens of terminals",
    fields=MappingProxyType({"screen": MappingProxyType({"black": 0, "logo": 7})}),
    waits=True,
    replaces=True,
    sentence="Screens locked with {screen}: {whom}; at the next login: {waiting}",
)


class CommandTableTests(ApiCase):
    """The table of commands with one more in it."""

    command_table = CommandTable((*COMMANDS, LOCK))

    def make_dispatcher(self) -> CommandDispatcher:
        """The real one, with terminals that only play."""
        self.connections = ConnectionRegistry()
        self.factory = TerminalFactory(self.connections, FakeHandler(), Clock())
        return CommandDispatcher(
            self.commands, self.terminals, self.connections, Clock(), self.command_table, now=lambda: NOW
        )

    async def lock(self, screen: int) -> int:
        """Give it to a terminal that is on and one that is off."""
        body = {"command": "lock", "screen": screen, "macs": [MAC, OTHER]}
        answer = await self.ask("POST", "/api/v1/commands", body)
        self.assertEqual(answer.status, 202, answer.text)
        return int(answer.json["batch_no"])

    async def test_given(self) -> None:
        """It goes out with its code and its field; what becomes of it is shown by its name, and found by it."""
        for mac in (MAC, OTHER):
            await self.terminal(mac)
        line = Line(self.factory)
        self.addCleanup(line.protocol.lose, "the test is over")
        line.log_in(MAC)
        number = await self.lock(7)
        (sent,) = line.received()
        self.assertEqual((sent.service_code, sent.data), (1099, b'{"screen":7,"batch_no":%d}' % number))
        line.protocol.dataReceived(frame(1099, {"code": 0, "data": {"batch_no": number}}, direction=2, number=0))
        while "done" not in (view := (await self.ask("GET", f"/api/v1/commands/{number}"))).text:
            pass
        self.assertEqual((view.json["command"], view.json["screen"], view.json["switch"]), ("lock", 7, None))
        self.assertEqual([one["state"] for one in view.json["outcomes"]], ["done", "waiting"])
        found = (await self.ask("GET", "/api/v1/commands?command=lock&q=loc")).json
        self.assertEqual([one["batch_no"] for one in found["commands"]], [number])
        (entry,) = (await self.ask("GET", "/api/v1/events?kind=command")).json["events"]
        self.assertEqual(entry["kind"], "command.lock_logo")
        self.assertEqual(entry["text"], "Screens locked with logo: 2 terminals; at the next login: 1")

    async def test_waits_and_replaces(self) -> None:
        """Who is off gets the newest at its login, and that alone."""
        for mac in (MAC, OTHER):
            await self.terminal(mac)
        await self.lock(7)
        newest = await self.lock(0)
        self.assertEqual([one.batch_no for one in await self.commands.waiting_for(OTHER)], [newest])

    async def test_refused(self) -> None:
        """Its field is needed, has certain values, and is no other command's."""
        await self.terminal()
        for body, field, text in (
            ({"command": "lock"}, "screen", "screen: lock needs 0 for black or 7 for logo"),
            ({"command": "restart", "screen": 7}, "screen", "screen: the command restart has no such field"),
            (
                {"command": "watermark", "switch": 1, "screen": 0},
                "screen",
                "screen: the command watermark has no such field",
            ),
        ):
            answer = await self.ask("POST", "/api/v1/commands", {**body, "macs": [MAC]})
            self.assertEqual((answer.status, answer.error_field), (400, field))
            self.assertEqual(answer.json["error"]["message"], text)
        answer = await self.ask("POST", "/api/v1/commands", {"command": "lock", "screen": 1, "macs": [MAC]})
        self.assertEqual(answer.status, 400)

    async def test_described(self) -> None:
        """The API's document has it too."""
        schemas = self.api.document["components"]["schemas"]
        self.assertIn("lock", schemas["CommandRequest"]["properties"]["command"]["enum"])
        self.assertIn("`screen` belongs to `lock` alone", schemas["CommandRequest"]["description"])
        self.assertIn("screen", schemas["CommandView"]["required"])
