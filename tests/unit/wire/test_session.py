"""Tests of voi.wire.session."""

from __future__ import annotations

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.wire.builders import HEADER, MAC, TEMPLATE, TOKEN, UUID, frame, logged_in, read, reply
from voi.errors import RemoteProtocolError
from voi.names import DiskName
from voi.wire.codes import Code, DataType, Direction
from voi.wire.messages import Login, OfTerminal, success
from voi.wire.session import (
    LoginRequest,
    Rejected,
    ReplyReceived,
    Request,
    ServerCommand,
    ServerSession,
    SessionState,
    TerminalSession,
    next_number,
)
from voi.wire.torrent_body import TorrentBody, UnreadableTorrent, encode_task


def take(session: ServerSession, data: bytes) -> object:
    """The event that some bytes become."""
    session.receive_data(data)
    return session.next_event()


class BeforeLoginTests(SynchronousTestCase):
    """A connection that nobody has logged in on."""

    def code(self, data: bytes) -> int:
        """The code that a frame is rejected with."""
        event = take(ServerSession(), data)
        assert isinstance(event, Rejected)
        return reply(read(event.answer)[0]).code

    def test_login(self) -> None:
        """Seed and family logins both ask to be let in."""
        for code in (Code.LOGIN, Code.TERMINAL_LOGIN):
            event = take(ServerSession(), frame(code, {"mac": MAC.lower(), "ip": "10.0.0.1"}))
            self.assertIsInstance(event, LoginRequest)
            assert isinstance(event, LoginRequest)
            self.assertEqual(event.body, Login(mac=MAC, ip="10.0.0.1"))

    def test_anything_else(self) -> None:
        """Every other request is answered 60002, heartbeats and unknown codes included."""
        for code in (*(c for c in Code if c >= 9000 and c not in (Code.LOGIN, Code.TERMINAL_LOGIN)), 4711):
            self.assertEqual(self.code(frame(code, {"mac": MAC})), 60002, code)

    def test_order_query_is_no_login(self) -> None:
        """9010 without an address is the family's order query."""
        self.assertEqual(self.code(frame(Code.LOGIN, {"mac": MAC})), 60002)

    def test_broken_login(self) -> None:
        """A login that cannot be read says why and leaves the connection open."""
        self.assertEqual(self.code(frame(Code.TERMINAL_LOGIN, {"mac": MAC})), 88888)
        self.assertEqual(self.code(frame(Code.LOGIN, {"mac": "x", "ip": "y"})), 60005)
        self.assertEqual(self.code(frame(Code.LOGIN, b"{", data_type=1)), 88888)

    def test_an_answer_is_dropped(self) -> None:
        """Nothing was asked: the frame is rejected without an answer."""
        event = take(ServerSession(), frame(1002, {"code": 0}, direction=2))
        assert isinstance(event, Rejected)
        self.assertEqual(event.answer, b"")

    def test_old_token_does_not_matter(self) -> None:
        """A terminal that reconnects may still carry its last token at login."""
        data = frame(Code.LOGIN, {"mac": MAC, "ip": "1.2.3.4"}, token="f" * 32)
        self.assertIsInstance(take(ServerSession(), data), LoginRequest)


