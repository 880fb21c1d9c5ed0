"""Tests of voi.wire.torrent_body."""

from __future__ import annotations

import base64
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.wire.builders import UUID
from voi.errors import Malformed
from voi.names import DiskName
from voi.wire import torrent_body
from voi.wire.torrent_body import TorrentBody

TORRENT = b"d4:infode"
TASK = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
GROUP = "99999999-8888-4777-8666-555555555555"
COMMON = UUID.encode() + b"\x01\x02" + struct.pack("<iqq", 1, 2048, 16)


class LayoutTests(SynchronousTestCase):
    """The three packed layouts, as literal bytes."""

    def test_t66(self) -> None:
        """The family's 9014."""
        body = torrent_body.parse(COMMON + struct.pack("<q", len(TORRENT)) + TORRENT)
        self.assertEqual(body, TorrentBody(TORRENT, UUID, 1, 1, 2, 2048, 16))

    def test_t74(self) -> None:
        """With the file's size in sectors."""
        body = torrent_body.parse(COMMON + struct.pack("<qq", 99, len(TORRENT)) + TORRENT)
        self.assertEqual(body.file_size, 99)
        self.assertEqual(body.torrent, TORRENT)

    def test_t150(self) -> None:
        """1015: with task, group and operation counter."""
        data = COMMON + struct.pack("<qq", 99, len(TORRENT)) + TASK.encode() + GROUP.encode()
        data += struct.pack("<i", 5) + TORRENT
        self.assertEqual(len(data), 150 + len(TORRENT))
        body = torrent_body.parse(data)
        self.assertEqual((body.task_uuid, body.group_uuid, body.operate_id), (TASK, GROUP, 5))
        self.assertEqual(torrent_body.encode_task(body), data)

    def test_upload_is_written_as_it_is_read(self) -> None:
        """T66 without a file size, T74 with one."""
        for size, header in ((None, 66), (99, 74)):
            body = TorrentBody(TORRENT, UUID, 0, 0, 1, 2048, 16, size)
            data = torrent_body.encode_upload(body)
            self.assertEqual(len(data), header + len(TORRENT))
            self.assertEqual(torrent_body.parse(data), body)

    def test_bare_torrent(self) -> None:
        """A torrent without a struct stands for itself."""
        self.assertEqual(torrent_body.parse(TORRENT), TorrentBody(TORRENT))

    def test_lengths_disagree(self) -> None:
        """A body that is cut short, or too long, is malformed and says so."""
        data = COMMON + struct.pack("<q", len(TORRENT)) + TORRENT
        for broken in (data[:-1], data + b"x", data[:40], b"", COMMON + struct.pack("<q", -1) + TORRENT):
            error = self.assertRaises(Malformed, torrent_body.parse, broken)
            self.assertIn("length", error.message)

    def test_impossible_fields(self) -> None:
        """A uuid that is none, a level out of range and negative sizes are malformed."""
        tail = struct.pack("<q", len(TORRENT)) + TORRENT
        for common in (
            b"x" * 36 + COMMON[36:],
            COMMON[:38] + struct.pack("<iqq", 6, 1, 1),
            COMMON[:38] + struct.pack("<iqq", -1, 1, 1),
            COMMON[:38] + struct.pack("<iqq", 0, -1, 1),
            COMMON[:38] + struct.pack("<iqq", 0, 1, -1),
        ):
            self.assertRaises(Malformed, torrent_body.parse, common + tail)

    @given(st.binary(max_size=400))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes are a body or Malformed."""
        try:
            torrent_body.parse(data)
        except Malformed:
            pass


class JsonTests(SynchronousTestCase):
    """The late family's form."""

    def fields(self, **changes: object) -> dict[str, object]:
        """A good body with changes."""
        data = base64.b64encode(TORRENT).decode()
        return {"uuid": UUID, "diff_level": 1, "data_len": len(TORRENT), "data": data, "file_size": 513} | changes

    def test_read(self) -> None:
        """The torrent is in base64, the file's size in bytes."""
        body = torrent_body.from_json(self.fields())
        self.assertEqual((body.torrent, body.disk_uuid, body.level, body.file_size), (TORRENT, UUID, 1, 2))

    def test_refused(self) -> None:
        """No base64, or a length that is not that of the data, is malformed."""
        self.assertRaises(Malformed, torrent_body.from_json, self.fields(data="%%%"))
        self.assertRaises(Malformed, torrent_body.from_json, self.fields(data_len=3))
        self.assertRaises(Malformed, torrent_body.from_json, self.fields(uuid="x"))


class NamedTests(SynchronousTestCase):
    """Of which disk a body speaks that cannot be read."""

    def test_struct(self) -> None:
        """The struct says it, whatever is wrong behind it."""
        for data in (COMMON, COMMON + b"rest", b"d" + COMMON[1:]):
            named = torrent_body.named(data)
            assert named is not None
            self.assertEqual((named.uuid[1:], named.level), (UUID[1:], 1))

    def test_bare_torrent(self) -> None:
        """A bare torrent says it by its name."""
        name = f"voi_2_{UUID}"
        self.assertEqual(torrent_body.named(f"d4:infod4:name{len(name)}:{name}7:privat".encode()), DiskName(UUID, 2))

    def test_json(self) -> None:
        """JSON says it in its fields, whole or broken off, the level by either of its names."""
        for level in ('"diff_level": 1', '"dif_level" :"1"'):
            text = f'\n{{"type": 0, {level}, "uuid": "{UUID.upper()}", "data": "%%%'
            self.assertEqual(torrent_body.named(text.encode()), DiskName(UUID, 1))

    def test_nothing(self) -> None:
        """Where nothing says it, nobody guesses."""
        broken = COMMON[:38] + struct.pack("<i", 9) + COMMON[42:]
        for data in (b"", b"x" * 100, broken, b"d4:name3:abce", b'{"uuid": "x"}', COMMON[:40]):
            self.assertIsNone(torrent_body.named(data))

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        """Any bytes name a disk or none."""
        self.assertIsInstance(torrent_body.named(data), DiskName | None)
