"""Announces and scrapes: queries in, bencoded answers out (BEP 3, 7, 21, 23, 31, 48, 52). No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import bencodepy

from voi.tracker.address import AnnounceError, PeerAddress

INFO_HASH_LENGTH = 20
"""Bytes of an info-hash on the tracker's wire: SHA-1 (v1) or the first 20 bytes of SHA-256 (v2, BEP 52)."""
PEER_ID_LENGTH = 20

LONGEST_ANNOUNCE = 2048
"""Bytes of an announce's query. Clients send 300 to 600; both hashes fully escaped take 120 of them."""
LONGEST_SCRAPE = 6144
"""Bytes of a scrape's query: 64 hashes, each at most 71 bytes when escaped, and what else a client adds."""
MOST_SCRAPED = 64
"""Info-hashes in one scrape (BEP 48 allows several): a terminal has a few disks, three levels each."""
MOST_PARAMETERS = 100
"""Parameters in one query, so that many empty ones cost nothing; an announce has about fifteen."""
BIGGEST_NUMBER = 2**63 - 1
"""Bytes counted in uploaded, downloaded and left: what a signed 64-bit column holds."""

_MOST_NUMBERS = 4096
"""Intervals with lengths that are kept as text: about 30 with 50 each, 0.1 kB each."""

_NUMBER = re.compile(rb"[0-9]{1,19}")


class AnnounceEvent(StrEnum):
    """Why a peer announces (BEP 3; `paused` of BEP 21: incomplete, and downloading nothing more)."""

    NONE = ""
    STARTED = "started"
    STOPPED = "stopped"
    COMPLETED = "completed"
    PAUSED = "paused"


_EVENTS = {event.value.encode(): event for event in AnnounceEvent} | {b"empty": AnnounceEvent.NONE}


@dataclass(frozen=True, slots=True)
class AnnounceRequest:
    """A valid announce. Bytes are counted since the client's `started`; `numwant` None: as many as usual."""

    info_hash: bytes
    peer_id: bytes
    port: int
    uploaded: int
    downloaded: int
    left: int
    event: AnnounceEvent = AnnounceEvent.NONE
    numwant: int | None = None
    compact: bool = True
    no_peer_id: bool = False