class LoggedInTests(SynchronousTestCase):
    """A connection with a terminal."""

    def rejected(self, data: bytes) -> Rejected:
        """How a frame is rejected."""
        event = take(logged_in(), data)
        assert isinstance(event, Rejected)
        return event

    def code(self, data: bytes) -> int:
        """The code that a frame is rejected with."""
        return reply(read(self.rejected(data).answer)[0]).code

    def test_token_in_the_reply(self) -> None:
        """The login reply carries the token in the frame, as every frame after it."""
        session = ServerSession()
        event = take(session, frame(Code.LOGIN, {"mac": MAC, "ip": "1.2.3.4"}, number=9))
        assert isinstance(event, LoginRequest)
        session.accept(event, TOKEN)
        sent = read(session.encode_answer(event, success(token=TOKEN)))[0]
        self.assertEqual((sent.token, sent.request_code, sent.service_code), (TOKEN.encode(), 9, 9010))
        self.assertEqual((sent.direction, sent.client_type), (Direction.RESPONSE, 4))

    def test_right_token_or_none(self) -> None:
        """Seed clients know no token; who carries one must carry the right one."""
        for token in ("", TOKEN):
            event = take(logged_in(), frame(Code.HEARTBEAT, {"mac": MAC}, token=token))
            assert isinstance(event, Request)
            self.assertEqual(event.body, OfTerminal(mac=MAC))

    def test_wrong_token(self) -> None:
        """Another connection's token is answered 60000."""
        self.assertEqual(self.code(frame(Code.HEARTBEAT, {}, token="f" * 32)), 60000)

    def test_unknown_code(self) -> None:
        """-1, and the connection stays."""
        session = logged_in()
        event = take(session, frame(9998, {}))
        assert isinstance(event, Rejected)
        self.assertEqual(reply(read(event.answer)[0]).code, -1)
        self.assertIsInstance(take(session, frame(Code.HEARTBEAT, {})), Request)

    def test_another_terminals_mac(self) -> None:
        """A terminal speaks for itself alone."""
        self.assertEqual(self.code(frame(Code.TRACKER_ADDRESS, {"mac": "AA:BB:CC:DD:EE:02"})), 60005)

    def test_missing_field(self) -> None:
        """88888 with the field's name."""
        event = self.rejected(frame(Code.REPORT_BOOT_DISK, {}))
        answer = reply(read(event.answer)[0])
        self.assertEqual(answer.code, 88888)
        self.assertIn("boot_disk", answer.msg)

    def test_torrent_body_that_disagrees(self) -> None:
        """What cannot be read is a request all the same: who requested the disk is told why it does not come."""
        event = take(logged_in(), frame(Code.UPLOAD_TORRENT, b"x" * 100))
        assert isinstance(event, Request)
        assert isinstance(event.body, UnreadableTorrent)
        self.assertEqual((event.body.error.wire_code, event.body.error.field), (88888, "data_len"))
        self.assertIsNone(event.body.disk)
        body = {"uuid": UUID, "dif_level": 1, "data_len": 9, "data": "ZGU="}
        event = take(logged_in(), frame(Code.UPLOAD_TORRENT, body))
        assert isinstance(event, Request)
        self.assertEqual(event.body.disk, DiskName(UUID, 1))

    def test_torrent_before_login(self) -> None:
        """What comes before a login reaches no handler."""
        event = take(ServerSession(), frame(Code.UPLOAD_TORRENT, b"x" * 100))
        self.assertIsInstance(event, Rejected)

    def test_torrent_in_json(self) -> None:
        """9014 may be JSON with base64."""
        body = {"uuid": UUID, "dif_level": 0, "data_len": 2, "data": base64.b64encode(b"de").decode()}
        event = take(logged_in(), frame(Code.UPLOAD_TORRENT, body))
        assert isinstance(event, Request)
        self.assertEqual(event.body, TorrentBody(b"de", UUID, 0))

    def test_binary_that_says_json(self) -> None:
        """A bare torrent under the JSON type is taken for what it is."""
        event = take(logged_in(), frame(Code.UPLOAD_TORRENT, b"d4:infodee", data_type=1))
        assert isinstance(event, Request)
        self.assertEqual(event.body, TorrentBody(b"d4:infodee"))

    def test_repeated_login(self) -> None:
        """The same terminal may log in again, another one may not."""
        session = logged_in()
        self.assertIsInstance(take(session, frame(Code.LOGIN, {"mac": MAC, "ip": "x"})), LoginRequest)
        event = take(session, frame(Code.LOGIN, {"mac": "AA:BB:CC:DD:EE:02", "ip": "x"}))
        assert isinstance(event, Rejected)
        self.assertEqual(reply(read(event.answer)[0]).code, 60016)

    def test_after_logout(self) -> None:
        """After logout it must log in again."""
        session = logged_in()
        session.log_out()
        self.assertIsInstance(take(session, frame(Code.HEARTBEAT, {})), Rejected)
        self.assertIsInstance(take(session, frame(Code.LOGIN, {"mac": MAC, "ip": "x"})), LoginRequest)

    def test_broken_framing_is_the_end(self) -> None:
        """After a frame that cannot be, nothing more is read."""
        session = logged_in()
        session.receive_data(frame(9000, {}, version=9) + frame(9000, {}))
        self.assertRaises(RemoteProtocolError, session.next_event)
        self.assertIs(session.state, SessionState.CLOSED)
        self.assertIsNone(session.next_event())

    def test_commands_are_numbered(self) -> None:
        """Every command has its own request code, never 0; bytes go out as binary."""
        session = logged_in()
        first, frame_one = session.encode_command(Code.RESTART, {"batch_no": 1})
        second, frame_two = session.encode_command(Code.SEND_TORRENT, b"torrent")
        self.assertEqual((first, second), (1, 2))
        self.assertEqual(json.loads(read(frame_one)[0].data), {"batch_no": 1})
        self.assertEqual(read(frame_two)[0].data_type, DataType.BINARY)
        self.assertEqual(next_number(0xFFFFFFFF), 1)

    def test_answer(self) -> None:
        """A terminal's answer becomes an event with its envelope."""
        body = {"code": 0, "msg": "Success", "data": {"mac": MAC, "batch_no": 5}}
        event = take(logged_in(), frame(Code.RESTART, body, direction=2, number=0))
        assert isinstance(event, ReplyReceived)
        self.assertEqual((event.code, event.request_code, event.reply.data), (1002, 0, {"mac": MAC, "batch_no": 5}))


