"""The server's own peer in the tracker's answers: it never announces, so the tracker adds it by itself."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final, Protocol

from voi.tracker.address import pack
from voi.tracker.announce import Counts
from voi.tracker.steering import ServerState

_MOST_ADDRESSES: Final = 64
"""Addresses of this machine whose compact form is kept; a server has a few."""

_ABSENT, _PARTIAL, _WHOLE = ServerState  # an enumeration's members take a look-up each time


class ServerPeer(Protocol):
    """The server's own peer (`voi.seeding.own_peer`)."""

    @property
    def port(self) -> int:
        """The TCP port it listens on; 0 while it does not."""

    def offered(self, info_hash: bytes) -> bool:
        """Whether it can upload some of this torrent; 20 bytes."""

    def complete(self, info_hash: bytes) -> bool:
        """Whether it has all of this torrent, and so is one of its seeds; 20 bytes."""


def state_of(peer: ServerPeer, info_hash: bytes) -> ServerState:
    """What the server's own peer has of a torrent."""
    if peer.complete(info_hash):
        return _WHOLE
    return _PARTIAL if peer.offered(info_hash) else _ABSENT


@lru_cache(_MOST_ADDRESSES)
def packed_address(local_host: str, port: int) -> bytes:
    """Its compact address for a client that reached this machine at an address.

    :raises AnnounceError: that is no address.
    """
    return pack(local_host, port)


def with_server(counts: Counts, server: ServerState) -> Counts:
    """The counts as terminals see them: the server's own peer is one of the swarm."""
    if server is _ABSENT:
        return counts
    if server is _WHOLE:
        return replace(counts, seeds=counts.seeds + 1)
    return replace(counts, leeches=counts.leeches + 1)
