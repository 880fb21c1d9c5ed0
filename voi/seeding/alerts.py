"""What libtorrent tells, as frozen values: an event for each alert that matters here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import libtorrent as lt

from voi.seeding.interfaces import ConnectedPeer, TorrentStatus


@dataclass(frozen=True, slots=True)
class Listening:
    """The session takes peers at this address and TCP port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class ListenFailed:
    """An address could not be listened on; `reason` is the operating system's."""

    host: str
    port: int
    reason: str


@dataclass(frozen=True, slots=True)
class Added:
    """A torrent is in the session, or is not and `error` says why."""

    info_hash: bytes
    error: str | None = None
    handle: lt.torrent_handle | None = field(default=None, compare=False, repr=False)
    """For the session alone: it answers no question without blocking."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A torrent went on to another state, one of those of `TorrentStatus.state`."""

    info_hash: bytes
    state: str


@dataclass(frozen=True, slots=True)
class Checked:
    """It is known which pieces are there, with or without reading them; `complete` means all."""

    info_hash: bytes
    complete: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """All pieces are there. Also comes once for a torrent that was added complete, before its `Checked`."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class PieceDone:
    """A piece has come and matches its hash. For the session alone."""

    info_hash: bytes
    piece: int


@dataclass(frozen=True, slots=True)
class PieceFailed:
    """A piece did not match its hash: a bad peer, or a file that changed under a seed.

    `senders` are the addresses that its blocks came from, where that is known of every block; empty where it is not.
    """

    info_hash: bytes
    piece: int
    senders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerBanned:
    """libtorrent trusts a peer no more, and drops it: what failed came from it alone, or from it and others too often.

    `port` is the one it listens on, where that is known, else that of its connection.
    """

    info_hash: bytes
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class BlockCame:
    """A block of a piece has come from a peer. For the session alone, and only while it looks for bad peers."""

    info_hash: bytes
    piece: int
    block: int
    host: str


@dataclass(frozen=True, slots=True)
class BlockSent:
    """A block of a piece was sent to a peer, `port` being that of the connection. For the session alone."""

    info_hash: bytes
    piece: int
    block: int
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class BytesSent:
    """What was sent since the last such event: host, port of the connection, and bytes of payload, for each peer."""

    info_hash: bytes
    sent: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class TorrentFailed:
    """The torrent makes no progress: its file cannot be read or written. `reason` is the operating system's."""

    info_hash: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Removed:
    """The torrent is gone and its file is closed."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class ResumeData:
    """What libtorrent needs at the next start; None when there is nothing new, or no torrent."""

    info_hash: bytes
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Flushed:
    """What was received of a torrent has been handed to the operating system."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class Announcing:
    """An announce is under way."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class AnnounceSucceeded:
    """An announce was answered."""

    info_hash: bytes


@dataclass(frozen=True, slots=True)
class AnnounceFailed:
    """An announce failed, and will be tried again; `reason` is the tracker's or the network's."""

    info_hash: bytes
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class Peers:
    """The connected peers of a torrent."""

    info_hash: bytes
    peers: tuple[ConnectedPeer, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """Bytes of payload of all torrents since the session's start, of those that are gone too. For the session alone."""

    sent: int
    received: int


Event: TypeAlias = (
    Listening
    | ListenFailed
    | Added
    | StateChanged
    | Checked
    | Finished
    | PieceDone
    | PieceFailed
    | PeerBanned
    | BlockCame
    | BlockSent
    | BytesSent
    | TorrentFailed
    | Removed
    | ResumeData
    | Flushed
    | Announcing
    | AnnounceSucceeded
    | AnnounceFailed
    | TorrentStatus
    | Peers
    | Totals
)
