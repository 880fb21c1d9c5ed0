"""The client and what it does for commands: requests, answers, commands, silence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.agent.fakes import BASE, MAC, TASK, Terminal, task, torrent_of
from voi.agent.client import HEARTBEAT_SECONDS, Client, ServerRefused
from voi.agent.commands import CommandHandlers
from voi.agent.options import PROGRAMS
from voi.agent.programs import PAUSE_SECONDS, Programs
from voi.agent.service import LONGEST_PAUSE, pause_before
from voi.domain.commands import COMMANDS
from voi.errors import ConnectionEnded, NoAnswer
from voi.wire.codes import ClientType, Code, Direction
from voi.wire.frame import LOGGED_IN, Frame, FrameReader
from voi.wire.json_body import encode
from voi.wire.messages import Reply, decode_reply, success
from voi.wire.session import ServerCommand
from voi.wire.torrent_body import encode_task


class ClientTests(SynchronousTestCase):
    """One connection on a string transport."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.gone: list[Client] = []
        self.handled: list[ServerCommand] = []
        self.slow: Deferred[Reply] | None = None
        self.client = Client(self.clock, self.handle, lambda _client: None, self.gone.append)
        self.client.makeConnection(self.transport)

    async def handle(self, command: ServerCommand) -> Reply:
        self.handled.append(command)
        return await self.slow if self.slow is not None else success(mac=MAC)

    def sent(self) -> list[Frame]:
        reader = FrameReader(LOGGED_IN)
        reader.feed(self.transport.value())
        self.transport.clear()
        frames = []
        while (frame := reader.next_frame()) is not None:
            frames.append(frame)
        return frames

    def receive(self, code: int, number: int, body: Any, direction: Direction = Direction.RESPONSE) -> None:
        data = body if isinstance(body, bytes) else encode(body)
        self.client.dataReceived(Frame(code, number, data, direction, ClientType.SERVER).encode())

    def test_answer(self) -> None:
        """An answer reaches whoever answer, by its request code."""
        first = self.client.request(Code.LOGIN, {"mac": MAC})
        second = self.client.request(Code.LOGIN, {"mac": MAC})
        frames = self.sent()
        self.receive(Code.LOGIN, frames[1].request_code, success(token="t"))
        self.assertNoResult(first)
        self.assertEqual(self.successResultOf(second).data, {"token": "t"})
        self.client.connectionLost()
        self.failureResultOf(first, ConnectionEnded)

    def test_refusal(self) -> None:
        """An error of the server is raised with its code."""
        answer = Deferred.fromCoroutine(self.client.ask(Code.REPORT_BOOT_DISK, {}))
        self.receive(Code.REPORT_BOOT_DISK, self.sent()[0].request_code, Reply(code=60024, msg="unknown"))
        self.assertEqual(self.failureResultOf(answer, ServerRefused).value.code, 60024)

    def test_no_answer(self) -> None:
        """A server that says nothing is not waited for for ever."""
        answer = self.client.request(Code.LOGIN, {}, timeout=5)
        self.clock.advance(5)
        self.failureResultOf(answer, NoAnswer)

    def test_token(self) -> None:
        """After login each frame carries the token."""
        self.client.session.token = b"0123"
        answer = self.client.request(Code.HEARTBEAT, {})
        self.assertEqual(self.sent()[0].token, b"0123")
        self.client.connectionLost()
        self.failureResultOf(answer, ConnectionEnded)

    def test_command(self) -> None:
        """A command is answered under its own code and number."""
        self.receive(Code.RESTART, 77, {"batch_no": 5}, Direction.REQUEST)
        (answer,) = self.sent()
        self.assertEqual(
            (answer.service_code, answer.request_code, answer.direction), (Code.RESTART, 77, Direction.RESPONSE)
        )

    def test_commands_in_order(self) -> None:
        """A command waits until the one before it is answered; answers to requests do not wait."""
        self.slow = Deferred()
        self.receive(Code.SEND_TORRENT, 1, encode_task(task(torrent_of())), Direction.REQUEST)
        self.receive(Code.CANCEL_SEND, 2, {"batch_no": 5}, Direction.REQUEST)
        answer = self.client.request(Code.HEARTBEAT, {})
        self.receive(Code.HEARTBEAT, self.sent()[-1].request_code, success())
        self.successResultOf(answer)
        self.assertEqual([command.code for command in self.handled], [Code.SEND_TORRENT])
        slow, self.slow = self.slow, None
        slow.callback(success())
        self.clock.advance(0)
        self.assertEqual([frame.request_code for frame in self.sent()], [1, 2])

    def test_heartbeat(self) -> None:
        """Life is shown every twenty seconds; a server that does not answer is left."""
        self.client.start_heartbeat({"mac": MAC})
        self.clock.advance(HEARTBEAT_SECONDS)
        (beat,) = self.sent()
        self.receive(Code.HEARTBEAT, beat.request_code, success())
        self.clock.advance(HEARTBEAT_SECONDS)
        self.assertEqual(len(self.sent()), 1)
        self.clock.advance(HEARTBEAT_SECONDS * 0.75)
        self.assertTrue(self.transport.disconnected)

    def test_unknown_to_the_server(self) -> None:
        """A server that does not know this terminal any more is left, so that the next login tells it."""
        self.client.start_heartbeat({"mac": MAC})
        self.clock.advance(HEARTBEAT_SECONDS)
        self.receive(Code.HEARTBEAT, self.sent()[0].request_code, Reply(code=60002, msg="log in"))
        self.assertTrue(self.transport.disconnected)

    def test_broken_frame(self) -> None:
        """Broken framing ends the connection."""
        self.client.dataReceived(b"\xff" * 24)
        self.assertTrue(self.transport.disconnected)


