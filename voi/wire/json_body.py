"""JSON bodies read and written, whatever they say: size, syntax, and the spellings of names in one form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from voi.errors import Malformed
from voi.messages.reason import Reason
from voi.names import canonical_mac

MAX_DISKS: Final = 64
LARGEST_JSON: Final = 1 << 20  # the protocol's own bound

_ALIASES: Final = {
    "user_name": "username",
    "dif_level": "diff_level",
    "resrver_size": "reserve_size",
    "reserve_space": "reserve_size",
}
_CANONICAL: Final[Mapping[str, Callable[[str], str]]] = {"mac": canonical_mac}
_DEPTH: Final = 4  # template -> desktop -> disks -> disk


T = TypeVar("T")


def decode_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, keys in their canonical spelling and MAC addresses in their canonical form.

    An empty body is an empty object; a trailing NUL, which C clients send, is dropped.

    :raises Malformed: no JSON, or JSON that is not an object.
    """
    value = decode_json(data)
    result = _canonical(value, _DEPTH)
    assert isinstance(result, dict)
    return result


def decode_json(data: bytes) -> dict[str, Any]:
    """The JSON object in `data` as it is; its size is bounded whatever the frame calls it."""
    if len(data) > LARGEST_JSON:
        raise Malformed(Reason("json_too_large", length=len(data), most=LARGEST_JSON))
    text = data.rstrip(b"\x00").strip()
    if not text:
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(Reason("json_broken", text=str(error))) from error
    if not isinstance(value, dict):
        raise Malformed(Reason("json_no_object", kind=type(value).__name__))
    return value


def _canonical(value: object, depth: int) -> object:
    if depth < 0:
        return value
    if isinstance(value, dict):
        return _canonical_object(value, depth)
    if isinstance(value, list):
        return [_canonical(item, depth - 1) for item in value[: MAX_DISKS + 1]]
    return value


def _canonical_object(value: dict[str, object], depth: int) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, item in value.items():
        name = _ALIASES.get(key, key)
        if name != key and name in value:
            continue
        canonical = _CANONICAL.get(name)
        if canonical is not None and isinstance(item, str):
            item = canonical(item)
        result[name] = _canonical(item, depth - 1)
    return result


def convert(fields: dict[str, Any], kind: type[T]) -> T:
    """Check the fields of a body against a message; numbers may be decimal strings.

    :raises Malformed: names the field.
    """
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Malformed(Reason("message_malformed", text=str(error))) from error


def encode(body: Mapping[str, Any] | Struct) -> bytes:
    """A body as compact JSON."""
    return msgspec.json.encode(body)
