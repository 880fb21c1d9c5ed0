"""Tests of what is counted of terminals' frames."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.terminals.fakes import TerminalServer
from tests.unit.wire.builders import MAC
from voi.errors import Conflict, Malformed
from voi.terminals.frame_counters import OTHER, FrameCounters, wire_codes
from voi.wire.codes import Code


class CountingTests(SynchronousTestCase):
    """On a connection."""

    def setUp(self) -> None:
        """A terminal that is logged in."""
        self.server = TerminalServer()
        self.tally: FrameCounters = self.server.factory.tally
        self.line = self.server.line()
        self.line.log_in()

    def test_request(self) -> None:
        """A request and its answer, each by its code."""
        self.assertEqual((self.tally.received[Code.LOGIN], self.tally.sent[Code.LOGIN]), (1, 1))
        self.assertEqual((sum(self.tally.received.values()), sum(self.tally.errors.values())), (1, 0))

    def test_command(self) -> None:
        """A command and its answer."""
        answered: Deferred[Any] = self.server.registry.request(MAC, Code.RESTART, {}, batch_no=7)
        self.assertEqual(self.tally.sent[Code.RESTART], 1)
        answer = {"code": 0, "msg": "", "data": {"batch_no": 7}}
        self.line.say(Code.RESTART, answer, direction=2)
        self.assertEqual((self.successResultOf(answered).code, self.tally.received[Code.RESTART]), (0, 1))

    def test_refused(self) -> None:
        """A refusal goes by the code of the answer, whoever refuses."""
        self.server.handler.error = Conflict("no")
        self.line.say(Code.HEARTBEAT, {"mac": MAC})
        self.server.clock.advance(0)
        self.line.say(Code.REPORT_BOOT_DISK, {})
        self.assertEqual((self.tally.errors[Conflict.wire_code], self.tally.errors[Malformed.wire_code]), (1, 1))
        self.assertEqual(sum(self.tally.errors.values()), 2)

    def test_unknown_codes_share_one_place(self) -> None:
        """Anybody can choose codes, and the tables grow by none of them."""
        before = len(self.tally.received)
        for code in range(20_000, 20_100):
            self.line.say(code)
            self.server.clock.advance(0)
        self.assertEqual((self.tally.received[OTHER], self.tally.sent[OTHER]), (100, 100))
        self.assertEqual((len(self.tally.received), self.tally.errors[-1]), (before, 100))

    def test_broken(self) -> None:
        """A connection whose framing cannot be followed."""
        self.line.protocol.dataReceived(b"\xff" * 64)
        self.assertTrue(self.line.transport.aborted)
        self.assertEqual(self.tally.broken, 1)

    def test_connections(self) -> None:
        """Those that are open, logged in or not, and what they hold."""
        self.server.line()
        self.line.protocol.dataReceived(b"\1\0")
        self.assertEqual((self.server.factory.connections, self.server.factory.unfinished_bytes), (2, 2))
        self.line.hang_up()
        self.assertEqual((self.server.factory.connections, self.server.factory.unfinished_bytes), (1, 0))


class CodeTests(SynchronousTestCase):
    """Which codes there are."""

    def test_errors(self) -> None:
        """Those of section 6 of the protocol that we answer with, and one place for any other."""
        self.assertLessEqual({-1, 60000, 60001, 60002, 60022, 88888, 99999}, wire_codes())
        tally = FrameCounters()
        tally.refuse(123456)
        self.assertEqual(tally.errors[OTHER], 1)
