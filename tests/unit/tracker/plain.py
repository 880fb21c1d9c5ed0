"""The plain way to an answer, peer by peer and key by key: what the product's ways are held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import bencodepy

from voi.tracker.address import PeerAddress, pack
from voi.tracker.announce import AnnounceRequest, Counts, parse_announce
from voi.tracker.steering import ServerState
from voi.tracker.swarm import SwarmTable
from voi.tracker.tracker import Tracker


@dataclass(frozen=True)
class Told:
    """What an announce is answered with; `own`: the server's own peer is to be added."""

    interval: int
    min_interval: int
    counts: Counts
    peers: tuple[PeerAddress, ...] = ()
    own: bool = False


def announce(
    table: SwarmTable,
    now: float,
    terminal: str,
    host: str,
    request: AnnounceRequest,
    *,
    server: ServerState = ServerState.ABSENT,
) -> Told:
    """Record an announce and select its peers."""
    peer = table.take_in(now, terminal, host, request)
    if peer is None:
        interval = table.interval(downloads=request.left > 0)
        return Told(interval, table.min_interval, table.counts(request.info_hash))
    interval = table.interval(downloads=peer.downloads, first=peer.since == now)
    chosen = table.select_peers(peer, request.numwant, server)
    return Told(interval, table.min_interval, peer.swarm.counts, chosen.addresses(), chosen.own)


def encode(told: Told, *, compact: bool = True, no_peer_id: bool = False) -> bytes:
    """The body of an answer (BEP 3, 7, 23)."""
    body: dict[bytes, Any] = {
        b"complete": told.counts.seeds,
        b"downloaded": told.counts.completed,
        b"incomplete": told.counts.leeches,
        b"interval": told.interval,
        b"min interval": told.min_interval,
    }
    if compact:
        body[b"peers"] = b"".join(peer.packed for peer in told.peers if len(peer.packed) == 6)
        six = b"".join(peer.packed for peer in told.peers if len(peer.packed) == 18)
        if six:
            body[b"peers6"] = six
    else:
        body[b"peers"] = [_entry(peer, no_peer_id) for peer in told.peers]
    encoded: bytes = bencodepy.encode(body)
    return encoded


def _entry(peer: PeerAddress, no_peer_id: bool) -> dict[bytes, Any]:
    entry: dict[bytes, Any] = {b"ip": peer.host, b"port": peer.port}
    if peer.peer_id is not None and not no_peer_id:
        entry[b"peer id"] = peer.peer_id
    return entry


def body(tracker: Tracker, now: float, terminal: str, query: bytes, host: str, local: str) -> bytes:
    """The body that answers an announce of a terminal; it must not be one that is refused.

    The server's own peer, on port 7000, is one of the swarm where it has something of the torrent.
    """
    request = parse_announce(query)
    server = tracker._server(request.info_hash)
    told = announce(tracker._table, now, terminal, host, request, server=server)
    if server is not ServerState.ABSENT:
        seed = server is ServerState.WHOLE
        counts = replace(told.counts, seeds=told.counts.seeds + seed, leeches=told.counts.leeches + (not seed))
        told = replace(told, counts=counts)
    if told.own:
        told = replace(told, peers=(*told.peers, PeerAddress(pack(local, 7000))))
    return encode(told, compact=request.compact, no_peer_id=request.no_peer_id)
