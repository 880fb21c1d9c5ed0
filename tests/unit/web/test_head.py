"""Tests of HEAD on every route of the HTTP port: the head of an answer, and nothing in the log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.unit.tracker.fakes import KEY, FakeKeys, FakeOwnPeer, query
from tests.unit.web.api_case import ASSETS, TOKEN, ApiCase
from tests.unit.web.fakes import MAC, TEMPLATE
from voi.tracker.http import tracker_resource
from voi.tracker.tracker import Tracker
from voi.web.console.assets import AssetResource
from voi.web.site import site

VALUES = {"mac": MAC, "uuid": TEMPLATE, "id": "1", "room_id": "1", "batch_no": "1", "name": "admin", "number": "1"}
ANNOUNCE = f"/{KEY}/announce?{query().decode()}"


def said(events: Sequence[LogEvent]) -> list[str]:
    """What was logged of requests: not that a site was opened or closed."""
    found = [str(event.get("log_format") or event.get("format") or event) for event in events]
    return [text for text in found if "factory" not in text and "tarting on" not in text and "Port" not in text]


class RouteTests(ApiCase):
    """Every route that can be asked with GET."""

    async def test_as_get(self) -> None:
        """HEAD has the status, the type and the length of GET, no body, and writes nothing into the log."""
        rules = [rule.rule for rule in self.api.app.url_map.iter_rules() if "GET" in (rule.methods or ())]
        self.assertGreater(len(rules), 20)
        paths = [re.sub(r"<\w+:(\w+)>", lambda found: VALUES.get(found[1], "1"), rule) for rule in rules]
        for path in (*paths, "/", "/console/app.js", "/console/none.js", "/api/v1/nothing", "/api/v1/terminals?x=1"):
            for token in (TOKEN, ""):
                if token and path.endswith("stream"):
                    continue  # GET has no end there
                with capturedLogs() as events:
                    got = await self.ask("GET", path, token=token)
                    before = len(said(events))
                    head = await self.ask("HEAD", path, token=token)
                    logged = said(events)[before:]
                self.assertEqual((head.status, head.text, logged), (got.status, "", []), path)
                self.assertEqual(head.headers.get("content-type"), got.headers.get("content-type"), path)

    async def test_nothing_is_kept_open(self) -> None:
        """HEAD of a stream is answered and over: it takes none of the places of those who listen."""
        head = await self.ask("HEAD", "/api/v1/events/stream")
        self.assertEqual((head.status, head.headers["content-type"]), (200, "text/event-stream"))
        self.assertEqual(len(self.api.live), 0)


class _Api(Resource):
    """Stands where the API would."""

    isLeaf = True  # noqa: N815 - the name that Twisted asks for

    def render(self, request: Request) -> bytes:
        """Something to read."""
        return b"an answer\n"


class RawTests(SynchronousTestCase):
    """Malformed bytes, to a site with the tracker and the console."""

    def setUp(self) -> None:
        tracker = Tracker(keys=FakeKeys(), own_peer=FakeOwnPeer(), clock=Clock(), random=Random(1))
        self.site = site(_Api(), tracker_resource(tracker), AssetResource(ASSETS))

    def send(self, data: bytes) -> tuple[bytes, list[str]]:
        """What is answered to some bytes, and what is logged."""
        transport = StringTransport()
        channel: Any = self.site.buildProtocol(None)
        channel.callLater = Clock().callLater
        with capturedLogs() as events:
            channel.makeConnection(transport)
            channel.dataReceived(data)
        return transport.value(), said(events)

    def test_every_part_of_the_port(self) -> None:
        """Console, API and tracker tell the length of what they would say, and say nothing."""
        for path, status in (("/", 200), ("/console/none.js", 404), ("/healthz", 200), (ANNOUNCE, 405), ("/none", 405)):
            answer, logged = self.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, _, body = answer.partition(b"\r\n\r\n")
            self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), (path, answer))
            self.assertRegex(head.lower(), rb"content-length: [1-9]")
            self.assertEqual((body, logged), (b"", []), path)

    def test_too_large(self) -> None:
        """A HEAD that announces a body beyond the bound is refused without a body."""
        answer, logged = self.send(b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 413 "))
        self.assertEqual((body, logged), (b"", []))

    def test_badly_formed(self) -> None:
        """Whatever is wrong with it is the client's mistake: 400, and no line in the log."""
        for data in (
            b"HEAD\r\n\r\n",
            b"HEAD  / HTTP/1.1\r\n\r\n",
            b"HEAD /\xff HTTP/1.1\r\n\r\n",
            b"HE\xffD / HTTP/1.1\r\n\r\n",
            b"HEAD / HTTP/9\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nno colon\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HEAD /%ff HTTP/1.1\r\n\r\n",
            b"HEAD /api/%ff HTTP/1.1\r\n\r\n",
            b"HEAD http://[::1/x HTTP/1.1\r\n\r\n",
        ):
            answer, logged = self.send(data)
            self.assertRegex(answer, rb"HTTP/1.1 (400|405|200) ", data)
            self.assertEqual(logged, [], data)

    @given(
        st.sampled_from([b"HEAD", b"head", b"HEAD\0", b"Head"]),
        st.one_of(st.sampled_from([b"/", b"/api/v1", b"/healthz", ANNOUNCE.encode(), b"*"]), st.binary(max_size=20)),
        st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2", b""]),
        st.lists(
            st.one_of(
                st.sampled_from([b"Host: x", b"Host: \xff", b"Content-Length: 3", b"Expect: 100-continue"]),
                st.binary(max_size=20),
            ),
            max_size=4,
        ),
        st.binary(max_size=20),
    )
    def test_any_bytes(self, method: bytes, path: bytes, version: bytes, headers: list[bytes], rest: bytes) -> None:
        """However it is formed, nothing is written into the log."""
        _, logged = self.send(b" ".join((method, path, version)) + b"\r\n" + b"\r\n".join([*headers, b"", b""]) + rest)
        self.assertEqual(logged, [])
