"""JSON bodies of messages: every spelling that deployed terminals use is read, one form is written.

Sizes named `real_size` and `reserve_size` are in sectors of 512 bytes, as on the wire; `file_size` is in
bytes. Protocol sections 2 and 4.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from voi.messages.reason import plain, recall
from voi.names import canonical_uuid
from voi.wire.codes import ABILITIES
from voi.wire.json_body import MAX_DISKS, convert, decode_json

# Bounds: names are shown in tables and kept in the database; a count is kept in 63 bits; no template in the
# field has more than a handful of disks.
Text = Annotated[str, Meta(max_length=1024)]
Name = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Level = Annotated[int, Meta(ge=0, le=5)]
SmallInt = Annotated[int, Meta(ge=-128, le=127)]
Int32 = Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)]
LONGEST_MESSAGE: Final = 256  # characters of a terminal's message that are kept and shown
MOST_ABILITIES: Final = 16  # words of a login that are looked at
LONGEST_REASON: Final = 4096  # characters of what a terminal's reason is made of, as JSON


class Message(Struct, frozen=True, kw_only=True):
    """A body that was read from JSON."""


class OfTerminal(Message, frozen=True, kw_only=True):
    """A body that may name the terminal it is from; empty where it does not."""

    mac: str = ""


class Login(Message, frozen=True, kw_only=True):
    """9010 with an address, or 9001; `disk_free` is as in 9011.

    `abilities` are words for what it can do beside what every terminal can; the reference terminal adds them.
    """

    mac: str
    ip: Name
    desktop_uuid: Name | None = None
    disk_free: Count | None = None
    abilities: Any = None

    @property
    def able(self) -> frozenset[str]:
        """The abilities of it that this server knows; other words, and what is no list of words, are passed over."""
        words = self.abilities if isinstance(self.abilities, list) else []
        return ABILITIES.intersection(word for word in words[:MOST_ABILITIES] if isinstance(word, str))


class AdminLogin(OfTerminal, frozen=True, kw_only=True):
    """9008: `password` is the MD5 of the password in hex, or the password itself (family)."""

    username: Name
    password: Text


class BootDisk(OfTerminal, frozen=True, kw_only=True):
    """9012: the disk that the terminal started from.

    `info_hash`, in hex, is that of its topmost level; the reference terminal adds it, for a name says no content.
    """

    boot_disk: Name
    info_hash: Any = None

    @property
    def content(self) -> bytes | None:
        """The info-hash of what it started from; None where it is not said, or no info-hash is."""
        return decode_info_hash(self.info_hash)


class Disk(Message, frozen=True, kw_only=True):
    """One level of a disk as a terminal or the server lists it."""

    uuid: str
    type: SmallInt = 0
    prefix: Name = "voi"
    diff_level: Level = 0
    real_size: Count = 0
    reserve_size: Count = 0
    file_size: Count | None = None
    operate_id: Int32 | None = None

    def to_wire(self) -> dict[str, Any]:
        """The disk with both spellings of the names that seed and family spell differently."""
        fields: dict[str, Any] = {
            "uuid": self.uuid,
            "type": self.type,
            "prefix": self.prefix,
            "diff_level": self.diff_level,
            "dif_level": self.diff_level,
            "real_size": self.real_size,
            "resrver_size": self.reserve_size,
            "reserve_size": self.reserve_size,
            "reserve_space": self.reserve_size,
            "operate_id": self.operate_id or 0,
        }
        if self.file_size is not None:
            fields["file_size"] = self.file_size
        return fields


class TemplateBody(OfTerminal, frozen=True, kw_only=True):
    """9011, and the seed's 9018: a template and its disks.

    `disk_free` is the bytes that are free where the terminal keeps them; the reference terminal adds it to 9011.
    """

    uuid: str
    sys_type: SmallInt = 0
    name: Name = ""
    desc: Text = ""
    disk_free: Count | None = None
    disks: Annotated[list[Disk], Meta(max_length=MAX_DISKS)]

    def to_wire(self) -> dict[str, Any]:
        """The body as 9011, 9018 and 1020 carry it."""
        return {
            "uuid": self.uuid,
            "sys_type": self.sys_type,
            "name": self.name,
            "desc": self.desc,
            "disks": [disk.to_wire() for disk in self.disks],
        }


class GroupUpload(OfTerminal, frozen=True, kw_only=True):
    """The family's 9018: names the desktop group instead of the template."""

    desktop_group_uuid: str


class DownloadResult(OfTerminal, frozen=True, kw_only=True):
    """9015; `result` 0 not started, 1 done, 2 failed."""

    ip: Name = ""
    disk: Name
    result: Annotated[int, Meta(ge=0, le=2)]
    reason: Any = None

    @property
    def why(self) -> str:
        """Why it failed, in the terminal's words; empty where it does not say."""
        return decode_reason(self.reason)