class CommandTests(SynchronousTestCase):
    """Commands and what is answered."""

    def setUp(self) -> None:
        self.terminal = Terminal(Path(self.mktemp()))
        self.successResultOf(Deferred.fromCoroutine(self.terminal.open()))
        self.addCleanup(self.terminal.stop)
        self.reactor = MemoryReactorClock()
        self.spawned: list[list[str]] = []
        self.reactor.spawnProcess = lambda _logger, _program, arguments, env: self.spawned.append(arguments)  # type: ignore[attr-defined]  # the memory reactor has no processes
        programs = Programs(self.reactor, {"restart": ("true", "now"), "watermark": ("true",), "shutdown": ("/none",)})
        self.commands = self.handlers(programs)

    def handlers(self, programs: Programs) -> CommandHandlers:
        terminal = self.terminal
        return CommandHandlers(MAC, terminal.downloads, terminal.uploads, terminal.checks, programs)

    def command(self, code: int, **fields: Any) -> Reply:
        command = ServerCommand(code, 1, {"batch_no": 9, **fields})
        return self.successResultOf(Deferred.fromCoroutine(self.commands.handle(command)))

    def test_unknown(self) -> None:
        """An unknown command is answered -1, with who says so, and why in any language."""
        reply = self.command(1003)
        why = {"text": reply.msg, "code": "command_unknown", "data": {"code": 1003}}
        self.assertEqual((reply.code, reply.data), (-1, {"mac": MAC, "batch_no": 9, "reason": why}))

    def test_torrent_answer(self) -> None:
        """The answer to a 1015 repeats the task's uuid."""
        command = ServerCommand(Code.SEND_TORRENT, 1, {}, task(torrent_of()))
        reply = self.successResultOf(Deferred.fromCoroutine(self.commands.handle(command)))
        self.assertEqual((reply.code, reply.data), (0, {"mac": MAC, "batch_no": TASK}))
        self.assertEqual(decode_reply(encode(reply)), reply)

    def test_programs(self) -> None:
        """A command runs its program, after the answer; the watermark's gets the switch."""
        self.assertEqual(self.command(Code.RESTART).code, 0)
        self.assertEqual(self.command(Code.WATERMARK, switch=1).code, 0)
        self.assertEqual(self.spawned, [])
        self.reactor.advance(PAUSE_SECONDS)
        self.assertEqual(self.spawned, [["true", "now"], ["true", "1"]])

    def test_every_command_of_the_table(self) -> None:
        """What a person can give, a program can be configured for, under its name in the table, but what the terminal
        does itself.
        """
        given = [kind for kind in COMMANDS.given if not kind.needs]
        self.assertEqual(set(PROGRAMS), {kind.name for kind in given})
        programs = Programs(self.reactor, {kind.name: ("true", kind.name) for kind in given})
        self.commands = self.handlers(programs)
        for kind in given:
            said = {name: next(iter(choices.values())) for name, choices in kind.fields.items()}
            self.assertEqual(self.command(kind.code, **said).code, 0, kind.name)
        self.reactor.advance(PAUSE_SECONDS)
        self.assertEqual([arguments[1] for arguments in self.spawned], [kind.name for kind in given])

    def test_check_disks(self) -> None:
        """One disk with one content, or all; what is not here, or no disk at all, is an error."""
        self.assertEqual(self.command(Code.CHECK_DISKS).code, 0)
        for said, code in (
            ({"disk": str(BASE)}, 60030),
            ({"disk": str(BASE), "info_hash": "x"}, 60030),
            ({"disk": "../x"}, 88888),
            ({"disk": []}, 88888),
        ):
            self.assertEqual(self.command(Code.CHECK_DISKS, **said).code, code, said)

    def test_numbers_as_texts(self) -> None:
        """A field is understood as a number and as its text."""
        self.assertEqual(self.command(Code.WATERMARK, switch="0").code, 0)
        self.reactor.advance(PAUSE_SECONDS)
        self.assertEqual(self.spawned, [["true", "0"]])

    def test_missing_program(self) -> None:
        """A program that is not there is an error for the administrator, not a success."""
        self.assertNotEqual(self.command(Code.SHUT_DOWN).code, 0)

    def test_malformed(self) -> None:
        """Fields that cannot be are answered 88888."""
        switches: Sequence[Any] = (5, "2", "9" * 5000, None, [1], {})
        malformed: Sequence[tuple[Code, dict[str, Any]]] = (
            *((Code.WATERMARK, {"switch": switch}) for switch in switches),
            (Code.WATERMARK, {}),
            (Code.HAVE_DISK, {}),
            (Code.CANCEL_SEND, {"tasks": "all"}),
            (Code.UPLOAD_DISKS, {"uuid": "x", "disks": []}),
        )
        for code, fields in malformed:
            self.assertEqual(self.command(code, **fields).code, 88888, code)


class PauseTests(SynchronousTestCase):
    """Pauses between tries to connect."""

    def test_bounds(self) -> None:
        """The first are short, all are spread, none is longer than half a minute."""
        self.assertEqual((pause_before(0, lambda: 0.0), pause_before(0, lambda: 1.0)), (0.5, 2.0))
        self.assertEqual(pause_before(10_000, lambda: 1.0), LONGEST_PAUSE)
        self.assertLess(pause_before(10_000, lambda: 0.0), LONGEST_PAUSE / 2)
