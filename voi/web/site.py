"""The HTTP port: console, API and tracker on one site, with bounds on what any client may make it hold."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final

import msgspec
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http
from twisted.web.resource import IResource, Resource, getChildForRequest
from twisted.web.server import Request, Site

from voi.messages.reason import Reason
from voi.web.console.assets import PREFIX
from voi.web.http.errors import BodyTooLarge, error_body
from voi.web.http.routing import BODY_LIMIT

log = Logger()

REQUEST_SECONDS: Final = 60
"""A connection that says nothing for so long is closed: a browser's tab left open, half a request."""

LINGER_SECONDS: Final = 2.0
"""How long a refused body is read and thrown away.

A connection closed with unread bytes is reset, and the client would never see why.
"""

CLOSE_SECONDS: Final = 60.0
"""A connection that was closed here is cut after so long, if its other end neither reads what is left of the answer
nor, over TLS, says goodbye. Twisted has no such bound, and each holds one of the places for all.
"""


class BoundedRequest(Request):
    """A request whose body is bounded before it is kept, whether its length is announced or chunked."""

    content: BytesIO
    refused = False
    _lingering: IDelayedCall | None = None

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """The headers are there."""
        self.content = BytesIO()  # bounded, so no file is needed
        if length is not None and length > BODY_LIMIT:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """A part of the body."""
        if self.refused:
            return
        if self.content.tell() + len(data) > BODY_LIMIT:
            self._refuse()
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - Twisted's name
        """All of the request is there."""
        if self.refused:
            self.channel.loseConnection()
            return
        super().requestReceived(command, path, version)

    def getRequestHostname(self) -> bytes:  # noqa: N802 - Twisted's name
        """Nothing: there are no virtual hosts, and a Host header that is no name makes the URL map fail."""
        return b"voi"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """The connection has ended."""
        if self._lingering is not None and self._lingering.active():
            self._lingering.cancel()
        super().connectionLost(reason)

    def _refuse(self) -> None:
        self.refused = True
        self.content = BytesIO()
        self.requestHeaders.removeHeader(b"expect")  # or the channel would ask for the body after all
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        body = msgspec.json.encode(error_body(BodyTooLarge(Reason("body_too_large", most=BODY_LIMIT))))
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        transport = self.channel.transport
        assert transport is not None
        is_head = self.channel._command == b"HEAD"  # noqa: SLF001 - the request itself is told only when it is whole
        transport.write(head.encode() + (b"" if is_head else body))
        self._lingering = self.channel.callLater(LINGER_SECONDS, self.channel.forceAbortClient)


class BoundedChannel(http.HTTPChannel):
    """A connection whose time for each request counts from its beginning: bytes that trickle in win no more."""

    _abortingCall: IDelayedCall | None = None  # noqa: N815 - Twisted's, which cancels it when the connection ends

    def resetTimeout(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing: Twisted calls this for every byte; the time is set anew when a request was answered."""

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close, when what is written has gone out, and in any case after a while."""
        super().loseConnection()
        if self._abortingCall is None:
            self._abortingCall = self.callLater(CLOSE_SECONDS, self.forceAbortClient)


class _Root(Resource):
    """Gives each request whole to who answers its first segment; the rest is the tracker's."""

    isLeaf = True  # noqa: N815 - the name that Twisted asks for

    def __init__(self, by_segment: Mapping[bytes, IResource], otherwise: IResource) -> None:
        super().__init__()
        self._by_segment = by_segment
        self._otherwise = otherwise

    def render(self, request: Request) -> Any:
        """Let the right one answer."""
        segment = request.postpath[0] if request.postpath else b""
        chosen = self._by_segment.get(segment, self._otherwise)
        rendered = getChildForRequest(chosen, request).render(request)
        if rendered and request.method == b"HEAD" and isinstance(rendered, bytes):
            # Its length and not itself; twisted.web would do the same, and write it into the log each time.
            request.setHeader(b"content-length", str(len(rendered)).encode())
            return b""
        return rendered


class _QuietSite(Site):
    """A site without an access log: announces would fill it, and each has a terminal's key in its path."""

    noisy = False  # it would be named by its place in memory
    protocol = BoundedChannel  # type: ignore[assignment]  # a plain channel is enough: HTTP/2 is not spoken here

    def log(self, request: http.Request) -> None:
        """Say nothing."""


def site(api: IResource, tracker: IResource, console: IResource) -> Site:
    """The site of API, tracker and console."""
    root = _Root({b"": console, PREFIX: console, b"api": api, b"healthz": api, b"metrics": api}, tracker)
    return _QuietSite(root, requestFactory=BoundedRequest, timeout=REQUEST_SECONDS, parsePOSTFormSubmission=False)
