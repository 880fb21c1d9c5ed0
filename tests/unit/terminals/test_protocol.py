"""Tests of voi.terminals: protocol, factory, registry and answers together, without a network."""

from __future__ import annotations

from typing import Any
from unittest import mock

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.terminals.fakes import TerminalServer
from tests.unit.wire.builders import MAC, frame, reply
from voi.domain.actors import Actor
from voi.errors import Conflict, ConnectionEnded, NoAnswer, TerminalOffline
from voi.messages.reason import code_of
from voi.terminals import factory, protocol
from voi.terminals.pending_replies import MAX_PENDING
from voi.terminals.protocol import FRAME_SECONDS, GRANT_SECONDS, LOGIN_SECONDS, READ_AHEAD
from voi.wire.codes import Code
from voi.wire.messages import Reply

OTHER = "AA:BB:CC:DD:EE:02"


ADMIN = Actor("account", "admin", "10.0.0.1")


class SessionTests(SynchronousTestCase):
    """Coming, going and staying."""

    def setUp(self) -> None:
        """A factory whose comings and goings are noted."""
        self.server = TerminalServer()
        self.news: list[str] = []
        self.server.registry.online.connect(lambda mac: self.news.append(f"+{mac}"))
        self.server.registry.offline.connect(lambda mac: self.news.append(f"-{mac}"))

    def test_login(self) -> None:
        """The reply carries the token, and only then the registry has the terminal."""
        line = self.server.line()
        sent: list[bytes] = []
        self.server.registry.online.connect(lambda mac: sent.append(line.transport.value()))
        answer = line.log_in()
        self.assertEqual((answer.token, reply(answer).data), (b"t" * 32, {"token": "t" * 32}))
        self.assertEqual(self.news, [f"+{MAC}"])
        self.assertTrue(sent[0], "the reply was written before anybody was told")

    def test_not_read(self) -> None:
        """Requests of a terminal that get no further than their frames are told of: one with a token of another
        connection, one over the bound; of one that is not logged in nobody is told.
        """
        line = self.server.line()
        line.say(Code.UPLOAD_TORRENT, {})
        self.assertEqual(self.server.handler.not_read, [])
        line.log_in()
        line.say(Code.UPLOAD_TORRENT, {}, token="x" * 32)
        line.protocol.dataReceived(frame(Code.UPLOAD_TORRENT, {"data": "x" * (1 << 20)}))
        told = [(code, code_of(error.reason)) for code, error in self.server.handler.not_read]
        self.assertEqual(told, [(Code.UPLOAD_TORRENT, "wrong_token"), (Code.UPLOAD_TORRENT, "frame_too_large")])
        self.assertTrue(line.transport.aborted)

    def test_clean_close_is_offline_at_once(self) -> None:
        """No waiting for a heartbeat that does not come."""
        line = self.server.line()
        line.log_in()
        line.hang_up()
        self.assertEqual(self.news, [f"+{MAC}", f"-{MAC}"])
        self.assertNotIn(MAC, self.server.registry)

    def test_second_login_replaces_the_first(self) -> None:
        """The older connection is closed, and the terminal is not offline for it."""
        first, second = self.server.line(), self.server.line("10.0.0.2")
        first.log_in()
        second.log_in()
        self.assertTrue(first.transport.aborted)
        self.assertIs(self.server.registry.connection(MAC), second.protocol)
        self.assertEqual(self.news, [f"+{MAC}", f"+{MAC}"])

    def test_repeated_login_keeps_the_token(self) -> None:
        """On the same connection a second login changes nothing."""
        line = self.server.line()
        line.log_in()
        with mock.patch.object(line.protocol._session, "token", "u" * 32):
            self.assertEqual(line.log_in().token, b"u" * 32)

    def test_logout(self) -> None:
        """Offline at once; the connection stays and may log in again."""
        line = self.server.line()
        line.log_in()
        line.say(Code.LOGOUT, {"mac": MAC})
        self.assertEqual(reply(line.received()[0]).code, 0)
        self.assertEqual(self.news[-1], f"-{MAC}")
        self.server.clock.advance(0)
        line.say(Code.HEARTBEAT, {"mac": MAC})
        self.assertEqual(reply(line.received()[0]).code, 60002)
        line.log_in()
        self.assertEqual(self.news[-1], f"+{MAC}")

    def test_nobody_logs_in(self) -> None:
        """A connection without a login is closed after a while, one with a login is not."""
        silent, known = self.server.line(), self.server.line()
        known.log_in()
        self.server.clock.advance(LOGIN_SECONDS)
        self.assertTrue(silent.transport.aborted)
        self.assertFalse(known.transport.aborted)

    def test_heartbeat_of_a_stranger(self) -> None:
        """After a server restart a terminal that only sends heartbeats learns that it must log in."""
        line = self.server.line()
        line.say(Code.HEARTBEAT, {"mac": MAC})
        self.assertEqual(reply(line.received()[0]).code, 60002)

    def test_too_many_connections(self) -> None:
        """Beyond the bound connections are not taken."""
        with mock.patch.object(factory, "MAX_CONNECTIONS", 1):
            line = self.server.line()
            self.assertIsNone(self.server.factory.buildProtocol(None))
            line.hang_up()
            self.assertIsNotNone(self.server.factory.buildProtocol(None))

    def test_broken_framing_closes_this_connection_alone(self) -> None:
        """Other sessions are unaware."""
        broken, other = self.server.line(), self.server.line()
        broken.log_in()
        other.log_in(OTHER)
        broken.protocol.dataReceived(frame(9000, {}, version=7))
        self.assertTrue(broken.transport.aborted)
        other.say(Code.HEARTBEAT, {})
        self.assertEqual(reply(other.received()[0]).code, 0)

    def test_unfinished_frames_have_a_bound(self) -> None:
        """All connections together hold so much; the one whose frame began first gives way to those that came later."""
        lines = [self.server.line() for _ in range(3)]
        for index, line in enumerate(lines):
            line.log_in(f"AA:BB:CC:DD:EE:0{index}")
        part = frame(Code.UPLOAD_TORRENT, b"x" * 100_000)[:60_000]
        with mock.patch.object(factory, "MAX_UNFINISHED", 130_000):
            for line in lines:
                line.protocol.dataReceived(part)
            self.assertEqual([line.transport.aborted for line in lines], [True, False, False])
            lines[1].hang_up()
            fourth = self.server.line()
            fourth.log_in("AA:BB:CC:DD:EE:09")
            fourth.protocol.dataReceived(part)
            self.assertFalse(fourth.transport.aborted, "what was hung up counts no longer")
        for line in (lines[2], fourth):
            line.hang_up()
        self.assertEqual((self.server.factory._unfinished, len(self.server.factory.frames)), (0, 0))

    def test_a_frame_has_its_time(self) -> None:
        """Bytes that drip in gain no time, and a whole frame ends it; an idle terminal is left alone."""
        slow, fast, idle = (self.server.line() for _ in range(3))
        for index, line in enumerate((slow, fast, idle)):
            line.log_in(f"AA:BB:CC:DD:EE:0{index}")
        whole = frame(Code.HEARTBEAT, {"mac": "AA:BB:CC:DD:EE:00"})
        for line in (slow, fast):
            line.protocol.dataReceived(whole[:10])
        self.server.clock.advance(FRAME_SECONDS - 1)
        slow.protocol.dataReceived(whole[10:11])
        fast.protocol.dataReceived(frame(Code.HEARTBEAT, {"mac": "AA:BB:CC:DD:EE:01"})[10:] + whole[:10])
        self.server.clock.advance(1)
        self.assertEqual([x.transport.aborted for x in (slow, fast, idle)], [True, False, False])
        self.server.clock.advance(FRAME_SECONDS - 1)
        self.assertTrue(fast.transport.aborted, "the next frame had its own time")
        self.assertFalse(idle.transport.aborted)

    def test_time_does_not_run_while_we_are_busy(self) -> None:
        """What a terminal sent behind a request that is being handled waits for us, not for the terminal."""
        line = self.server.line()
        line.log_in()
        self.server.clock.advance(0)
        self.server.handler.hold = True
        line.say(Code.MAY_UPLOAD, {"mac": MAC, "uuid": "11111111-2222-4333-8444-555555555555", "disks": []})
        self.assertTrue(self.server.handler.held)
        line.protocol.dataReceived(frame(Code.HEARTBEAT, {})[:10])
        self.server.clock.advance(FRAME_SECONDS)
        self.assertFalse(line.transport.aborted)
        self.server.handler.release()
        self.server.clock.advance(0)
        self.server.clock.advance(FRAME_SECONDS)
        self.assertTrue(line.transport.aborted)

    def test_time_does_not_run_while_we_do_not_read(self) -> None:
        """On a slow link, what we send may hold up what we take: a frame that had begun has its time afterwards."""
        line = self.server.line()
        line.log_in()
        line.protocol.dataReceived(frame(Code.HEARTBEAT, {})[:10])
        line.protocol.pauseProducing()
        self.server.clock.advance(FRAME_SECONDS)
        self.assertFalse(line.transport.aborted)
        line.protocol.resumeProducing()
        self.server.clock.advance(FRAME_SECONDS)
        self.assertTrue(line.transport.aborted)


