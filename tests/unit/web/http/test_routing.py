"""Tests of what every route shares: token, bodies, errors, methods."""

from __future__ import annotations

import msgspec
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.unit.web.api_case import TOKEN, ApiCase
from tests.unit.web.fakes import MAC, TEMPLATE, level
from voi.errors import StorageMissing
from voi.messages.reason import Reason
from voi.web.api.schemas.server import SettingsChange
from voi.web.api.schemas.templates import TemplateRequest
from voi.web.http.errors import unreadable
from voi.web.http.routing import BODY_LIMIT, Route, finishing


def concrete(route: Route) -> str:
    """A path of the route with values for what varies."""
    values = {"mac": MAC, "uuid": TEMPLATE, "number": "1", "name": "somebody"}
    path = route.template
    for kind, name in route.parameters:
        path = path.replace("{" + name + "}", values[kind])
    return path


class RawClient(Protocol):
    """Sends bytes and keeps what comes until the connection ends."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.received = b""
        self.reason: BaseException | None = None
        self.done: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.data)

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.reason = reason.value
        self.done.callback(None)


class RawCase(ApiCase):
    """Also speaks bytes."""

    async def raw(self, data: bytes, *, wait: bool = True) -> RawClient:
        """Send bytes as they are."""
        endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{self.port}")
        client: RawClient = await connectProtocol(endpoint, RawClient(data))
        if wait:
            await client.done
        return client


class EveryRouteTests(RawCase):
    """What no handler can forget."""

    async def test_token_is_needed(self) -> None:
        """Without the token every route but the open ones is 401 in the error shape, with a challenge."""
        for route in self.api.routes:
            for token in (None, "wrong", TOKEN + "x"):
                answer = await self.ask(route.method, concrete(route), {}, token=token)
                if route.token:
                    self.assertEqual((answer.status, answer.code), (401, "unauthorized"), route.path)
                    self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="voi"')
                elif route.body is None:
                    self.assertEqual(answer.status, 200, route.path)

    async def test_open_routes(self) -> None:
        """Only health, description, welcome and signing in are open to everybody."""
        self.assertEqual(
            {(route.method, route.path) for route in self.api.routes if not route.token},
            {
                ("GET", "/healthz"),
                ("GET", "/api/v1"),
                ("GET", "/api/v1/openapi.json"),
                ("POST", "/api/v1/session"),
            },
        )

    async def test_bodies_are_json_of_the_right_shape(self) -> None:
        """Every route with a body answers 400 to what is no JSON object of its shape, nested or not UTF-8."""
        bad = (b"", b"{", b"[]", b'"text"', b'{"none_of_ours": 1}', b'{"name": "\xff"}', b'{"x":' + b"[" * 200_000)
        for route in self.api.routes:
            if route.body is None:
                continue
            for data in bad:
                answer = await self.ask(route.method, concrete(route), data=data)
                self.assertEqual((answer.status, answer.code), (400, "malformed"), (route.path, data[:20]))

    async def test_wrong_types(self) -> None:
        """Every route with a body answers 400 to each field of a wrong type, and names the field."""
        for route in self.api.routes:
            for name, value in (route.example or {}).items():
                wrong = 7 if isinstance(value, str | list | dict) else "seven"
                answer = await self.ask(route.method, concrete(route), {**route.example, name: wrong})
                where = (route.method, route.path, name)
                self.assertEqual((answer.status, answer.code), (400, "malformed"), where)
                self.assertEqual(answer.json["error"]["field"], name, where)

    async def test_questions_of_wrong_types(self) -> None:
        """Every route with a query answers 400 to a value that is none, to an unknown name and to one given twice."""
        for route in self.api.routes:
            if route.query is None:
                continue
            fields = msgspec.structs.fields(route.query)
            numbers = [f"{field.encode_name}=seven" for field in fields if isinstance(field.default, int)]
            for query in (*numbers, "none_of_ours=1", f"{fields[0].encode_name}=1&{fields[0].encode_name}=1"):
                answer = await self.ask(route.method, f"{concrete(route)}?{query}")
                self.assertEqual((answer.status, answer.code), (400, "malformed"), (route.path, query))

    async def test_content_types(self) -> None:
        """A body that says on purpose that it is no JSON is refused; what curl says of every body is let pass."""
        for kind in ("application/json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": kind}
            answer = await self.ask("POST", "/api/v1/rooms", {"name": f"of {kind[:30]}"}, headers=headers)
            self.assertEqual(answer.status, 201, kind)
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/jsonx", "application/octet-stream"):
            for route in self.api.routes:
                if route.body is not None:
                    headers = {"Content-Type": kind}
                    answer = await self.ask(route.method, concrete(route), route.example, headers=headers)
                    self.assertEqual((answer.status, answer.code), (415, "wrong_type"), (route.path, kind))

    async def test_unknown_questions(self) -> None:
        """No route ignores what it does not know after the question mark."""
        for route in self.api.routes:
            answer = await self.ask(route.method, f"{concrete(route)}?nothing=1", route.example)
            self.assertEqual((answer.status, answer.error_field), (400, "nothing"), route.path)

    async def test_too_large(self) -> None:
        """Every route, with a body or without, answers 413 to one beyond the bound before a byte of it is read."""
        heads = [
            f"{route.method} {concrete(route)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Expect: 100-continue\r\nContent-Length: {BODY_LIMIT + 1}\r\n\r\n"
            for route in self.api.routes
        ]
        clients = await gatherResults([Deferred.fromCoroutine(self.raw(head.encode())) for head in heads])
        for head, client in zip(heads, clients, strict=True):
            self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "), head)

    async def test_unknown_ids(self) -> None:
        """Every route with an id answers 404 to one that nothing has, and to one that is no id."""
        for route in self.api.routes:
            if not route.parameters:
                continue
            for path in (concrete(route), concrete(route).rpartition("/")[0] + "/not-an-id"):
                answer = await self.ask(route.method, path, route.example)
                self.assertEqual(answer.status, 404, path)
                self.assertTrue(answer.json["error"]["message"])

    async def test_methods(self) -> None:
        """A method that a path does not take is 405 in the error shape, and Allow says which it does."""
        for route in self.api.routes:
            answer = await self.ask("TRACE", concrete(route), {})
            self.assertEqual((answer.status, answer.code), (405, "method_not_allowed"))
            self.assertIn(route.method, answer.headers["allow"].split(", "))

    async def test_unknown_paths(self) -> None:
        """Paths that do not exist are 404 in the error shape; none is a redirect or a page."""
        for path in (
            "/api",
            "/api/",
            "/api/v2/terminals",
            "/api//v1/terminals",
            "/api/v1/%ff",
            "/healthz/x",
        ):
            answer = await self.ask("GET", path)
            self.assertIn(answer.status, (400, 404), path)
            self.assertIn(answer.code, ("not_found", "malformed"))

    async def test_huge_numbers_are_unknown(self) -> None:
        """An id beyond what the database can hold is a 404."""
        self.assertEqual((await self.ask("GET", "/api/v1/uploads/" + "9" * 30)).status, 404)

    async def test_nothing_is_a_page(self) -> None:
        """Answers forbid browsers to guess their type, and caches to keep them."""
        answer = await self.ask("GET", "/api/v1/terminals")
        self.assertEqual(answer.headers["content-type"], "application/json")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertEqual(answer.headers["cache-control"], "no-store")

    async def test_unexpected_failures(self) -> None:
        """A fault of ours is a 500 in the error shape without details, and a traceback in the log."""
        self.patch(self.coordinator.rollouts, "summaries", lambda **_: 1 / 0)
        answer = await self.ask("GET", "/api/v1/rollouts")
        self.assertEqual((answer.status, answer.code), (500, "internal"))
        self.assertNotIn("division", answer.text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    async def test_storage_failures(self) -> None:
        """A broken disk is a 500 that says so."""
        self.upload_requests.refusal = StorageMissing("the disk is gone")
        answer = await self.ask("POST", "/api/v1/templates", {"name": "x", "disks": [{"type": 0, "path": "/x"}]})
        self.assertEqual((answer.status, answer.code), (500, "storage"))
        self.assertEqual(answer.json["error"]["message"], "the disk is gone")

    async def test_head(self) -> None:
        """HEAD is answered as GET without the body."""
        answer = await self.ask("HEAD", "/healthz")
        self.assertEqual((answer.status, answer.text), (200, ""))

    async def test_tracker_gets_the_rest(self) -> None:
        """What is not the API's goes to the tracker whole."""
        self.assertEqual((await self.ask("GET", "/0123/announce?x=1")).text, "tracker at /0123/announce")

    async def test_client_that_leaves_does_not_stop_the_work(self) -> None:
        """What was begun for a client that went away is finished."""
        await self.terminal()
        await self.publish(level())
        self.coordinator.hold = Deferred()
        body = b'{"template": "%s", "macs": "all"}' % TEMPLATE.encode()
        raw = await self.raw(
            b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
            % (TOKEN.encode(), len(body), body),
            wait=False,
        )
        await self.ask("GET", "/healthz")  # by now the POST is in its handler
        assert raw.transport is not None
        raw.transport.loseConnection()
        await raw.done
        await self.ask("GET", "/healthz")
        self.coordinator.hold.callback(None)
        while not self.coordinator.begun:
            await self.ask("GET", "/healthz")
        self.assertEqual((await self.rollouts.summaries())[1], 1)


