"""Tests of voi.wire.frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.wire.builders import HEADER, frame
from voi.errors import RemoteProtocolError
from voi.wire.codes import ClientType, DataType, Direction
from voi.wire.frame import BEFORE_LOGIN, LOGGED_IN, Frame, FrameReader, server_frame

VECTOR = bytes.fromhex("01000100 29230000 01000000 2b000000 01000101 00000000".replace(" ", ""))
BODY = b'{"mac":"00:11:22:33:44:55","ip":"10.0.0.1"}'


class VectorTests(SynchronousTestCase):
    """Literal bytes of the protocol."""

    def test_login_request(self) -> None:
        """The header of a 9001 request with 43 bytes of JSON from UEFI."""
        reader = FrameReader(BEFORE_LOGIN)
        reader.feed(VECTOR + BODY)
        found = reader.next_frame()
        expected = Frame(9001, 1, BODY, Direction.REQUEST, ClientType.UEFI, DataType.JSON, b"")
        self.assertEqual(found, expected)

    def test_server_reply(self) -> None:
        """A reply: version 1.0, direction 2, client type 4, token before the data, no supplementary."""
        data = server_frame(9010, 7, b"{}", Direction.RESPONSE, b"t" * 32)
        header = bytes.fromhex("01000000 32230000 07000000 02000000 01000402 20000000".replace(" ", ""))
        self.assertEqual(data, header + b"t" * 32 + b"{}")


class ReaderTests(SynchronousTestCase):
    """Cutting a stream into frames."""

    def read(self, data: bytes) -> Frame | None:
        """The first frame of some bytes."""
        reader = FrameReader(LOGGED_IN)
        reader.feed(data)
        return reader.next_frame()

    def test_sections_in_order(self) -> None:
        """Supplementary is skipped, the token stands before the data."""
        found = self.read(frame(9000, {}, token="abc", supplementary=b"skip me"))
        assert found is not None
        self.assertEqual((found.token, found.data), (b"abc", b"{}"))

    def test_two_frames_in_one_read(self) -> None:
        """Frames that arrive together come out one by one."""
        reader = FrameReader(LOGGED_IN)
        reader.feed(frame(9000, {"a": 1}) + frame(9003, {"b": 2}))
        codes = [f.service_code for f in iter(reader.next_frame, None) if f]
        self.assertEqual(codes, [9000, 9003])
        self.assertEqual(reader.waiting, 0)

    def test_unknown_version(self) -> None:
        """A frame of another chief version ends the connection."""
        self.assertRaises(RemoteProtocolError, self.read, frame(9000, {}, version=2))

    def test_any_sub_version(self) -> None:
        """The sub version is of no matter."""
        self.assertIsNotNone(self.read(HEADER.pack(1, 77, 9000, 0, 0, 1, 0, 1, 1, 0, 0)))

    def test_direction(self) -> None:
        """A direction other than request or response ends the connection."""
        for direction in (0, 3, 255):
            self.assertRaises(RemoteProtocolError, self.read, frame(9000, {}, direction=direction))

    def test_bounds_by_header_alone(self) -> None:
        """Each section over its bound is refused before a byte of it arrives."""
        for data, kind, token, supplementary in (
            ((1 << 20) + 1, 1, 0, 0),
            ((16 << 20) + 1, 0, 0, 0),
            (0, 1, 65, 0),
            (0, 1, 0, 4097),
        ):
            header = HEADER.pack(1, 0, 9000, 0, data, kind, 0, 1, 1, token, supplementary)
            self.assertRaises(RemoteProtocolError, self.read, header)

    def test_at_the_bounds(self) -> None:
        """What is exactly at a bound is waited for."""
        self.assertIsNone(self.read(HEADER.pack(1, 0, 9000, 0, 1 << 20, 1, 0, 1, 1, 64, 4096)))
        self.assertIsNone(self.read(HEADER.pack(1, 0, 9014, 0, 16 << 20, 0, 0, 1, 1, 64, 4096)))

    def test_strangers_get_less(self) -> None:
        """Before login a frame of a size that only uploads need is refused."""
        reader = FrameReader(BEFORE_LOGIN)
        reader.feed(HEADER.pack(1, 0, 9014, 0, 100_000, 0, 0, 1, 1, 0, 0))
        self.assertRaises(RemoteProtocolError, reader.next_frame)

    @given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=300)), max_size=5), st.data())
    def test_any_split(self, bodies: list[tuple[int, bytes]], data: st.DataObject) -> None:
        """However a stream is cut, the same frames come out."""
        stream = b"".join(frame(code, body) for code, body in bodies)
        reader = FrameReader(LOGGED_IN)
        found: list[tuple[int, bytes]] = []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            reader.feed(stream[:size])
            stream = stream[size:]
            while (one := reader.next_frame()) is not None:
                found.append((one.service_code, one.data))
        self.assertEqual(found, bodies)

    @given(
        st.builds(
            Frame,
            st.integers(0, 2**32 - 1),
            st.integers(0, 2**32 - 1),
            st.binary(),
            st.sampled_from(Direction),
            st.integers(0, 255),
            st.integers(0, 2),
            st.binary(max_size=64),
        )
    )
    def test_round_trip(self, sent: Frame) -> None:
        """What is encoded is read back the same."""
        self.assertEqual(self.read(sent.encode()), sent)
