"""Frames as terminals send them, for tests."""

from __future__ import annotations

import json
import struct
from typing import Any

from voi.wire.codes import Code
from voi.wire.frame import Frame, FrameReader, Limits
from voi.wire.json_body import decode_object
from voi.wire.messages import Reply, decode_reply
from voi.wire.session import LoginRequest, ServerSession

MAC = "AA:BB:CC:DD:EE:01"
UUID = "0f3a1c9e-5b7d-4e2f-8a6b-1c2d3e4f5a6b"
TEMPLATE = "11111111-2222-4333-8444-555555555555"
TOKEN = "0123456789abcdef" * 2

HEADER = struct.Struct("<HHIIIBBBBHH")


def frame(
    code: int,
    body: Any = None,
    *,
    number: int = 1,
    token: str = "",
    direction: int = 1,
    data_type: int | None = None,
    version: int = 1,
    supplementary: bytes = b"",
    client_type: int = 1,
) -> bytes:
    """A frame; `body` is an object for JSON or bytes."""
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    kind = (0 if isinstance(body, bytes) else 1) if data_type is None else data_type
    header = HEADER.pack(
        version, 1, code, number, len(data), kind, 0, client_type, direction, len(token), len(supplementary)
    )
    return header + supplementary + token.encode() + data


def read(data: bytes) -> list[Frame]:
    """The frames in what the server wrote."""
    reader = FrameReader(Limits(json=16 << 20))
    reader.feed(data)
    frames = []
    while (found := reader.next_frame()) is not None:
        frames.append(found)
    assert reader.waiting == 0
    return frames


def reply(found: Frame) -> Reply:
    """The envelope in a frame."""
    return decode_reply(found.data)


def logged_in(mac: str = MAC) -> ServerSession:
    """A session whose terminal has logged in."""
    session = ServerSession()
    session.receive_data(frame(Code.LOGIN, {"mac": mac, "ip": "10.0.0.1"}))
    event = session.next_event()
    assert isinstance(event, LoginRequest)
    session.accept(event, TOKEN)
    return session


def fields(text: str) -> dict[str, object]:
    """The canonical fields of a JSON text."""
    return decode_object(text.encode())
