"""The torrent body of 9014 and 1015: a packed struct and the bytes of a torrent (protocol section 3).

Three layouts exist, told apart by where the length of the torrent agrees with what follows; late family
clients send JSON with base64, and a bare torrent is taken when its own name says which disk it is.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from voi.errors import Malformed, VoiError
from voi.messages.reason import Reason
from voi.names import DiskName, canonical_uuid
from voi.units import sectors
from voi.wire.json_body import convert
from voi.wire.messages import Count, Level, Message, SmallInt

_COMMON = struct.Struct("<36sbbiqq")  # uuid, type, sys_type, diff_level, real_size, reserve_size
_LENGTH = struct.Struct("<q")
_TAIL = struct.Struct("<36s36si")  # task uuid, group uuid, operate_id
T66, T74, T150 = 66, 74, 150
_HIGHEST_LEVEL = 5  # a terminal's own write layers among them (protocol section 5)

_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_UUID_FIELD = re.compile(rb'"uuid"\s*:\s*"(' + _UUID.pattern + rb')"')
_LEVEL_FIELD = re.compile(rb'"(?:diff_level|dif_level)"\s*:\s*"?([0-5])\b')
_NAME = re.compile(rb"4:name\d+:voi_([0-5])_(" + _UUID.pattern + rb")")


@dataclass(frozen=True, slots=True)
class TorrentBody:
    """A torrent and what the struct before it has of the disk; sizes in sectors of 512 bytes.

    `disk_uuid` and `level` are None for a bare torrent: its name has them. `task_uuid`, `group_uuid` and
    `operate_id` travel only in the T150 layout.
    """

    torrent: bytes
    disk_uuid: str | None = None
    level: int | None = None
    type: int = 0
    sys_type: int = 0
    real_size: int = 0
    reserve_size: int = 0
    file_size: int | None = None
    task_uuid: str | None = None
    group_uuid: str | None = None
    operate_id: int = 0


@dataclass(frozen=True, slots=True)
class UnreadableTorrent:
    """A 9014 that cannot be read: why not, and the disk it is about as far as that is known."""

    error: VoiError
    disk: DiskName | None


class _JsonBody(Message, frozen=True, kw_only=True):
    uuid: str
    type: SmallInt = 0
    sys_type: SmallInt = 0
    diff_level: Level
    real_size: Count = 0
    reserve_size: Count = 0
    file_size: Count | None = None  # bytes here
    data_len: Count
    data: Annotated[str, Meta(max_length=24 << 20)]


def parse(data: bytes) -> TorrentBody:
    """Read a binary torrent body of any layout, or a bare torrent.

    :raises Malformed: the lengths disagree, or a field is impossible.
    """
    for size in (T66, T74, T150):
        length_at = T66 - 8 if size == T66 else T74 - 8
        if len(data) >= size and _LENGTH.unpack_from(data, length_at)[0] == len(data) - size:
            return _parse_struct(data, size)
    if data[:1] == b"d":
        return TorrentBody(torrent=data)
    raise Malformed(Reason("body_lengths", length=len(data)), field="data_len")


def named(data: bytes) -> DiskName | None:
    """The disk that an unreadable 9014 is about; None where nothing in it shows it."""
    if data.lstrip()[:1] == b"{":
        uuid, level = _UUID_FIELD.search(data), _LEVEL_FIELD.search(data)
        return _disk(uuid[1], int(level[1])) if uuid and level else None
    if len(data) >= _COMMON.size:
        raw, _kind, _sys_type, number = _COMMON.unpack_from(data)[:4]
        if _UUID.fullmatch(raw):
            return _disk(raw, number)
    name = _NAME.search(data)
    return _disk(name[2], int(name[1])) if name and data[:1] == b"d" else None


def _disk(raw: bytes, level: int) -> DiskName | None:
    return DiskName(raw.decode().lower(), level) if 0 <= level <= _HIGHEST_LEVEL else None


def _parse_struct(data: bytes, size: int) -> TorrentBody:
    raw_uuid, kind, sys_type, level, real_size, reserve_size = _COMMON.unpack_from(data)
    file_size = _LENGTH.unpack_from(data, 58)[0] if size > T66 else None
    _check_range("diff_level", level, _HIGHEST_LEVEL)
    _check_range("real_size", real_size, 1 << 53)
    _check_range("reserve_size", reserve_size, 1 << 53)
    if file_size is not None:
        _check_range("file_size", file_size, 1 << 53)
    task = group = None
    operate_id = 0
    if size == T150:
        raw_task, raw_group, operate_id = _TAIL.unpack_from(data, 74)
        task, group = _uuid(raw_task, "task_uuid"), _uuid(raw_group, "group_uuid")
    return TorrentBody(
        torrent=data[size:],
        disk_uuid=_uuid(raw_uuid, "uuid"),
        level=level,
        type=kind,
        sys_type=sys_type,
        real_size=real_size,
        reserve_size=reserve_size,
        file_size=file_size,
        task_uuid=task,
        group_uuid=group,
        operate_id=operate_id,
    )


def _check_range(field: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise Malformed(Reason("not_in_range", field=field, value=value, most=most), field=field)


def _uuid(raw: bytes, field: str) -> str:
    return canonical_uuid(raw.decode("ascii", "replace"), field)


def from_json(fields: dict[str, Any]) -> TorrentBody:
    """Read the JSON form of 9014, whose `data` is the torrent in base64.

    :raises Malformed: a field is missing or wrong, or `data_len` is not the length of `data`.
    """
    body = convert(fields, _JsonBody)
    try:
        torrent = base64.b64decode(body.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(Reason("not_base64", text=str(error)), field="data") from error
    if len(torrent) != body.data_len:
        raise Malformed(Reason("data_length", said=body.data_len, length=len(torrent)), field="data_len")
    return TorrentBody(
        torrent=torrent,
        disk_uuid=canonical_uuid(body.uuid),
        level=body.diff_level,
        type=body.type,
        sys_type=body.sys_type,
        real_size=body.real_size,
        reserve_size=body.reserve_size,
        file_size=None if body.file_size is None else sectors(body.file_size),
    )


def _pack_common(body: TorrentBody) -> bytes:
    assert body.disk_uuid is not None
    assert body.level is not None
    return _COMMON.pack(
        body.disk_uuid.encode("ascii"),
        body.type,
        body.sys_type,
        body.level,
        body.real_size,
        body.reserve_size,
    )


def encode_upload(body: TorrentBody) -> bytes:
    """A body as a terminal uploads it in 9014: T74 when the file's size is known, else T66."""
    size = b"" if body.file_size is None else _LENGTH.pack(body.file_size)
    return _pack_common(body) + size + _LENGTH.pack(len(body.torrent)) + body.torrent


def encode_task(body: TorrentBody) -> bytes:
    """A body as the server sends it in 1015: T150, with the task and the desktop group."""
    assert body.task_uuid is not None
    assert body.group_uuid is not None
    tail = _TAIL.pack(body.task_uuid.encode("ascii"), body.group_uuid.encode("ascii"), body.operate_id)
    lengths = _LENGTH.pack(body.file_size or 0) + _LENGTH.pack(len(body.torrent))
    return _pack_common(body) + lengths + tail + body.torrent
