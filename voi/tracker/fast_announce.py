"""Announces over HTTP without a web server: one complete, ordinary request in, one response out. No I/O.

Most requests a tracker ever gets are one shape: ``GET /<key>/announce?<query>``, a few headers, no body. Those are
answered here as Klein's route answers them (`voi.tracker.http`), byte for byte in the body; whatever has another
shape is left to it. Nothing is kept of a request but two small tables, each with its bound.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from twisted.logger import Logger

from voi.tracker.address import AnnounceError
from voi.tracker.announce import AnnounceEvent, AnnounceRequest, encode_packed, parse_announce
from voi.tracker.tracker import Tracker

log = Logger()

LONGEST_REQUEST: Final = 4096
"""Bytes of a request that is looked at here: the longest query that is taken, and ordinary headers."""

MOST_HEADS: Final = 1024
"""Different header blocks that are remembered; each version of a client sends one, or one for each server name."""
LONGEST_HEAD: Final = 1024
"""Bytes of a header block that is remembered; a client's has 60 to 200. All of them together: 1 MiB."""

MOST_TAILS: Final = 16_384
"""Different ends of queries that are remembered: clients put a key of their own there, and 5,000 have a few each."""
LONGEST_TAIL: Final = 192
"""Bytes of such an end; clients' have 60 to 120. All of them together: 3 MiB."""
MOST_LENGTHS: Final = 4096
"""Lengths of an answer for which a response's head is kept; an ordinary answer has 100 to 500 bytes."""
LONGEST_FINGERPRINT: Final = 256
"""Bytes by which a peer may be recognised: 48 up to the query, and hash, peer id and port in 170 at most."""

_END: Final = b" HTTP/1.1\r\n"
_START: Final = re.compile(rb"GET /([0-9a-f]{32})/announce(?:\?([!-~]*))?")
_COUNTERS_AT: Final = b"&uploaded="
_FINGERPRINT: Final = re.compile(rb"GET /[0-9a-f]{32}/announce\?info_hash=[!-%'-~]+&peer_id=[!-%'-~]+&port=[0-9]{1,5}")
"""The part of a request that is the same at every announce, up to the counters; parsed in full the first time."""
_COUNTERS: Final = re.compile(rb"&uploaded=([0-9]{1,18})&downloaded=([0-9]{1,18})&left=([0-9]{1,18})((?:&[!-~]*)?)")
_HEADERS: Final = re.compile(rb"(?:[A-Za-z0-9-]+:[\t -~]*\r\n)*\r\n")
_NOT_HERE: Final = re.compile(rb"(?mi)^(?:content-length|transfer-encoding|expect|upgrade)[ \t]*:")
_CONNECTION: Final = re.compile(rb"(?mi)^connection:[ \t]*([\t -~]*?)[ \t]*\r$")
_STAND_IN: Final = b"info_hash=%b&peer_id=%b&port=1&uploaded=0&downloaded=0&left=0" % (b"x" * 20, b"x" * 20)
"""The part of a query before its end, so that the end can be read by the one strict parser."""

_HEADS: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
)
_FAILED: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 26\r\n"
    b"Connection: close\r\n\r\n500 Internal Server Error\n"
)

_make: Final = tuple.__new__  # a named tuple, without the call into Python that its own way takes


class HttpResponse(NamedTuple):
    """A whole response, and whether the connection ends with it."""

    data: bytes
    closes: bool


@lru_cache(MOST_LENGTHS)
def _head(length: int, closes: bool) -> bytes:
    """The head of a response."""
    return _HEADS[closes] % length


class FastAnnounces:
    """Answers ordinary announces, and remembers what their clients send again and again."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._tally = tracker.over_http
        self._heads: dict[bytes, bool | None] = {}
        self._tails: dict[bytes, AnnounceRequest | None] = {}

    def reply(self, data: bytes, peer_host: str, local_host: str) -> HttpResponse | None:
        """The response to one complete ordinary announce; None for anything else, which has had no effect then."""
        if len(data) > LONGEST_REQUEST:
            return None
        start, end, head = data.partition(_END)
        closes = self._heads.get(head)
        if closes is None:
            if not end or not data.startswith(b"GET /"):
                return None
            closes = self._judge(head)
            if closes is None:
                return None
        try:
            body = self._body(start, peer_host, local_host)
        except Exception:  # as at the route: one plain line for the client, the rest for the log
            log.failure("an announce failed")
            return HttpResponse(_FAILED, closes=True)
        return None if body is None else _make(HttpResponse, (_head(len(body), closes) + body, closes))

    def _body(self, start: bytes, peer_host: str, local_host: str) -> bytes | None:
        """The answer to a request line, None if it is no ordinary announce."""
        fingerprint = None
        at = start.find(_COUNTERS_AT)
        counters = _COUNTERS.fullmatch(start, at) if 0 < at <= LONGEST_FINGERPRINT else None
        if counters is not None:
            uploaded, downloaded, left, tail = counters.groups()
            asked = self._tails.get(tail) or self._read(tail)
            if asked is not None:
                fingerprint = peer_host, start[:at]
                answer = self._tracker.announce_again(
                    fingerprint, int(uploaded), int(downloaded), int(left), asked.numwant, local_host
                )
                if answer is not None:
                    self._tally.answered += 1
                    return encode_packed(answer)
                if not _FINGERPRINT.fullmatch(start, 0, at):
                    fingerprint = None
        found = _START.fullmatch(start)
        if found is None:
            return None
        key, query = found.groups(b"")
        return self._tracker.announce(key.decode(), query, peer_host, local_host, fingerprint)

    def _read(self, tail: bytes) -> AnnounceRequest | None:
        """What the end of a query asks for, where it is what clients ask every time: compact, and no event."""
        if tail in self._tails or len(tail) > LONGEST_TAIL:
            return None
        try:
            asked = parse_announce(_STAND_IN + tail)
        except AnnounceError:
            return None  # the parser of the whole query says so again
        ordinary = asked if asked.compact and asked.event is AnnounceEvent.NONE else None
        if len(self._tails) >= MOST_TAILS:
            self._tails.clear()  # clients that still announce are back within an interval
        self._tails[tail] = ordinary
        return ordinary

    def _judge(self, head: bytes) -> bool | None:
        """Whether the connection closes after a request with these headers; None where a web server must see them."""
        if not _HEADERS.fullmatch(head) or _NOT_HERE.search(head):
            return None
        wishes = [wish.lower() for wish in _CONNECTION.findall(head)]
        if wishes not in ([], [b"close"], [b"keep-alive"]):
            return None
        closes = wishes == [b"close"]
        if len(head) <= LONGEST_HEAD:
            if len(self._heads) >= MOST_HEADS:
                self._heads.clear()
            self._heads[head] = closes
        return closes
