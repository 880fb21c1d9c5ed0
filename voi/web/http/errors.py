"""The one shape of an API error, and what each exception becomes in it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import ClassVar, Final

import msgspec
from msgspec import Struct
from werkzeug.exceptions import HTTPException

from voi.errors import Malformed, VoiError
from voi.messages.reason import Reason
from voi.web.http.reasons import Why, why_of

_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_BOUND: Final = re.compile(r"Expected `(?P<kind>str|int|array)` (?:of length )?(?P<sign>[<>]=) (?P<number>\d{1,15})")
_MISSING: Final = re.compile(r"Object missing required field `[^`]{1,80}`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `[^`]{1,80}`")
_NAMED: Final = re.compile(r"(?:missing required|contains unknown) field `(?P<name>[^`]{1,80})`")


class BodyTooLarge(Malformed):
    """A request body beyond what the API reads."""

    http_status: ClassVar[HTTPStatus] = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    slug: ClassVar[str] = "too_large"


class ErrorDetail(Struct, frozen=True):
    """What went wrong: a word for programs, a sentence for people, and the input at fault, if it was one; `why` is
    what the sentence is made of.
    """

    code: str
    message: str
    field: str | None
    why: Why | None


class ErrorBody(Struct, frozen=True):
    """The body of every answer that is no success."""

    error: ErrorDetail


def error_body(error: VoiError) -> ErrorBody:
    """The body that tells of an error."""
    return ErrorBody(_detail(error.slug, error.reason, error.field))


def http_error_body(error: HTTPException) -> ErrorBody:
    """The body for what the URL map refuses: unknown paths and methods."""
    status = HTTPStatus(error.code or HTTPStatus.NOT_FOUND)
    return ErrorBody(_detail(status.phrase.lower().replace(" ", "_"), _SENTENCES.get(status, status.phrase)))


def _detail(code: str, reason: str, field: str | None = None) -> ErrorDetail:
    return ErrorDetail(code, str(reason), field, why_of(reason))


_SENTENCES: Final[dict[HTTPStatus, str]] = {
    HTTPStatus.NOT_FOUND: Reason("nothing_here"),
    HTTPStatus.METHOD_NOT_ALLOWED: Reason("no_such_method"),
}

UNEXPECTED: Final = ErrorBody(_detail("internal", Reason("server_failed")))
"""What a fault of ours is answered with: the details are for the log."""


def unreadable(error: Exception, what: str = "body") -> Malformed:
    """The error for a body, or another part of a request, that cannot be read; names the field where msgspec does."""
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        field = _field(text)
        plain = _AT.sub("", text)
        return Malformed(_unfit(field or what, plain), field=field)
    if isinstance(error, RecursionError):
        return Malformed(Reason("nested_too_deep"))
    return Malformed(Reason("not_json", text=str(error)))


def _unfit(field: str, text: str) -> Reason:
    """What msgspec says of a field, as a sentence of ours where it is one of those that people meet."""
    bound = _BOUND.fullmatch(text)
    if bound is not None:
        number = int(bound["number"])
        if bound["kind"] == "str":
            at_most = Reason("too_long", field=field, most=number)
            return at_most if bound["sign"] == "<=" else Reason("too_short", field=field, fewest=number)
        at_most = Reason("too_large", field=field, largest=number)
        return at_most if bound["sign"] == "<=" else Reason("too_small", field=field, smallest=number)
    if _MISSING.fullmatch(text):
        return Reason("missing", field=field)
    return Reason("unknown_field", field=field) if _UNKNOWN.fullmatch(text) else Reason("unfit", field=field, text=text)


def _field(text: str) -> str | None:
    """``disks[0].path`` out of msgspec's ``... - at `$.disks[0].path```; missing and unknown names included."""
    at, named = _AT.search(text), _NAMED.search(text)
    parts = [part for part in (at and at["path"], named and named["name"]) if part]
    return ".".join(parts) or None
