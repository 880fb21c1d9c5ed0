"""The frame: a packed header of 24 bytes, then supplementary, token and data (protocol section 1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from voi.errors import RemoteProtocolError
from voi.messages.reason import Reason
from voi.wire.codes import ClientType, DataType, Direction

_HEADER = struct.Struct("<HHIIIBBBBHH")
HEADER_SIZE = _HEADER.size
VERSION = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest sections of a frame that are taken, in bytes, judged by the header before any memory is."""

    json: int = 1 << 20  # the protocol's own bound
    binary: int = 16 << 20  # a torrent of a quarter of a million pieces; the largest we use is far smaller
    token: int = 64  # tokens are 32 characters
    supplementary: int = 4 << 10  # never seen other than empty


LOGGED_IN = Limits()
BEFORE_LOGIN = Limits(json=64 << 10, binary=64 << 10)
"""Before the login: enough for any login, too little to fill the memory with."""

AT_TERMINAL = Limits(json=16 << 20, binary=16 << 20)
"""Servers of the family call every frame JSON, torrents included."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `token` and `data` are the bytes as they came."""

    service_code: int
    request_code: int
    data: bytes
    direction: Direction
    client_type: int
    data_type: int = DataType.JSON
    token: bytes = b""

    def encode(self) -> bytes:
        """The frame as bytes; supplementary is left empty because deployed clients do not skip it."""
        header = _HEADER.pack(
            VERSION,
            0,
            self.service_code,
            self.request_code,
            len(self.data),
            self.data_type,
            0,
            self.client_type,
            self.direction,
            len(self.token),
            0,
        )
        return header + self.token + self.data


class FrameReader:
    """Cuts a stream of bytes into frames; holds at most one frame and what arrived behind it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buffer = bytearray()
        self._needed = HEADER_SIZE

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._buffer += data

    @property
    def waiting(self) -> int:
        """Bytes that arrived and are not yet part of a frame that was returned."""
        return len(self._buffer)

    def next_frame(self) -> Frame | None:
        """The next whole frame, or None until more arrives.

        :raises RemoteProtocolError: the header is not one this protocol knows, or is over a bound.
        """
        if len(self._buffer) < self._needed:
            return None
        (
            version,
            _sub_version,
            service_code,
            request_code,
            data_size,
            data_type,
            _encoding,
            client_type,
            direction,
            token_length,
            supplementary_length,
        ) = _HEADER.unpack_from(self._buffer)
        self._check_header(version, direction)
        self._check_sizes(service_code, data_size, data_type, token_length, supplementary_length)
        token_at = HEADER_SIZE + supplementary_length
        data_at = token_at + token_length
        end = data_at + data_size
        if len(self._buffer) < end:
            self._needed = end
            return None
        frame = Frame(
            service_code=service_code,
            request_code=request_code,
            data=bytes(self._buffer[data_at:end]),
            direction=Direction(direction),
            client_type=client_type,
            data_type=data_type,
            token=bytes(self._buffer[token_at:data_at]),
        )
        del self._buffer[:end]
        self._needed = HEADER_SIZE
        return frame

    def _check_header(self, version: int, direction: int) -> None:
        if version != VERSION:
            raise RemoteProtocolError(Reason("frame_version", version=version, known=VERSION))
        if direction not in (Direction.REQUEST, Direction.RESPONSE):
            raise RemoteProtocolError(Reason("frame_direction", direction=direction))

    def _check_sizes(self, service_code: int, data: int, data_type: int, token: int, supplementary: int) -> None:
        limits = self.limits
        most = limits.json if data_type == DataType.JSON else limits.binary
        for what, size, bound in (
            ("data", data, most),
            ("token", token, limits.token),
            ("supplementary", supplementary, limits.supplementary),
        ):
            if size > bound:
                reason = Reason("frame_too_large", length=size, what=what, most=bound)
                raise RemoteProtocolError(reason, service_code=service_code)


def server_frame(
    service_code: int,
    request_code: int,
    data: bytes,
    direction: Direction,
    token: bytes = b"",
    data_type: DataType = DataType.JSON,
) -> bytes:
    """A frame as the server sends it."""
    return Frame(service_code, request_code, data, direction, ClientType.SERVER, data_type, token).encode()