class BoundTests(RawCase):
    """Bodies that are too large, on the wire."""

    async def test_announced_length(self) -> None:
        """A length beyond the bound is 413 before a byte of the body is read, and the connection closes."""
        head = b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        client = await self.raw(head % (BODY_LIMIT + 1))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))
        self.assertEqual(client.received.count(b"HTTP/1.1"), 1)
        body = msgspec.json.decode(client.received.partition(b"\r\n\r\n")[2])
        self.assertEqual(body["error"]["code"], "too_large")

    async def test_body_that_is_sent_all_the_same(self) -> None:
        """A client that sends a large body without waiting reads the 413."""
        head = b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
        client = await self.raw(head % (BODY_LIMIT + 100_000) + b" " * (BODY_LIMIT + 100_000))
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))
        self.assertIsInstance(client.reason, ConnectionDone)

    async def test_chunked_body(self) -> None:
        """A body without an announced length is bounded as well."""
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        head = b"POST /api/v1/rollouts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        client = await self.raw(head + chunk * 17 + b"0\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))

    async def test_tracker_is_bounded_too(self) -> None:
        """The bound holds for every path of the site."""
        client = await self.raw(b"GET /k/announce HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        self.assertTrue(client.received.startswith(b"HTTP/1.1 413 "))

    async def test_largest_body(self) -> None:
        """A body of the bound itself is read."""
        answer = await self.ask("POST", "/api/v1/rollouts", data=b" " * BODY_LIMIT)
        self.assertEqual(answer.status, 400)

    async def test_strange_host_header(self) -> None:
        """A Host header that is no name is nobody's concern."""
        for host in (b"a..b", b"\xff\xfe", b"x" * 300):
            client = await self.raw(b"GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host)
            self.assertTrue(client.received.startswith(b"HTTP/1.1 200 "), host)


class ErrorTests(SynchronousTestCase):
    """How msgspec's words become fields."""

    def field_of(self, data: bytes) -> str | None:
        """The field that is at fault in a template request."""
        with self.assertRaises(msgspec.ValidationError) as caught:
            msgspec.json.decode(data, type=TemplateRequest)
        error = unreadable(caught.exception)
        self.assertNotIn("$", error.message)
        return error.field

    def test_fields(self) -> None:
        """Wrong, missing and unknown fields are named by their path, those of lists too."""
        self.assertEqual(self.field_of(b'{"name": 1}'), "name")
        self.assertEqual(self.field_of(b'{"disks": []}'), "disks")
        self.assertEqual(self.field_of(b'{"name": "x"}'), "disks")
        self.assertEqual(self.field_of(b'{"name": "x", "disks": [{"type": 9, "path": "/x"}]}'), "disks[0].type")
        self.assertEqual(self.field_of(b'{"name": "x", "disks": [{"type": 0}]}'), "disks[0].path")
        self.assertEqual(self.field_of(b'{"name": "x", "nmae": "y"}'), "nmae")
        self.assertIsNone(self.field_of(b"[]"))

    def why_of(self, data: bytes, kind: type[msgspec.Struct] = TemplateRequest) -> str:
        """What the error for a body is made of: its code, and the bound or the name in it."""
        with self.assertRaises(msgspec.ValidationError) as caught:
            msgspec.json.decode(data, type=kind)
        reason = unreadable(caught.exception).reason
        assert isinstance(reason, Reason)
        values = [str(value) for name, value in reason.data.items() if name not in ("field", "text")]
        return " ".join([reason.code, *values])

    def test_said_in_other_languages(self) -> None:
        """What people get wrong in forms has sentences of its own, the rest is said in the decoder's words."""
        self.assertEqual(self.why_of(b'{"name": ""}'), "too_short 1")
        self.assertEqual(self.why_of(b'{"name": "%b"}' % (b"x" * 300)), "too_long 256")
        self.assertEqual(self.why_of(b'{"name": "x"}'), "missing")
        self.assertEqual(self.why_of(b'{"retention_days": 0}', SettingsChange), "too_small 1")
        self.assertEqual(self.why_of(b'{"retention_days": 999999}', SettingsChange), "too_large 3650")
        self.assertEqual(self.why_of(b'{"name": 1}'), "unfit")

    def test_failure_after_the_client_has_gone(self) -> None:
        """What fails when nobody listens any more is logged."""
        work: Deferred[bytes] = Deferred()
        outer = finishing(work)
        outer.addErrback(lambda _: None)
        outer.cancel()
        work.errback(Failure(RuntimeError("late")))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