class RequestTests(SynchronousTestCase):
    """Requests and their answers."""

    def setUp(self) -> None:
        """A terminal that has logged in."""
        self.server = TerminalServer()
        self.line = self.server.line()
        self.line.log_in()

    def test_one_after_the_other(self) -> None:
        """The second request is handled when the first is answered."""
        self.server.handler.hold = True
        self.line.say(Code.HEARTBEAT, {})
        self.line.say(Code.GET_DATE_TIME, {})
        self.assertEqual([r.code for r in self.server.handler.requests[1:]], [Code.HEARTBEAT])
        self.server.handler.release()
        self.server.clock.advance(0)
        self.assertEqual([r.code for r in self.server.handler.requests[1:]], [Code.HEARTBEAT, Code.GET_DATE_TIME])
        self.server.handler.release()
        self.assertEqual([f.service_code for f in self.line.received()], [9000, 9003])

    def test_reading_waits_for_a_busy_handler(self) -> None:
        """What a terminal sends meanwhile is bounded by not reading it."""
        self.server.handler.hold = True
        self.line.say(Code.HEARTBEAT, {})
        while self.line.protocol._session.waiting <= READ_AHEAD:
            self.line.protocol.dataReceived(frame(Code.REPORT_DISKS, b"x" * 10_000, data_type=1))
        self.assertEqual(self.line.transport.producerState, "paused")
        self.server.handler.hold = False
        self.server.handler.release()
        for _ in range(10):
            self.server.clock.advance(0)
        self.assertEqual(self.line.transport.producerState, "producing")

    def test_a_terminal_that_does_not_read(self) -> None:
        """While it leaves its answers unread, none of its requests is handled."""
        self.line.protocol.pauseProducing()
        self.line.say(Code.HEARTBEAT, {})
        self.assertEqual(len(self.server.handler.requests), 1)
        self.line.protocol.resumeProducing()
        self.assertEqual(len(self.server.handler.requests), 2)

    def test_our_errors_have_codes(self) -> None:
        """An error of the tree is answered with its wire code and sentence."""
        self.server.handler.error = Conflict("somebody else is at it")
        self.line.say(Code.MAY_UPLOAD, {"uuid": "0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b", "disks": []})
        answer = reply(self.line.received()[0])
        self.assertEqual((answer.code, answer.msg), (20725, "somebody else is at it"))

    def test_a_bug_is_answered_too(self) -> None:
        """An unexpected failure is answered 99999 and logged; the connection stays."""
        self.server.handler.error = ZeroDivisionError()
        self.line.say(Code.HEARTBEAT, {})
        self.assertEqual(reply(self.line.received()[0]).code, 99999)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertFalse(self.line.transport.aborted)

    def test_answered_after_the_end(self) -> None:
        """An answer for a connection that is gone is dropped."""
        self.server.handler.hold = True
        self.line.say(Code.HEARTBEAT, {})
        self.line.hang_up()
        self.server.handler.release()
        self.assertEqual(self.line.received(), [])

    def test_grant(self) -> None:
        """An administrator's login holds ten minutes, prolonged by use, and ends with the terminal's login."""
        line, clock = self.line.protocol, self.server.clock
        self.assertFalse(line.granted)
        self.assertIsNone(line.granted_by)
        line.grant(ADMIN)
        self.assertEqual(line.granted_by, ADMIN)
        clock.advance(GRANT_SECONDS - 1)
        self.assertTrue(line.granted)
        clock.advance(GRANT_SECONDS - 1)
        self.assertTrue(line.granted)
        clock.advance(GRANT_SECONDS)
        self.assertFalse(line.granted)
        self.assertIsNone(line.granted_by)
        line.grant(ADMIN)
        self.assertEqual(line.granted_by, ADMIN)
        self.line.say(Code.LOGOUT, {})
        self.assertFalse(line.granted)


