"""Peer addresses: from a connection's host to the compact form of BEP 23 and 7."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from voi.errors import VoiError

COMPACT_IPV4 = 6
"""Bytes of one IPv4 peer: 4 of address, 2 of port, big-endian (BEP 23)."""

WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
"""What a port is bound to that listens on all addresses."""

_MAPPED = bytes(10) + b"\xff\xff"
"""What an IPv4 address is prefixed with on a dual-stack socket (RFC 4291, 2.5.5.2)."""


class AnnounceError(VoiError):
    """A request that the tracker refuses; the message is the `failure reason` and says what to do.

    `retry_in` is a number of minutes after which the same request may succeed (BEP 31), None where
    it will not: the refusal is temporary where there is one.
    """

    slug = "announce"

    def __init__(self, message: str, *, field: str | None = None, retry_in: int | None = None) -> None:
        super().__init__(message, field=field)
        self.retry_in = retry_in


class UnknownTorrent(AnnounceError):
    """A torrent that is not admitted, or not yet."""


@dataclass(frozen=True, slots=True)
class PeerAddress:
    """Where a peer listens, as answers list it: `packed` is 6 bytes (IPv4) or 18 (IPv6).

    `peer_id` is None for a peer that has not told one (the server's own).
    """

    packed: bytes
    peer_id: bytes | None = None

    @property
    def is_ipv4(self) -> bool:
        """Whether this address goes into `peers`, not into `peers6`."""
        return len(self.packed) == COMPACT_IPV4

    @property
    def host(self) -> str:
        """The address in its textual form."""
        return socket.inet_ntop(socket.AF_INET if self.is_ipv4 else socket.AF_INET6, self.packed[:-2])

    @property
    def port(self) -> int:
        """The TCP port, 1 to 65535."""
        return int.from_bytes(self.packed[-2:], "big")


def packed_host(host: str) -> bytes:
    """A connection's address as 4 or 16 bytes: without scope, an IPv4-mapped IPv6 address as IPv4.

    :raises AnnounceError: the text is no address, so no peer could be told to connect to it.
    """
    try:
        if ":" not in host:
            return socket.inet_pton(socket.AF_INET, host)
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except (OSError, ValueError) as problem:  # ValueError: a NUL or a character beyond ASCII in the text
        raise AnnounceError(f"{host[:60]!r} is no IP address: announce over an IPv4 or IPv6 connection") from problem
    return packed[12:] if packed.startswith(_MAPPED) else packed


def plain_host(host: str) -> str:
    """One text for one address: ``::ffff:10.0.0.7`` is ``10.0.0.7``, IPv6 in its short form, no scope.

    :raises AnnounceError: the text is no address.
    """
    packed = packed_host(host)
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def pack(host: str, port: int) -> bytes:
    """Address and port in the compact form: 6 bytes for IPv4 (BEP 23), 18 for IPv6 (BEP 7).

    :raises AnnounceError: the host is no address.
    """
    return packed_host(host) + port.to_bytes(2, "big")
