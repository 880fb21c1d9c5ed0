"""The tracker's HTTP edge, a Klein resource: ``/<key>/announce``, ``/<key>/scrape``, ``/<key>/blocks``."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from klein import Klein
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request
from werkzeug.exceptions import HTTPException

from voi.tracker.blocks import BlockTableResource
from voi.tracker.tracker import Tracker

log = Logger()

_PLAIN_TEXT = b"text/plain"
"""What BEP 3 trackers answer with; without a charset, for the body is bencoded bytes."""


def tracker_resource(tracker: Tracker, blocks: BlockTableResource | None = None) -> IResource:
    """The tracker as a resource, for a site to mount; `blocks` answers for block tables, where there are any.

    Each announce and scrape is answered with HTTP 200 and a bencoded body, refusals included: BitTorrent
    clients show a `failure reason`, and only a number for anything else. A block table is asked for by our own
    terminals, and refused with a status and a reason. Other paths and methods are 404 and 405 in plain text.
    """
    app = Klein()

    @app.route("/<string:key>/announce", methods=["GET"])
    def announce(request: IRequest, key: str) -> bytes:
        peer, local = _host(request.getClientAddress()), _host(request.getHost())
        return _plain(request, tracker.announce(key, _query(request), peer, local))

    @app.route("/<string:key>/scrape", methods=["GET"])
    def scrape(request: IRequest, key: str) -> bytes:
        return _plain(request, tracker.scrape(key, _query(request)))

    @app.route("/<string:key>/blocks", methods=["GET"])
    async def block_table(request: IRequest, key: str) -> bytes | None:
        if blocks is None:
            return _status(request, HTTPStatus.NOT_FOUND)
        assert isinstance(request, Request)  # a site's requests are; Klein names the interface only
        return await blocks.answer(request, key, _query(request))

    @app.handle_errors(HTTPException)
    def refuse(request: IRequest, failure: Failure) -> bytes:
        problem = failure.value
        assert isinstance(problem, HTTPException)
        return _status(request, HTTPStatus(problem.code or HTTPStatus.NOT_FOUND))

    @app.handle_errors(Exception)
    def fail(request: IRequest, failure: Failure) -> bytes:
        log.failure("a request to the tracker failed", failure)
        return _status(request, HTTPStatus.INTERNAL_SERVER_ERROR)

    return _Gate(app.resource())


class _Gate(Resource):
    """Keeps from Klein what it would answer as a web page, or as what it is not.

    It takes a HEAD for a GET, which would record a peer and answer it nothing, and it logs a traceback
    for each name in a request that is no UTF-8, which anybody can send.
    """

    isLeaf = True  # noqa: N815  # the name that Twisted asks for

    def __init__(self, inner: IResource) -> None:
        super().__init__()
        self._inner = inner

    def render(self, request: Request) -> bytes | int:
        """Answer at once, or let Klein do it."""
        if request.method != b"GET":
            request.setHeader(b"allow", b"GET")
            return _status(request, HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            for name in (request.getRequestHostname(), request.path):
                unquote_to_bytes(name).decode()
        except UnicodeDecodeError:
            return _status(request, HTTPStatus.BAD_REQUEST)
        answer: bytes | int = self._inner.render(request)
        return answer


def _status(request: IRequest, status: HTTPStatus) -> bytes:
    """A status that speaks for itself, in plain text."""
    request.setResponseCode(status)
    return _plain(request, f"{status.value} {status.phrase}\n".encode())


def _query(request: IRequest) -> bytes:
    """What follows the first ``?``, still escaped; `request.args` would read a `+` in a hash as a space."""
    uri: bytes = request.uri
    return uri.partition(b"?")[2]


def _host(address: IAddress) -> str:
    """The host of a TCP address; empty for any other (the tracker says what is wrong with it)."""
    return address.host if isinstance(address, IPv4Address | IPv6Address) else ""


def _plain(request: IRequest, body: bytes) -> bytes:
    request.setHeader(b"content-type", _PLAIN_TEXT)
    request.setHeader(b"content-length", str(len(body)).encode())
    return body
