"""The route table's engine: caller, body, answer and errors of every route, so that no handler can forget one.

A handler is an async function that gets the path's values by name, the decoded body as `body` and the decoded query
as `query` where its route has them, and who asks as `actor`, or with what they showed as
`caller`, where it names that; it gives a struct, or raises a
`VoiError`. It knows nothing of HTTP.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

import msgspec
from klein import Klein
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, ValidationError

from voi.domain.accounts import Role
from voi.errors import Forbidden, Malformed, VoiError, WrongType
from voi.messages.reason import Reason
from voi.names import canonical_mac, canonical_uuid
from voi.store.interfaces.idempotency import StoredResponse
from voi.web.http.access import Authentication, address_of, check_origin, set_cookie
from voi.web.http.caller import Caller, unknown_caller
from voi.web.http.errors import UNEXPECTED, BodyTooLarge, error_body, http_error_body, unreadable
from voi.web.http.idempotency import HEADER, IdempotentChanges
from voi.web.http.queries import NoQuery, decode_query

log = Logger()

BODY_LIMIT: Final = 1 << 20
"""Bytes of a request body: the longest we expect, 10,000 MACs, has 200 KB."""

JSON: Final = "application/json"

BODY_TYPES: Final = (b"", JSON.encode(), b"application/x-www-form-urlencoded")
"""What a body of JSON may be called: the last is what ``curl -d`` calls everything, and scripts leave it at that. No
form gets in by it: it would not be JSON, and a browser must show its proof all the same.
"""

_PARAMETER: Final = re.compile(r"<(?P<kind>\w+):(?P<name>\w+)>")


@dataclass(frozen=True, slots=True)
class WithStatus:
    """An answer with another status than its route's; one of those that the route names in `also`."""

    status: HTTPStatus
    body: Any