class TaskState(OfTerminal, frozen=True, kw_only=True):
    """9025; `progress` in per cent, rates in bytes a second, sizes in bytes."""

    torrent_name: Name
    progress: Annotated[float, Meta(ge=0, le=100)]
    state: Name
    download_rate: Annotated[float, Meta(ge=0)] = 0
    upload_rate: Annotated[float, Meta(ge=0)] = 0
    total_size: Count = 0
    file_size: Count = 0
    reason: Any = None

    @property
    def why(self) -> str:
        """Why it failed, or what it waits for, in the terminal's words; empty where it does not say."""
        return decode_reason(self.reason)

    @property
    def failed(self) -> bool:
        """A terminal reports a failed download as finished with nothing."""
        return self.state == "finished" and self.progress == 0


class UploadQuery(OfTerminal, frozen=True, kw_only=True):
    """9027: how far is the server with the upload of this disk?"""

    torrent_name: Name


class SetAside(OfTerminal, frozen=True, kw_only=True):
    """9901: a file that no server published was moved aside before the server's content took its place.

    `kept_as` is the name that it has now, `size` its bytes.
    """

    disk: Name
    kept_as: Name
    size: Count = 0


class DiskChecked(OfTerminal, frozen=True, kw_only=True):
    """9902: a level was read from end to end, because the server asked for it (1901).

    `wrong` is how many of its pieces were not what was published; `info_hash`, in hex, says of which content. Where it
    could not be read the `reason` says why.
    """

    disk: Name
    info_hash: Any = None
    wrong: Count = 0
    reason: Any = None

    @property
    def content(self) -> bytes | None:
        """The info-hash of what was read; None where it is not said, or no info-hash is."""
        return decode_info_hash(self.info_hash)

    @property
    def why(self) -> str:
        """Why it could not be read, in the terminal's words; empty where it was."""
        return decode_reason(self.reason)


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope of every answer."""

    code: int
    msg: str = ""
    data: dict[str, Any] | None = None


def decode_download_result(fields: dict[str, Any]) -> DownloadResult:
    """9015; a draft of the family calls the disk `name`."""
    if "disk" not in fields and "name" in fields:
        fields = {**fields, "disk": fields["name"]}
    return convert(fields, DownloadResult)


def decode_template(fields: dict[str, Any]) -> TemplateBody:
    """9011, 9018 or 1020, whose fields are flat (seed) or under `desktop` (family); uuids are checked."""
    desktop = fields.get("desktop")
    if isinstance(desktop, dict) and "disks" not in fields:
        fields = {**fields, **desktop}
    body = convert(fields, TemplateBody)
    disks = [
        msgspec.structs.replace(disk, uuid=canonical_uuid(disk.uuid, f"disks[{index}].uuid"))
        for index, disk in enumerate(body.disks)
    ]
    return msgspec.structs.replace(body, uuid=canonical_uuid(body.uuid), disks=disks)


def decode_may_upload(fields: dict[str, Any]) -> TemplateBody | GroupUpload:
    """9018 in the seed's form or the family's."""
    if "desktop_group_uuid" in fields and "disks" not in fields:
        body = convert(fields, GroupUpload)
        group = canonical_uuid(body.desktop_group_uuid, "desktop_group_uuid")
        return msgspec.structs.replace(body, desktop_group_uuid=group)
    return decode_template(fields)


def decode_reply(data: bytes) -> Reply:
    """An answer's envelope; a missing code is an unknown error, extra fields are ignored.

    :raises Malformed: no such envelope.
    """
    fields = decode_json(data)
    fields.setdefault("code", -1)
    message = fields.get("msg")
    fields["msg"] = message[:LONGEST_MESSAGE] if isinstance(message, str) else ""
    if not isinstance(fields.get("data"), dict):
        fields.pop("data", None)
    return convert(fields, Reply)


def encode_reason(reason: str) -> dict[str, Any]:
    """A reason as 9015 and 9025 carry it: its English text, and of what it is made, for other languages.

    An addition of the reference terminal's: servers pass over fields that they do not know.
    """
    return {"text": str(reason)[:LONGEST_MESSAGE], **plain(reason)}


def decode_info_hash(text: object) -> bytes | None:
    """The info-hash that is written in hex; None for what is none."""
    if not isinstance(text, str) or len(text) != 40:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def decode_reason(found: object) -> str:
    """A reason as a terminal says it; its text alone where no sentence is made of the rest, empty for none."""
    if not isinstance(found, dict) or not isinstance(text := found.get("text"), str):
        return ""
    beside = json.dumps({name: found[name] for name in ("code", "data") if name in found}, ensure_ascii=False)
    usable = len(beside) <= LONGEST_REASON and _has_plain_values(found.get("data"))
    return recall(text[:LONGEST_MESSAGE], beside if usable else "")


def _has_plain_values(data: object) -> bool:
    """Whether these are texts, numbers and reasons of such, as sentences are made of."""
    if not isinstance(data, dict):
        return False
    return all(
        _has_plain_values(value.get("data")) if isinstance(value, dict) else isinstance(value, str | int | float)
        for value in data.values()
    )


def success(**data: Any) -> Reply:
    """The answer of success."""
    return Reply(code=0, msg="Success", data=data or None)
