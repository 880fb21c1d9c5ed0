"""The OpenAPI 3.1 document, made from the same route table that answers requests: it cannot drift."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from voi import __version__
from voi.domain.accounts import Role
from voi.errors import Conflict, Forbidden, Malformed, Unauthorized, VoiError, WrongType
from voi.web.http.access import COOKIE, CSRF_HEADER
from voi.web.http.errors import BodyTooLarge, ErrorBody
from voi.web.http.routing import JSON, Route

_REFERENCE: Final = "#/components/schemas/{name}"

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "mac": {"type": "string", "description": "A MAC address in any spelling", "examples": ["02:00:00:00:00:01"]},
    "uuid": {"type": "string", "format": "uuid"},
    "name": {"type": "string", "pattern": "^[^\\W_][\\w.@-]{0,63}$"},
    "number": {"type": "integer", "minimum": 0, "maximum": 999_999_999_999_999},
}

_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": f"Given by POST session; each change also needs the header `{CSRF_HEADER}`",
    },
}

_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "For a day, a change sent again with the same key gets the first answer and is not done twice",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{8,64}$"},
}

_TYPES: Final = {str: "string", dict: "object"}

_TAGS: Final = {
    "orphans": "Files in the data directory to which nothing refers",
    "session": "Signing in and out at a browser, and one's own password",
    "accounts": "People who may use the server",
    "tokens": "What programs show in place of a password",
    "overview": "What a person looks at first: counts, what is under way, what needs attention",
    "terminals": "PCs: what they have, what they are sent, their names and their past",
    "commands": "Commands for terminals, and what became of each at each terminal",
    "rooms": "Where terminals stand, by subnet or by hand",
    "templates": "Published images, their versions, and imports from the server's own disk",
    "uploads": "Images on their way from a terminal to the server",
    "rollouts": "Templates on their way from the server to terminals",
    "swarms": "Torrents, and who has how much of them",
    "events": "Who did what, and live news",
    "settings": "What the server was started with, and what can be changed while it runs",
    "server": "The server itself: its version, health and speed, and this document",
}
"""Each group of operations, in the order in which a page shows them: the first word of the path, or else the last."""

_UNEXPECTED: Final = "The server failed; its log says why (`internal`)"


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The description of these routes."""
    types: list[Any] = [ErrorBody]
    for route in routes:
        types += [kind for kind in (route.body, route.answer, *route.also.values()) if _is_struct(kind)]
    types = list(dict.fromkeys(types))
    references, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    by_type = dict(zip(types, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "voi",
            "version": __version__,
            "description": (
                "Times are in UTC, sizes in bytes, rates in bytes a second, progress from 0 to 1. "
                "Every answer that is no success has the shape of `ErrorBody`. "
                "Sentences are English; `why` beside one has its code and the values in it, for other languages. "
                "Lists take `q`, `sort` (a `-` turns the order round), `limit` and `offset`, and say `total`; what "
                "an operation does not know in its query is refused. Bodies are JSON, whether they are called so, are "
                "not called anything, or `application/x-www-form-urlencoded`, as curl does; any other type is refused. "
                "An `Idempotency-Key` is refused where it is not among an operation's parameters: nothing is kept."
            ),
        },
        "servers": [{"url": "/", "description": "The server that gave this document"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": _with_items(schemas), "securitySchemes": _SCHEMES},
        "security": [{"bearer": []}, {"session": []}],
    }


def _with_items(schema: Any) -> Any:
    """A schema in which every array says what it has: msgspec's of a tuple forbid more `items`, which `maxItems` does
    as well, and programs that make clients of this document want to be told of a type.
    """
    if isinstance(schema, list):
        return [_with_items(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _with_items(part) for name, part in schema.items()}
    if parts.get("items") is False:
        kinds = [part for index, part in enumerate(parts["prefixItems"]) if part not in parts["prefixItems"][:index]]
        parts["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return parts


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    parts = [part for part in route.template.removeprefix("/api/v1").split("/") if part and not part.startswith("{")]
    tag = parts[0].partition(".")[0] if parts else ""
    operation: dict[str, Any] = {
        "operationId": "_".join([route.method.lower(), *parts, *(name for _, name in route.parameters)])
        .replace(".", "_")
        .replace("-", "_"),
        "summary": route.summary,
        "tags": [tag if tag in _TAGS else "server"],
        "responses": _responses(route, schemas),
    }
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _PARAMETERS[kind]} for kind, name in route.parameters
    ]
    if route.query is not None:
        parameters += _query(route.query)
    if route.keeps:
        parameters.append(_KEY)
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        content = {"schema": schemas[route.body], "example": route.example}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    if not route.token:
        operation["security"] = []
    return operation


def _query(kind: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """What may stand after the question mark."""
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": _with_items(part)}
        for name, part in schema["properties"].items()
    ]


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    schema = schemas.get(route.answer, {"type": "object" if route.media == JSON else "string"})
    media = route.media.partition(";")[0]
    success: dict[str, Any] = {"description": route.status.phrase, "content": {media: {"schema": schema}}}
    if route.location:
        success["headers"] = {"Location": {"description": "Its path", "schema": {"type": "string"}}}
    responses = {str(route.status.value): success}
    for status, kind in route.also.items():
        responses[str(status.value)] = {
            "description": status.phrase,
            "content": {"application/json": {"schema": schemas[kind]}},
        }
    errors = list(route.errors)
    if route.token:
        errors.append(Unauthorized)
    if route.changes or route.role is not Role.OPERATOR:
        errors.append(Forbidden)
    errors.append(Malformed)  # a query that has what there is not
    if route.body is not None:
        errors += [BodyTooLarge, WrongType]
    if route.keeps:
        errors.append(Conflict)
    failure = {"application/json": {"schema": schemas[ErrorBody]}}
    for http_status, text in _by_status(errors):
        responses[str(http_status.value)] = {"description": text, "content": failure}
    responses["500"] = {"description": _UNEXPECTED, "content": failure}
    return dict(sorted(responses.items()))


def _by_status(errors: Iterable[type[VoiError]]) -> list[tuple[HTTPStatus, str]]:
    """Each status with what it means; several errors may share one."""
    texts: dict[HTTPStatus, list[str]] = {}
    for error in sorted(set(errors), key=lambda error: error.slug):
        first_line = (error.__doc__ or error.__name__).strip().splitlines()[0].rstrip(".")
        texts.setdefault(error.http_status, []).append(f"{first_line} (`{error.slug}`)")
    return [(status, "; ".join(lines)) for status, lines in texts.items()]