@dataclass(frozen=True, slots=True)
class ScrapeRequest:
    """A valid scrape: the info-hashes asked for, in order, each once."""

    info_hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many peers a swarm has. `leeches` has the `paused` in it: incomplete, not downloading (BEP 21)."""

    seeds: int = 0
    leeches: int = 0
    completed: int = 0
    paused: int = 0


@dataclass(frozen=True, slots=True)
class AnnounceAnswer:
    """What an announce is answered with, peer by peer; intervals in seconds."""

    interval: int
    min_interval: int
    counts: Counts
    peers: tuple[PeerAddress, ...] = ()


class AnswerHead:
    """The beginning of all answers about a swarm until it changes, encoded once for each protocol."""

    __slots__ = ("bencoded", "completed", "counted", "leeches", "seeds")

    def __init__(self, seeds: int, leeches: int, completed: int) -> None:
        self.seeds, self.leeches, self.completed = seeds, leeches, completed
        self.bencoded = b"d8:completei%de10:downloadedi%de10:incompletei%de8:intervali" % (seeds, completed, leeches)
        """The beginning of an HTTP answer, up to the interval."""
        self.counted = leeches.to_bytes(4, "big") + seeds.to_bytes(4, "big")
        """Leeches and seeds as BEP 15 has them."""


class PackedAnswer(NamedTuple):
    """An answer in compact form, ready for the wire: intervals in seconds, peers in 6 bytes each (`four`) and 18."""

    head: AnswerHead
    interval: int
    min_interval: int
    four: bytes
    six: bytes


def parse_announce(query: bytes) -> AnnounceRequest:
    """Read the raw query of an announce, still percent-encoded.

    `ip`, `ipv4` and `ipv6` are ignored: a peer is where its connection comes from, nobody names another.

    :raises AnnounceError: a parameter is missing, wrong, or given twice; the message names it.
    """
    given = _Parameters(query, LONGEST_ANNOUNCE)
    return AnnounceRequest(
        info_hash=given.exactly("info_hash", INFO_HASH_LENGTH),
        peer_id=given.exactly("peer_id", PEER_ID_LENGTH),
        port=given.port(),
        uploaded=given.number("uploaded", 0),
        downloaded=given.number("downloaded", 0),
        left=given.number("left"),
        event=given.event(),
        numwant=given.numwant(),
        # A client that does not say gets the compact form: BEP 23 recommends it, and every client reads it.
        compact=given.flag("compact", default=True),
        no_peer_id=given.flag("no_peer_id", default=False),
    )


def parse_scrape(query: bytes) -> ScrapeRequest:
    """Read the raw query of a scrape (BEP 48).

    :raises AnnounceError: no info-hash, too many, or one that is not 20 bytes.
    """
    hashes = _Parameters(query, LONGEST_SCRAPE).all("info_hash")
    if not hashes:
        raise AnnounceError("info_hash is missing: name the torrents to scrape", field="info_hash")
    if len(hashes) > MOST_SCRAPED:
        raise AnnounceError(f"scrape at most {MOST_SCRAPED} torrents at once", field="info_hash")
    for value in hashes:
        _check_length("info_hash", value, INFO_HASH_LENGTH)
    return ScrapeRequest(tuple(dict.fromkeys(hashes)))


class _Parameters:
    """The decoded parameters of one query, each read by the rule of its kind."""

    def __init__(self, query: bytes, longest: int) -> None:
        if len(query) > longest:
            raise AnnounceError(f"the query has {len(query)} bytes: send at most {longest}")
        pairs = query.split(b"&", MOST_PARAMETERS)
        if len(pairs) > MOST_PARAMETERS:
            raise AnnounceError(f"the query has too many parameters: send at most {MOST_PARAMETERS}")
        self._values: dict[bytes, list[bytes]] = {}
        for pair in pairs:
            name, _, value = pair.partition(b"=")
            # Not unquote_plus: clients leave `+` in a hash as it is, for it is a legal byte in a query.
            self._values.setdefault(name, []).append(unquote_to_bytes(value))

    def all(self, name: str) -> list[bytes]:
        return self._values.get(name.encode(), [])

    def one(self, name: str) -> bytes | None:
        values = self.all(name)
        if len(values) > 1:
            raise AnnounceError(f"{name} is given twice: send it once", field=name)
        return values[0] if values else None

    def exactly(self, name: str, length: int) -> bytes:
        value = self.one(name)
        if value is None:
            raise AnnounceError(f"{name} is missing: send {length} bytes", field=name)
        _check_length(name, value, length)
        return value

    def number(self, name: str, default: int | None = None, most: int = BIGGEST_NUMBER) -> int:
        value = self.one(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise AnnounceError(f"{name} is missing: send a whole number", field=name)
        if not _NUMBER.fullmatch(value) or int(value) > most:
            raise AnnounceError(f"{name} is wrong: send a whole number from 0 to {most}", field=name)
        return int(value)

    def port(self) -> int:
        port = self.number("port", most=65535)
        if not port:
            raise AnnounceError("port is 0: send the TCP port you listen on, 1 to 65535", field="port")
        return port

    def numwant(self) -> int | None:
        # Clients that leave the choice to the tracker send -1 or nothing at all.
        if self.one("numwant") in {None, b"", b"-1"}:
            return None
        return self.number("numwant")

    def event(self) -> AnnounceEvent:
        value = self.one("event")
        event = _EVENTS.get(value or b"")
        if event is None:
            raise AnnounceError("event is unknown: send started, stopped, completed or paused", field="event")
        return event

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.one(name)
        if not value:
            return default
        if value not in {b"0", b"1"}:
            raise AnnounceError(f"{name} is wrong: send 0 or 1", field=name)
        return value == b"1"


def _check_length(name: str, value: bytes, length: int) -> None:
    if len(value) != length:
        raise AnnounceError(f"{name} has {len(value)} bytes: send exactly {length}", field=name)


def encode_answer(answer: AnnounceAnswer, *, no_peer_id: bool = False) -> bytes:
    """The body of a successful announce of a client that takes no compact form: a dictionary for each peer (BEP 3)."""
    return _encode(
        {
            b"complete": answer.counts.seeds,
            b"downloaded": answer.counts.completed,
            b"incomplete": answer.counts.leeches,
            b"interval": answer.interval,
            b"min interval": answer.min_interval,
            b"peers": [_peer_entry(peer, no_peer_id=no_peer_id) for peer in answer.peers],
        }
    )


def encode_packed(answer: PackedAnswer) -> bytes:
    """The body of a successful announce, from parts that are encoded already: `peers` in 6 bytes each (BEP 23) and,
    where there are any, `peers6` in 18 (BEP 7).
    """
    head, interval, min_interval, four, six = answer
    end = b"6:peers6%d:%be" % (len(six), six) if six else b"e"
    return b"".join((head.bencoded, _numbers(interval, min_interval, len(four)), four, end))


@lru_cache(_MOST_NUMBERS)
def _numbers(interval: int, min_interval: int, length: int) -> bytes:
    """What stands in an answer between the counts and the peers."""
    return b"%de12:min intervali%de5:peers%d:" % (interval, min_interval, length)


def _peer_entry(peer: PeerAddress, *, no_peer_id: bool) -> dict[bytes, object]:
    entry: dict[bytes, object] = {b"ip": peer.host, b"port": peer.port}
    if peer.peer_id is not None and not no_peer_id:
        entry[b"peer id"] = peer.peer_id
    return entry


def encode_scrape(counts: Sequence[tuple[bytes, Counts]]) -> bytes:
    """The body of a scrape (BEP 48), with `downloaders` (BEP 21): who is incomplete and downloading."""
    files = {
        info_hash: {
            b"complete": count.seeds,
            b"downloaded": count.completed,
            b"downloaders": count.leeches - count.paused,
            b"incomplete": count.leeches,
        }
        for info_hash, count in counts
    }
    return _encode({b"files": files})


def encode_failure(error: AnnounceError, min_interval: int) -> bytes:
    """The body of a refusal: `failure reason` (BEP 3) and, if temporary, when to ask again.

    That is in it twice: `retry in` in minutes (BEP 31), and `interval` in seconds, as in an answer. libtorrent, 1.2 as
    2.1, reads the intervals of a refusal too and knows no `retry in`: where it finds none, it waits for 1,800 seconds.
    `min_interval`, in seconds, is the time after which a client that cannot wait may ask.
    """
    failure: dict[bytes, object] = {b"failure reason": error.message}
    if error.retry_in is not None:
        failure[b"interval"] = error.retry_in * 60
        failure[b"min interval"] = min(min_interval, error.retry_in * 60)
        failure[b"retry in"] = error.retry_in
    return _encode(failure)


def _encode(body: Mapping[bytes, object]) -> bytes:
    """The one place that knows how a body becomes bytes."""
    encoded: bytes = bencodepy.encode(body)
    return encoded
