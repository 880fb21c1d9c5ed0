"""The terminal connection as a state machine, from the server's side and from the terminal's; no I/O.

Bytes go in with `receive_data`, events come out of `next_event` one at a time, because what is allowed next
may depend on how the last one was answered. Whatever arrives, it becomes an event, a rejection that carries
the answer to send, or a `RemoteProtocolError` after which the connection is of no more use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from voi.errors import BadMac, BadToken, LoginRefused, Malformed, NotLoggedIn, UnknownCode, VoiError
from voi.messages.reason import Reason
from voi.wire import torrent_body
from voi.wire.codes import ClientType, Code, DataType, Direction
from voi.wire.frame import AT_TERMINAL, BEFORE_LOGIN, LOGGED_IN, Frame, FrameReader, server_frame
from voi.wire.json_body import convert, decode_object, encode
from voi.wire.messages import (
    AdminLogin,
    BootDisk,
    DiskChecked,
    Login,
    OfTerminal,
    Reply,
    SetAside,
    TaskState,
    UploadQuery,
    decode_download_result,
    decode_may_upload,
    decode_reply,
    decode_template,
)
from voi.wire.torrent_body import TorrentBody, UnreadableTorrent

Body = Any
"""A message of `voi.wire.messages`, or a `TorrentBody` or `UnreadableTorrent`: which one depends on the service
code."""


class SessionState(Enum):
    """The state of a connection."""

    CONNECTED = auto()
    LOGGED_IN = auto()
    CLOSED = auto()


class RepeatedLogin(LoginRefused):
    """A second terminal on the connection of a first."""

    wire_code = 60016


@dataclass(frozen=True, slots=True)
class Request:
    """A terminal asks."""

    code: int
    request_code: int
    body: Body
    client_type: int


@dataclass(frozen=True, slots=True)
class LoginRequest(Request):
    """A terminal asks to be let in: to be answered with `accept` or `refuse`."""


@dataclass(frozen=True, slots=True)
class ReplyReceived:
    """The other side answers a request of ours."""

    code: int
    request_code: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class Rejected:
    """A frame that gets no further; `answer` is what to send, empty for none."""

    code: int
    error: VoiError
    answer: bytes


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """The server asks something of a terminal."""

    code: int
    request_code: int
    fields: dict[str, Any]
    torrent: TorrentBody | None = None


ServerEvent = Request | ReplyReceived | Rejected
TerminalEvent = ReplyReceived | ServerCommand | Rejected


def _json(kind: type[Any]) -> Callable[[Frame], Body]:
    return lambda frame: convert(decode_object(frame.data), kind)


def _fields(decode: Callable[[dict[str, Any]], Body]) -> Callable[[Frame], Body]:
    return lambda frame: decode(decode_object(frame.data))


def _login(frame: Frame) -> Body:
    """9010 is the seed's login with `ip`, and the family's order query without."""
    fields = decode_object(frame.data)
    return convert(fields, Login if "ip" in fields else OfTerminal)


def _torrent(frame: Frame) -> TorrentBody | UnreadableTorrent:
    """9014 is marked as JSON or binary, and not always correctly: a JSON object starts with a brace.

    One that cannot be read is a request all the same, and refused with its error by whoever takes uploads: an
    administrator who asked for the disk is to read why it does not come.
    """
    try:
        return _read_torrent(frame)
    except VoiError as error:
        return UnreadableTorrent(error, torrent_body.named(frame.data))


def _read_torrent(frame: Frame) -> TorrentBody:
    if frame.data_type == DataType.JSON and frame.data.lstrip()[:1] == b"{":
        return torrent_body.from_json(decode_object(frame.data))
    return torrent_body.parse(frame.data)


_REQUESTS: Final[Mapping[int, Callable[[Frame], Body]]] = {
    Code.HEARTBEAT: _json(OfTerminal),
    Code.TERMINAL_LOGIN: _json(Login),
    Code.LOGOUT: _json(OfTerminal),
    Code.GET_DATE_TIME: _json(OfTerminal),
    Code.ADMIN_LOGIN: _json(AdminLogin),
    Code.LOGIN: _login,
    Code.REPORT_DISKS: _fields(decode_template),
    Code.REPORT_BOOT_DISK: _json(BootDisk),
    Code.SET_ASIDE: _json(SetAside),
    Code.DISK_CHECKED: _json(DiskChecked),
    Code.UPLOAD_TORRENT: _torrent,
    Code.DOWNLOAD_RESULT: _fields(decode_download_result),
    Code.MAY_UPLOAD: _fields(decode_may_upload),
    Code.TRACKER_ADDRESS: _json(OfTerminal),
    Code.P2V_START: lambda _frame: OfTerminal(),
    Code.P2V_PROGRESS: lambda _frame: OfTerminal(),
    Code.TASK_STATE: _json(TaskState),
    Code.UPLOAD_STATE: _json(UploadQuery),
}
_LOGINS: Final = frozenset({Code.LOGIN, Code.TERMINAL_LOGIN})


def next_number(last: int) -> int:
    """The request code after `last`: 32 bits, never 0, which means "no correlation"."""
    return last % 0xFFFFFFFF + 1


class ServerSession:
    """One terminal's connection as the server sees it.

    `mac` and `token` are None until the login was accepted.
    """

    def __init__(self) -> None:
        self.state = SessionState.CONNECTED
        self.mac: str | None = None
        self.token: str | None = None
        self._reader = FrameReader(BEFORE_LOGIN)
        self._last_request = 0

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the terminal; nothing is taken after the end."""
        if self.state is not SessionState.CLOSED:
            self._reader.feed(data)

    @property
    def waiting(self) -> int:
        """Bytes received and not yet an event."""
        return self._reader.waiting

    def next_event(self) -> ServerEvent | None:
        """The next event, or None until more bytes arrive.

        :raises RemoteProtocolError: the framing is broken; the connection is to be closed.
        """
        if self.state is SessionState.CLOSED:
            return None
        try:
            frame = self._reader.next_frame()
        except VoiError:
            self.close()
            raise
        if frame is None:
            return None
        if frame.direction is Direction.RESPONSE:
            return self._answer(frame)
        try:
            return self._request(frame)
        except VoiError as error:
            return Rejected(frame.service_code, error, self._encode_reply(frame, error_reply(error)))

    def _answer(self, frame: Frame) -> ReplyReceived | Rejected:
        try:
            if self.state is not SessionState.LOGGED_IN:
                raise NotLoggedIn(Reason("answer_before_login"))
            return ReplyReceived(frame.service_code, frame.request_code, decode_reply(frame.data))
        except VoiError as error:
            return Rejected(frame.service_code, error, b"")

    def _request(self, frame: Frame) -> Request:
        code = frame.service_code
        decode = _REQUESTS.get(code)
        if self.state is SessionState.CONNECTED and code not in _LOGINS:
            raise NotLoggedIn(Reason("log_in_first"))
        if decode is None:
            raise UnknownCode(Reason("service_unknown", code=code))
        if self.state is SessionState.LOGGED_IN and frame.token and code not in _LOGINS:
            assert self.token is not None
            if frame.token != self.token.encode():
                raise BadToken(Reason("wrong_token"))
        body = decode(frame)
        if isinstance(body, Login):
            return self._login(frame, body)
        if self.state is SessionState.CONNECTED:
            raise NotLoggedIn(Reason("log_in_with_ip"))
        claimed = getattr(body, "mac", "")
        if claimed and claimed != self.mac:
            raise BadMac(Reason("mac_of_another", mac=self.mac or "", other=claimed), field="mac")
        return Request(code, frame.request_code, body, frame.client_type)

    def _login(self, frame: Frame, body: Login) -> LoginRequest:
        if self.mac is not None and body.mac != self.mac:
            raise RepeatedLogin(Reason("login_of_another", mac=self.mac, other=body.mac))
        return LoginRequest(frame.service_code, frame.request_code, body, frame.client_type)

    def accept(self, request: LoginRequest, token: str) -> None:
        """Let the terminal in; call before the answer is encoded, so that it carries the token."""
        self.state = SessionState.LOGGED_IN
        self.mac = request.body.mac
        self.token = token
        self._reader.limits = LOGGED_IN

    def log_out(self) -> None:
        """The terminal said goodbye; the connection stays and may log in again."""
        self.state = SessionState.CONNECTED
        self.mac = self.token = None
        self._reader.limits = BEFORE_LOGIN

    def close(self) -> None:
        """The connection is over; its unfinished frame is dropped at once, for others need the memory."""
        self.state = SessionState.CLOSED
        self._reader = FrameReader(BEFORE_LOGIN)

    def encode_answer(self, request: Request, reply: Reply) -> bytes:
        """The frame that answers a request of the terminal."""
        return self._frame(request.code, request.request_code, encode(reply), Direction.RESPONSE)

    def encode_command(self, code: int, body: Mapping[str, Any] | bytes) -> tuple[int, bytes]:
        """A request to the terminal: its request code, and the frame; a body of bytes is sent as binary."""
        self._last_request = next_number(self._last_request)
        binary = isinstance(body, bytes)
        data = body if isinstance(body, bytes) else encode(body)
        kind = DataType.BINARY if binary else DataType.JSON
        return self._last_request, self._frame(code, self._last_request, data, Direction.REQUEST, kind)

    def _encode_reply(self, frame: Frame, reply: Reply) -> bytes:
        return self._frame(frame.service_code, frame.request_code, encode(reply), Direction.RESPONSE)

    def _frame(
        self,
        code: int,
        request_code: int,
        data: bytes,
        direction: Direction,
        data_type: DataType = DataType.JSON,
    ) -> bytes:
        token = self.token.encode() if self.token else b""
        return server_frame(code, request_code, data, direction, token, data_type)