class CommandTests(SynchronousTestCase):
    """Commands to a terminal."""

    def setUp(self) -> None:
        """A terminal that has logged in."""
        self.server = TerminalServer()
        self.line = self.server.line()
        self.line.log_in()

    def command(self, code: int = Code.RESTART, **kwargs: Any) -> Deferred[Reply]:
        """Send a command through the registry."""
        return self.server.registry.request(MAC, code, {}, **kwargs)

    def answer(self, code: int, number: int, batch_no: object, result: int = 0) -> None:
        """The terminal answers."""
        body = {"code": result, "msg": "", "data": {"mac": MAC, "batch_no": batch_no}}
        self.line.say(code, body, direction=2, number=number)

    def test_batch_no_is_in_every_command(self) -> None:
        """Family clients crash without it."""
        self.command(batch_no=77)
        self.assertIn(b'"batch_no":77', self.line.received()[0].data)

    def test_answer_by_request_code(self) -> None:
        """A terminal that repeats the request code needs no batch_no."""
        done = self.command()
        self.answer(1002, self.line.received()[0].request_code, None)
        self.assertEqual(self.successResultOf(done).code, 0)

    def test_answer_by_batch_no(self) -> None:
        """Family clients answer with request code 0: the batch number tells, as text or number."""
        first, second = self.command(batch_no=1), self.command(batch_no=2)
        self.answer(1002, 0, "2", 5)
        self.assertEqual(self.successResultOf(second).code, 5)
        self.assertNoResult(first)
        self.answer(1002, 0, 1)
        self.assertEqual(self.successResultOf(first).code, 0)

    def test_answer_to_another_code(self) -> None:
        """An answer under another service code belongs to nobody."""
        done = self.command()
        self.answer(1001, self.line.received()[0].request_code, None)
        self.assertNoResult(done)
        self.line.hang_up()
        self.failureResultOf(done, ConnectionEnded)

    def test_no_answer(self) -> None:
        """A command without an answer in time fails and says so."""
        done = self.command(timeout=5)
        self.server.clock.advance(5)
        self.assertIn("5 seconds", str(self.failureResultOf(done, NoAnswer).value))

    def test_offline(self) -> None:
        """A command for a terminal that is not there fails at once."""
        self.failureResultOf(self.server.registry.request(OTHER, 1002, {}), TerminalOffline)

    def test_too_many_waiting(self) -> None:
        """A terminal that answers nothing gets no more commands."""
        waiting = [self.command() for _ in range(MAX_PENDING)]
        self.failureResultOf(self.command(), NoAnswer)
        self.line.hang_up()
        for one in waiting:
            self.failureResultOf(one, ConnectionEnded)

    def test_numbers_go_on(self) -> None:
        """Batch numbers are positive, 31 bits, and never repeat soon."""
        first = self.server.registry.next_batch()
        self.assertEqual(self.server.registry.next_batch(), first + 1)
        self.assertTrue(0 < first < 2**31)

    def test_bounds_have_not_moved(self) -> None:
        """A dead PC is noticed by TCP within half a minute."""
        options = dict(protocol._KEEPALIVE)
        self.assertEqual(options["TCP_KEEPIDLE"] + options["TCP_KEEPINTVL"] * options["TCP_KEEPCNT"], 30)
