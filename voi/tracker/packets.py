"""The datagrams of the UDP tracker protocol (BEP 15), and the options behind an announce (BEP 41). No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from struct import Struct
from typing import Final

from voi.tracker.address import AnnounceError
from voi.tracker.announce import MOST_SCRAPED, AnnounceEvent, AnnounceRequest, Counts, PackedAnswer

CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
"""Actions, as numbers and as they stand in a packet."""
PROTOCOL: Final = (0x41727101980).to_bytes(8, "big")
"""In place of a connection id in a connect request."""

ANNOUNCE_LENGTH: Final = 98
"""Bytes of an announce without options."""
LONGEST_PACKET: Final = 1400
"""Bytes of a datagram that is read: 64 hashes of a scrape are 1,296, an announce with its path about 150."""
MOST_IPV6: Final = 70
"""IPv6 peers in one answer: 1,280 bytes, so that it fits every link unbroken."""

_HEAD: Final = Struct(">8sI4s")
_ANNOUNCE: Final = Struct(">16x20s20sqqqi8xiH")
_ANNOUNCED: Final = ANNOUNCE.to_bytes(4, "big")
_COUNTS: Final = Struct(">III")
_EVENTS: Final = (AnnounceEvent.NONE, AnnounceEvent.COMPLETED, AnnounceEvent.STARTED, AnnounceEvent.STOPPED)
_PATH: Final = re.compile(rb"/([0-9a-f]{32})/announce(?:\?.*)?", re.DOTALL)


def read_announce(packet: bytes) -> tuple[str, AnnounceRequest]:
    """The key in the path (BEP 41), and the announce. The address that it may claim for itself is ignored.

    :raises AnnounceError: no key, or a value that is none; the message names it.
    """
    if len(packet) < ANNOUNCE_LENGTH:
        raise AnnounceError(f"the announce has {len(packet)} bytes: send at least {ANNOUNCE_LENGTH}")
    info_hash, peer_id, downloaded, left, uploaded, event, numwant, port = _ANNOUNCE.unpack_from(packet)
    key = _PATH.fullmatch(_url(packet))
    if key is None:
        raise AnnounceError("the announce has no path: use the address that the server gives, /<key>/announce")
    for name, value in (("downloaded", downloaded), ("left", left), ("uploaded", uploaded)):
        if value < 0:
            raise AnnounceError(f"{name} is below 0", field=name)
    if not port:
        raise AnnounceError("port is 0: send the TCP port you listen on, 1 to 65535", field="port")
    if not 0 <= event < len(_EVENTS):
        raise AnnounceError("event is unknown: send 0 to 3", field="event")
    request = AnnounceRequest(
        info_hash=info_hash,
        peer_id=peer_id,
        port=port,
        uploaded=uploaded,
        downloaded=downloaded,
        left=left,
        event=_EVENTS[event],
        numwant=numwant if numwant >= 0 else None,
    )
    return key[1].decode(), request


def _url(packet: bytes) -> bytes:
    """The parts of the URL among the options, joined (BEP 41); options of other kinds are passed over."""
    url, at = b"", ANNOUNCE_LENGTH
    while at < len(packet):
        kind = packet[at]
        if kind == 0:  # the end of the options
            break
        if kind == 1:  # padding of one byte
            at += 1
            continue
        length = packet[at + 1] if at + 1 < len(packet) else 0
        if kind == 2:
            url += packet[at + 2 : at + 2 + length]
        at += 2 + length
    return url


def read_scrape(packet: bytes) -> tuple[bytes, ...]:
    """The info-hashes asked for, in order.

    :raises AnnounceError: none, too many, or a part of one.
    """
    hashes = packet[_HEAD.size :]
    if not hashes or len(hashes) % 20 or len(hashes) > MOST_SCRAPED * 20:
        raise AnnounceError(f"scrape 1 to {MOST_SCRAPED} torrents at once, 20 bytes each", field="info_hash")
    return tuple(hashes[at : at + 20] for at in range(0, len(hashes), 20))


def connected(transaction: bytes, connection: bytes) -> bytes:
    """The answer to a connect request."""
    return b"\0\0\0\0" + transaction + connection


def announced(transaction: bytes, answer: PackedAnswer, *, ipv4: bool) -> bytes:
    """The answer to an announce: peers of the client's own address family, as BEP 15 has it."""
    head, interval, _, four, six = answer
    peers = four if ipv4 else six[: MOST_IPV6 * 18]
    return b"".join((_ANNOUNCED, transaction, interval.to_bytes(4, "big"), head.counted, peers))


def scraped(transaction: bytes, counts: Sequence[Counts]) -> bytes:
    """The answer to a scrape: seeds, completed downloads, leeches of each torrent, zeros for an unknown one."""
    head = SCRAPE.to_bytes(4, "big") + transaction
    return head + b"".join(_COUNTS.pack(count.seeds, count.completed, count.leeches) for count in counts)


def refused(transaction: bytes, message: str) -> bytes:
    """An error, for people to read."""
    return ERROR.to_bytes(4, "big") + transaction + message.encode()