class FuzzTests(SynchronousTestCase):
    """Whatever arrives."""

    def drain(self, session: ServerSession) -> list[object]:
        """All events, or the remote error that ends them."""
        events: list[object] = []
        try:
            while (event := session.next_event()) is not None:
                events.append(event)
        except RemoteProtocolError as error:
            events.append(error.message)
        return events

    bodies = st.one_of(
        st.binary(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
            lambda x: (
                st.lists(x, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["mac", "ip", "disks", "uuid", "desktop", "progress", "state", "data", "boot_disk"])
                    | st.text(max_size=8),
                    x,
                    max_size=5,
                )
            ),
            max_leaves=10,
        ).map(lambda x: json.dumps(x).encode()),
    )
    frames = st.builds(
        lambda code, body, kind, direction, token: frame(code, body, data_type=kind, direction=direction, token=token),
        st.sampled_from([int(code) for code in Code]) | st.integers(0, 2**32 - 1),
        bodies,
        st.integers(0, 3),
        st.sampled_from([1, 1, 1, 2]),
        st.sampled_from(["", TOKEN, "x"]),
    )

    @given(st.binary(max_size=500))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes, whole or one by one, give the same events or the same remote error, nothing else."""
        whole, single = logged_in(), logged_in()
        whole.receive_data(data)
        expected = self.drain(whole)
        found: list[object] = []
        for index in range(len(data)):
            single.receive_data(data[index : index + 1])
            found += self.drain(single)
        self.assertEqual(list(map(repr, found)), list(map(repr, expected)))

    @settings(max_examples=300)
    @given(st.lists(frames, max_size=4), st.booleans())
    def test_any_frames(self, parts: list[bytes], known: bool) -> None:
        """Well-framed nonsense becomes requests, answers and rejections, one for each frame."""
        session = logged_in() if known else ServerSession()
        session.receive_data(b"".join(parts))
        events = self.drain(session)
        self.assertTrue(all(isinstance(e, Request | ReplyReceived | Rejected | str) for e in events))
        if not any(isinstance(event, str) for event in events):
            self.assertEqual(len(events), len(parts))


class TerminalSideTests(SynchronousTestCase):
    """The connection as a terminal sees it."""

    def test_a_task_under_the_json_type(self) -> None:
        """Servers of the family say JSON of every frame."""
        body = TorrentBody(b"de", UUID, 1, 0, 1, 8, 8, 3, TEMPLATE, TEMPLATE, 2)
        data = encode_task(body)
        session = TerminalSession()
        session.receive_data(HEADER.pack(1, 0, 1015, 3, len(data), 1, 0, 4, 1, 0, 0) + data)
        event = session.next_event()
        assert isinstance(event, ServerCommand)
        self.assertEqual((event.torrent, event.request_code), (body, 3))

    def test_request_and_answer(self) -> None:
        """What a terminal sends, the server understands."""
        terminal, server = TerminalSession(), ServerSession()
        _, data = terminal.encode_request(Code.LOGIN, {"mac": MAC, "ip": "1.2.3.4"})
        request = take(server, data)
        assert isinstance(request, LoginRequest)
        server.accept(request, TOKEN)
        terminal.receive_data(server.encode_answer(request, success(token=TOKEN)))
        event = terminal.next_event()
        assert isinstance(event, ReplyReceived)
        self.assertEqual(event.reply.data, {"token": TOKEN})
        terminal.token = TOKEN.encode()
        _, command = server.encode_command(Code.RESTART, {"batch_no": 4})
        terminal.receive_data(command)
        asked = terminal.next_event()
        assert isinstance(asked, ServerCommand)
        answer = take(server, terminal.encode_answer(asked, success(batch_no=4)))
        assert isinstance(answer, ReplyReceived)
        self.assertEqual(answer.request_code, asked.request_code)

    def test_broken_task(self) -> None:
        """A 1015 that cannot be read is rejected, not raised."""
        session = TerminalSession()
        session.receive_data(frame(Code.SEND_TORRENT, b"nonsense"))
        self.assertIsInstance(session.next_event(), Rejected)