class TerminalSession:
    """The same connection as a terminal sees it."""

    def __init__(self, client_type: ClientType = ClientType.LINUX) -> None:
        self.client_type = client_type
        self.token = b""
        self._reader = FrameReader(AT_TERMINAL)
        self._last_request = 0

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server."""
        self._reader.feed(data)

    def next_event(self) -> TerminalEvent | None:
        """The next event, or None until more bytes arrive.

        :raises RemoteProtocolError: the framing is broken.
        """
        frame = self._reader.next_frame()
        if frame is None:
            return None
        try:
            if frame.direction is Direction.RESPONSE:
                return ReplyReceived(frame.service_code, frame.request_code, decode_reply(frame.data))
            if frame.service_code == Code.SEND_TORRENT:
                torrent = torrent_body.parse(frame.data)
                return ServerCommand(frame.service_code, frame.request_code, {}, torrent)
            return ServerCommand(frame.service_code, frame.request_code, decode_object(frame.data))
        except Malformed as error:
            return Rejected(frame.service_code, error, b"")

    def encode_request(self, code: int, body: Mapping[str, Any] | bytes) -> tuple[int, bytes]:
        """A request to the server: its request code, and the frame; a body of bytes is sent as binary."""
        self._last_request = next_number(self._last_request)
        data, kind = (body, DataType.BINARY) if isinstance(body, bytes) else (encode(body), DataType.JSON)
        return self._last_request, self._frame(code, self._last_request, data, Direction.REQUEST, kind)

    def encode_answer(self, command: ServerCommand, reply: Reply) -> bytes:
        """The frame that answers a command of the server."""
        return self._frame(command.code, command.request_code, encode(reply), Direction.RESPONSE, DataType.JSON)

    def _frame(self, code: int, number: int, data: bytes, direction: Direction, kind: DataType) -> bytes:
        return Frame(code, number, data, direction, self.client_type, kind, self.token).encode()


def error_reply(error: VoiError) -> Reply:
    """The reply that tells the other side what went wrong."""
    data = {"field": error.field} if error.field else None
    return Reply(code=error.wire_code, msg=error.message, data=data)
