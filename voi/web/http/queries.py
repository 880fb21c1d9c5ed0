"""The part of a URL after its question mark, checked like a body: a struct whose fields are the names it may have."""

from __future__ import annotations

from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec

from voi.errors import Malformed
from voi.messages.reason import Reason
from voi.web.http.errors import unreadable

T = TypeVar("T")

LONGEST_QUERY: Final = 4096
"""Bytes: a filter and what it filters by; more is no question of ours."""
MOST_FIELDS: Final = 32


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: most routes answer in one way."""


def decode_query(raw: bytes, kind: type[T]) -> T:
    """The values of a query.

    :raises Malformed: a name that there is not, one twice, a value that is none; names the field.
    """
    if len(raw) > LONGEST_QUERY:
        raise Malformed(Reason("query_too_long", most=LONGEST_QUERY))
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:  # no ASCII, too many, or what the percent signs stand for is no UTF-8
        raise Malformed(Reason("query_unreadable", text=str(error))) from error
    for name, value in pairs:
        if name in values:
            raise Malformed(Reason("given_twice", field=name[:40]), field=name[:40])
        values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise unreadable(error, "query") from error