@dataclass(frozen=True, slots=True)
class WithCookie:
    """An answer that gives a browser the cookie of its session; an empty one takes it back."""

    cookie: str = field(repr=False)
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation.

    `path` has werkzeug's ``<converter:name>`` for what varies. `location` is the Location header of the
    answer, its ``{names}`` filled from it. `errors` are those the handler may raise beyond what every route
    answers. `also` are further statuses with their answers. `example` is a body that works. `query` is a struct of
    what may stand after the question mark, each field with a default; without it nothing may. `role` is who may;
    without `token` everybody may. A change with an Idempotency-Key is made once, unless it is not `repeatable`: where
    there is a secret in it or in its answer, which nobody may keep, and where nothing is changed; a key is refused
    there. The handler of a `raw` route gets the `request` too, answers by itself, as `media`, and gives what is left to
    say. An answer of another `media` than JSON is bytes, sent as they are.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    summary: str
    answer: Any
    body: Any = None
    query: Any = None
    example: Any = None
    status: HTTPStatus = HTTPStatus.OK
    also: dict[HTTPStatus, Any] = field(default_factory=dict)
    errors: tuple[type[VoiError], ...] = ()
    location: str = ""
    token: bool = True
    role: Role = Role.OPERATOR
    repeatable: bool = True
    raw: bool = False
    media: str = JSON

    @property
    def changes(self) -> bool:
        """Whether it is more than a question."""
        return self.method != "GET"

    @property
    def keeps(self) -> bool:
        """Whether its answer is kept, to be given again where it is asked for again with the same key."""
        return self.changes and self.token and self.repeatable

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Converter and name of each part of the path that varies."""
        return _PARAMETER.findall(self.path)

    @property
    def template(self) -> str:
        """The path as OpenAPI writes it."""
        return _PARAMETER.sub(r"{\g<name>}", self.path)


# The patterns are strict, because werkzeug takes a value that only `to_python` refuses for a wrong method.


class MacConverter(BaseConverter):
    """A MAC address in any spelling, given to the handler in the canonical one."""

    regex = "(?:(?:[0-9A-Fa-f]{2}:){5}|(?:[0-9A-Fa-f]{2}-){5}|[0-9A-Fa-f]{10})[0-9A-Fa-f]{2}"

    def to_python(self, value: str) -> str:
        """The canonical spelling; anything else is a path that does not exist."""
        try:
            return canonical_mac(value)
        except Malformed as error:
            raise ValidationError(error.message) from error


class UuidConverter(BaseConverter):
    """A uuid in any case, given to the handler in lower case."""

    regex = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"

    def to_python(self, value: str) -> str:
        """The canonical spelling; anything else is a path that does not exist."""
        try:
            return canonical_uuid(value)
        except Malformed as error:
            raise ValidationError(error.message) from error


class NameConverter(BaseConverter):
    """The name of an account."""

    regex = r"[^\W_][\w.@-]{0,63}"


class NumberConverter(BaseConverter):
    """A number that the database gave out; bounded, because SQLite keeps integers in 64 bits."""

    regex = "[0-9]{1,15}"

    def to_python(self, value: str) -> int:
        """The number."""
        return int(value)


CONVERTERS: Final[dict[str, type[BaseConverter]]] = {
    "mac": MacConverter,
    "uuid": UuidConverter,
    "number": NumberConverter,
    "name": NameConverter,
}


def router(routes: Sequence[Route], access: Authentication, idempotency: IdempotentChanges) -> Klein:
    """A Klein app that answers these routes."""
    app = Klein()
    app.url_map.converters.update(CONVERTERS)
    # A redirect would be answered as a web page, and clients would drop the body or the token on their way.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    for route in routes:
        endpoint = f"{route.method} {route.path}"
        app.route(route.path, methods=[route.method], endpoint=endpoint)(_responder(route, access, idempotency))

    @app.handle_errors(VoiError)
    def refuse(request: IRequest, failure: Failure) -> bytes:
        error = failure.value
        assert isinstance(error, VoiError)
        return answer_error(request, error)

    @app.handle_errors(HTTPException)
    def missing(request: IRequest, failure: Failure) -> bytes:
        error = failure.value
        assert isinstance(error, HTTPException)
        if isinstance(error, MethodNotAllowed):
            request.setHeader(b"allow", ", ".join(sorted(error.valid_methods or ())).encode())
        return answer(request, HTTPStatus(error.code or HTTPStatus.NOT_FOUND), http_error_body(error))

    @app.handle_errors(Exception)
    def fail(request: IRequest, failure: Failure) -> bytes:
        log.failure("{method} {uri} failed", failure, method=request.method, uri=request.uri)
        return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)

    return app


class Gate(Resource):
    """Keeps from Klein what it would answer as a web page: paths that are no UTF-8."""

    isLeaf = True  # noqa: N815 - the name that Twisted asks for

    def __init__(self, inner: IResource) -> None:
        super().__init__()
        self._inner = inner

    def render(self, request: Request) -> bytes | int:
        """Answer at once, or let Klein do it."""
        try:
            for part in (*(request.postpath or ()), request.method, request.getRequestHostname()):
                part.decode()
        except UnicodeDecodeError:
            return answer_error(request, Malformed(Reason("path_not_utf8")))
        rendered: bytes | int = self._inner.render(request)
        return rendered


def answer(request: IRequest, status: HTTPStatus, body: Any) -> bytes:
    """Set status and headers; the JSON to send."""
    return _send(request, status, msgspec.json.encode(body))


def _send(request: IRequest, status: int, content: bytes, media: str = JSON) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", media.encode())
    request.setHeader(b"content-length", str(len(content)).encode())
    request.setHeader(b"cache-control", b"no-store")
    # Names come from terminals: no browser may take this for a page.
    request.setHeader(b"x-content-type-options", b"nosniff")
    return content


def _head(request: IRequest, route: Route) -> bytes:
    """What a HEAD is told of an answer that is written in parts: nothing is read or kept open for it."""
    request.setResponseCode(route.status)
    request.setHeader(b"content-type", route.media.encode())
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-content-type-options", b"nosniff")
    return b""


def answer_error(request: IRequest, error: VoiError) -> bytes:
    """Answer with an error of ours."""
    if error.http_status == HTTPStatus.UNAUTHORIZED:
        request.setHeader(b"www-authenticate", b'Bearer realm="voi"')
    if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warn("{method} {uri}: {error}", method=request.method, uri=request.uri, error=error.message)
    return answer(request, error.http_status, error_body(error))


def _responder(route: Route, access: Authentication, idempotency: IdempotentChanges) -> Callable[..., Deferred[bytes]]:
    decoder = None if route.body is None else msgspec.json.Decoder(route.body)
    named = inspect.signature(route.handler).parameters

    async def respond(request: IRequest, values: dict[str, Any]) -> bytes:
        caller = await _let_in(route, access, request)
        if "actor" in named:
            values["actor"] = caller.actor
        if "caller" in named:
            values["caller"] = caller
        keys = request.requestHeaders.getRawHeaders(HEADER.encode(), [])
        if keys and route.changes and not route.keeps:
            raise Malformed(Reason("key_not_kept"), field="Idempotency-Key")
        query = decode_query(_query_of(request), route.query or NoQuery)
        if route.query is not None:
            values["query"] = query
        content = b"" if decoder is None else _content(request)
        if decoder is not None:
            values["body"] = _decode(content, decoder)
        if route.raw and request.method == b"HEAD":
            return _head(request, route)
        if route.raw:
            rest: bytes = await route.handler(request=request, **values)
            return rest
        if route.media != JSON:
            return _send(request, route.status, await route.handler(**values), route.media)
        if not (keys and route.keeps):
            answered = await _answer(route, request, values)
        else:
            hashed = sha256(b"\0".join((route.method.encode(), request.uri, content))).digest()
            actor = f"{caller.actor.kind} {caller.actor.name}"
            key = keys[0].decode("ascii", "replace")
            answered = await idempotency.answer(actor, key, hashed, lambda: _once(route, request, values, hashed))
        if answered.location:
            request.setHeader(b"location", answered.location.encode())
        return _send(request, answered.status, answered.body)

    def start(request: IRequest, **values: Any) -> Deferred[bytes]:
        return finishing(Deferred.fromCoroutine(respond(request, values)))

    return start


async def _let_in(route: Route, access: Authentication, request: IRequest) -> Caller:
    """Who asks, if they may."""
    if not route.token:
        if route.changes:
            check_origin(request)
        return unknown_caller(address_of(request))
    caller = await access.caller(request, changes=route.changes)
    if not caller.role.may(route.role):
        role, required = str(caller.role), str(route.role)
        raise Forbidden(Reason("role_refused", who=caller.actor.text, role=role, required=required))
    return caller


async def _answer(route: Route, request: IRequest, values: dict[str, Any]) -> StoredResponse:
    """What the handler answers, as it goes out."""
    result, status, location = await route.handler(**values), route.status, ""
    if isinstance(result, WithCookie):
        set_cookie(request, result.cookie)
        result = result.body
    if isinstance(result, WithStatus):
        status, result = result.status, result.body
    if route.location:
        location = route.location.format_map(msgspec.structs.asdict(result))
    return StoredResponse(b"", status, location, msgspec.json.encode(result))


async def _once(route: Route, request: IRequest, values: dict[str, Any], hashed: bytes) -> StoredResponse:
    """The same, to be kept: a refusal too, for it would be the same again."""
    try:
        answered = await _answer(route, request, values)
    except VoiError as error:
        if error.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        answered = StoredResponse(b"", error.http_status, "", msgspec.json.encode(error_body(error)))
    return replace(answered, request=hashed)


def finishing(work: Deferred[bytes]) -> Deferred[bytes]:
    """The same result, but cancelling it does not stop the work.

    Klein cancels when a client goes away; half an import, or a rollout that is written down and not begun,
    must not be left behind by that.
    """
    outer: Deferred[bytes] = Deferred()

    def succeeded(result: bytes) -> None:
        outer.callback(result)  # ignored where the client has gone

    def failed(failure: Failure) -> None:
        if outer.called and failure.check(VoiError) is None:
            log.failure("a request failed after its client had gone", failure)
        outer.errback(failure)

    work.addCallbacks(succeeded, failed)
    return outer


def _query_of(request: IRequest) -> bytes:
    uri: bytes = request.uri
    return uri.partition(b"?")[2]


def _content(request: IRequest) -> bytes:
    """The body, which must be JSON; what a client says that it is counts where that was said on purpose."""
    given = request.requestHeaders.getRawHeaders(b"content-type", [b""])[0]
    if given.partition(b";")[0].strip().lower() not in BODY_TYPES:
        raise WrongType(Reason("wrong_type", text=given.decode("ascii", "replace")), field="Content-Type")
    content: bytes = request.content.read(BODY_LIMIT + 1)
    if len(content) > BODY_LIMIT:
        raise BodyTooLarge(Reason("body_too_large", most=BODY_LIMIT))
    return content


def _decode(content: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from error
