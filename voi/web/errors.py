"""The one shape of an API error, and what each exception becomes in it."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import ClassVar, Final

import msgspec
from msgspec import Struct
from werkzeug.exceptions import HTTPException

from voi.errors import Malformed, VoiError

_AT: Final = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NAMED: Final = re.compile(r"(?:missing required|contains unknown) field `(?P<name>[^`]{1,80})`")


class BodyTooLarge(Malformed):
    """A request body beyond what the API reads."""

    http_status: ClassVar[HTTPStatus] = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    slug: ClassVar[str] = "too_large"


class ErrorDetail(Struct, frozen=True):
    """What went wrong: a word for programs, a sentence for people, and the input at fault, if it was one."""

    code: str
    message: str
    field: str | None


class ErrorBody(Struct, frozen=True):
    """The body of every answer that is no success."""

    error: ErrorDetail


def error_body(error: VoiError) -> ErrorBody:
    """The body that tells of an error."""
    return ErrorBody(ErrorDetail(error.slug, error.message, error.field))


def http_error_body(error: HTTPException) -> ErrorBody:
    """The body for what the URL map refuses: unknown paths and methods."""
    status = HTTPStatus(error.code or HTTPStatus.NOT_FOUND)
    return ErrorBody(ErrorDetail(status.phrase.lower().replace(" ", "_"), _SENTENCES.get(status, status.phrase), None))


_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path; /api/v1/openapi.json lists what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take this method; the Allow header lists those it takes",
}

UNEXPECTED: Final = ErrorBody(ErrorDetail("internal", "the server failed; its log says why", None))
"""What a fault of ours is answered with: the details are for the log."""


def unreadable(error: Exception, what: str = "body") -> Malformed:
    """The error for a body, or another part of a request, that cannot be read; names the field where msgspec does."""
    if isinstance(error, msgspec.ValidationError):
        text = str(error)
        field = _field(text)
        plain = _AT.sub("", text)
        return Malformed(f"{field}: {plain}" if field else f"{what}: {plain}", field=field)
    if isinstance(error, RecursionError):
        return Malformed("body: nested too deeply")
    return Malformed(f"body: no JSON in UTF-8: {error}")


def _field(text: str) -> str | None:
    """``disks[0].path`` out of msgspec's ``... - at `$.disks[0].path```; missing and unknown names included."""
    at, named = _AT.search(text), _NAMED.search(text)
    parts = [part for part in (at and at["path"], named and named["name"]) if part]
    return ".".join(parts) or None
