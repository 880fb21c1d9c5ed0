"""Block tables over HTTP: ``/<key>/blocks?info_hash=...``, beside announce and scrape, for whoever has a key.

A terminal knows one address of the server, that of its tracker; as BEP 48 makes the scrape address of it, so is
this one made. The tracker knows neither tables nor files: they come through a small protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPullProducer
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.server import Request
from zope.interface import implementer

from voi.errors import VoiError
from voi.tracker.address import AnnounceError
from voi.tracker.announce import parse_scrape
from voi.tracker.tracker import Keys

MOST_AT_ONCE: Final = 256
"""Answers under way: four rooms. Each holds a connection and `_CHUNK`; the others are asked to come back."""

RETRY_SECONDS: Final = 5
"""After which somebody who was sent away may ask again."""

STALL_SECONDS: Final = 60
"""Who takes no chunk for so long is cut off: a kilobyte a second is less than any link has, and one who reads nothing
would hold its place for ever."""

_CHUNK: Final = 64 << 10  # bytes written at once to a connection that has room


class BlockTableSource(Protocol):
    """Who has the tables (`voi.catalogue.block_tables.BlockTables`)."""

    def table(self, info_hash: bytes) -> Awaitable[bytes]:
        """The table of a torrent, encoded.

        :raises VoiError: there is none, with the HTTP status that says whether to ask again.
        """


class BlockTableResource:
    """Answers requests for tables, to terminals that have a key."""

    def __init__(self, keys: Keys, tables: BlockTableSource) -> None:
        self._keys = keys
        self._tables = tables
        self._busy = 0

    async def answer(self, request: Request, key: str, query: bytes) -> bytes | None:
        """The body of the answer to a raw query; None if the table was written to the request."""
        if self._keys.terminal_for(key) is None:
            return refusal(request, HTTPStatus.FORBIDDEN, "this address belongs to no terminal: log in and use yours")
        try:
            hashes = parse_scrape(query).info_hashes
            if len(hashes) != 1:
                raise AnnounceError("ask for one table at a time", field="info_hash")
        except AnnounceError as error:
            return refusal(request, HTTPStatus.BAD_REQUEST, str(error))
        if self._busy >= MOST_AT_ONCE:
            return refusal(request, HTTPStatus.SERVICE_UNAVAILABLE, "many terminals ask at once: ask again")
        self._busy += 1
        try:
            table = await self._tables.table(hashes[0])
            request.setHeader(b"content-type", b"application/octet-stream")
            request.setHeader(b"content-length", str(len(table)).encode())
            await _Writer(request, table).done
        except VoiError as error:
            return refusal(request, error.http_status, error.message)
        finally:
            self._busy -= 1
        return None


def refusal(request: Request, status: HTTPStatus, reason: str) -> bytes:
    """A status with its reason in plain text; one that will pass says when to ask again."""
    request.setResponseCode(status)
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        request.setHeader(b"retry-after", str(RETRY_SECONDS).encode())
    body = f"{reason}\n".encode()
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    request.setHeader(b"content-length", str(len(body)).encode())
    return body


@implementer(IPullProducer)
class _Writer:
    """Writes bytes that many requests share as fast as one connection takes them, and no faster.

    `done` fires when all is written, or nobody listens any more; one who does not read is cut off.
    """

    def __init__(self, request: Request, data: bytes) -> None:
        self.done: Deferred[None] = Deferred()
        self._request = request
        self._rest = memoryview(data)
        self._channel: HTTPChannel = request.channel  # the request lets go of it at its end
        self._patience: IDelayedCall = self._channel.callLater(STALL_SECONDS, self._channel.forceAbortClient)
        request.notifyFinish().addErrback(self._lost)
        request.registerProducer(self, False)

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection has room."""
        if self._patience.active():
            self._patience.reset(STALL_SECONDS)
        part, self._rest = self._rest[:_CHUNK], self._rest[_CHUNK:]
        self._request.write(bytes(part))
        if not self._rest:
            self.stopProducing()

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The end."""
        if not self.done.called:
            self._end()
            self._request.unregisterProducer()
            self.done.callback(None)

    def _lost(self, _failure: Failure) -> None:
        self._rest = self._rest[:0]
        self._end()
        if not self.done.called:
            self.done.callback(None)

    def _end(self) -> None:
        if self._patience.active():
            self._patience.cancel()
