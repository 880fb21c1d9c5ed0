"""Block tables from the server, over HTTP: the address is made from the tracker's (`voi.tracker.blocks`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote_from_bytes, urlsplit, urlunsplit

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.client import readBody
from twisted.web.iweb import IAgent, IResponse

from voi.domain.blocks import BlockTable, encoded_size
from voi.domain.metainfo import Metainfo
from voi.errors import Malformed, VoiError
from voi.messages.reason import Reason

log = Logger()

CONNECT_SECONDS: Final = 10.0
"""A server on the same network answers in milliseconds; one that is off is not waited for."""

ANSWER_SECONDS: Final = 120.0
"""For the whole answer, some megabytes, while a room asks for the same."""

RETRY_SECONDS: Final = 5.0
"""Between tries while the server makes the table or has too many at once."""

MOST_TRIES: Final = 60
"""Five minutes: in that time a server has read 40 GB or is too slow to be waited for. Without a table nearly all of
an older version is fetched again, which takes longer."""

_ANNOUNCE = "/announce"


class _Later(VoiError):
    """The server asks to come back."""


class BlockTableClient:
    """Fetches tables; `agent` speaks HTTP."""

    def __init__(self, clock: IReactorTime, agent: IAgent) -> None:
        self._clock = clock
        self._agent = agent

    async def fetch(self, torrent: Metainfo, trackers: Sequence[str], wanted: Callable[[], bool]) -> BlockTable | None:
        """The table of a torrent from the first of its trackers that has it, None where none has.

        Given up as soon as it is not `wanted` any more.
        """
        for tracker in trackers:
            address = address_of(tracker, torrent.info_hash)
            if address is None:
                continue
            for _ in range(MOST_TRIES):
                if not wanted():
                    return None
                try:
                    return await self._ask(address, torrent)
                except _Later as error:
                    log.debug("{name}: {error}", name=str(torrent.name), error=error.message)
                    await deferLater(self._clock, RETRY_SECONDS, lambda: None)
                except CancelledError:
                    raise
                except Exception as error:  # anything can go wrong in a network; the next tracker may have it
                    log.info("{name}: no block table: {error}", name=str(torrent.name), error=str(error))
                    break
        return None

    async def _ask(self, address: bytes, torrent: Metainfo) -> BlockTable:
        answer: Deferred[IResponse] = self._agent.request(b"GET", address)
        response = await answer.addTimeout(ANSWER_SECONDS, self._clock)
        body = await _read(response, encoded_size(torrent.length)).addTimeout(ANSWER_SECONDS, self._clock)
        if response.code == HTTPStatus.SERVICE_UNAVAILABLE:
            raise _Later(_sentence(body))
        if response.code != HTTPStatus.OK:
            raise Malformed(Reason("server_answers", code=response.code, text=_sentence(body)))
        return BlockTable.decode(body, torrent)


def address_of(tracker: str, info_hash: bytes) -> bytes | None:
    """Where a tracker's server has block tables; None for a tracker that is not addressed like ours.

    As BEP 48 makes the scrape address: `announce`, the last part of the path, is replaced.
    """
    parts = urlsplit(tracker)
    if parts.scheme not in ("http", "https") or not parts.path.endswith(_ANNOUNCE):
        return None
    path = parts.path.removesuffix(_ANNOUNCE) + "/blocks"
    query = f"info_hash={quote_from_bytes(info_hash, safe='')}"
    return urlunsplit((parts.scheme, parts.netloc, path, query, "")).encode()


def _read(response: IResponse, most: int) -> Deferred[bytes]:
    """The body of an answer of known length, and no more than `most` bytes of it."""
    if not isinstance(response.length, int) or response.length > most:
        response.deliverBody(_HangUp())
        raise Malformed(Reason("answer_too_long", length=str(response.length), most=most))
    return readBody(response)


class _HangUp(Protocol):
    """Takes no body."""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        """The body would begin."""
        assert self.transport is not None
        self.transport.loseConnection()


def _sentence(body: bytes) -> str:
    return body[:200].decode("utf-8", "replace").strip()
