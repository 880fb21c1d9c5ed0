"""The BitTorrent session, as everybody outside of this package knows it, with the values that it gives and takes."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import msgspec
from twisted.internet.defer import Deferred

from voi.domain.blocks import Found


class Trust(enum.Enum):
    """How far a file is trusted without reading it."""

    WHOLE = "whole"
    """Verified, unchanged, and no unclean stop since: every piece is there, nothing is read."""
    LAZY = "lazy"
    """Verified and unchanged, but a stop was unclean: each piece is hashed before it is first sent."""
    RESUME = "resume"
    """A download that was stopped cleanly: libtorrent goes on where it was."""
    CHECK = "check"
    """Anything else: what is there is hashed from end to end."""


class FileFacts(msgspec.Struct, frozen=True):
    """By what a file is recognised as unchanged: its size in bytes and its time of change in nanoseconds."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """The facts of a file; None when there is none.

        :raises OSError: the operating system does not say.
        """
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class FileScan:
    """What was found in a file, and what it looked like from outside meanwhile."""

    found: Found
    facts: FileFacts


@dataclass(frozen=True, slots=True)
class TorrentStatus:
    """Where a torrent stands. Bytes are of payload; rates are bytes a second; totals are since it was added."""

    info_hash: bytes
    state: str
    """checking, downloading, finished (a part was wanted and is there) or seeding."""
    progress: float
    """0 to 1: of the check while checking, else of the download."""
    done: int
    wanted: int
    upload_rate: int
    download_rate: int
    uploaded: int
    downloaded: int
    peers: int
    seeds: int
    redundant: int
    """Bytes that came twice."""
    failed: int
    """Bytes that did not match their hash."""


@dataclass(frozen=True, slots=True)
class ConnectedPeer:
    """A peer as this session sees it; rates are bytes of payload a second, totals bytes of payload."""

    host: str
    port: int
    client: str
    progress: float
    seed: bool
    up_rate: int
    down_rate: int
    total_up: int
    total_down: int


class BitTorrentSession(Protocol):
    """The torrents of this process. A torrent is known by its info-hash, 20 bytes.

    Nothing blocks: what is asked is answered by a Deferred, in the thread of the reactor. Where a torrent is unknown,
    what has no answer passes it over.
    """

    def start(self) -> Deferred[int]:
        """Begin; fires with the TCP port that it listens on. Fails with StartupError where it cannot."""

    def stop(self) -> Deferred[None]:
        """Save what downloads need to go on, say goodbye to trackers, and end; within about fifteen seconds."""

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Trust]:
        """Offer the complete file in `directory`; fires, with how far it was trusted, when it is in the session.

        Fails with BadTorrent, TorrentRefused, Conflict (it is in the session already) or StorageMissing.
        """

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        """Fetch the file into `directory`, going on from what is there; fires when it is in the session.

        The torrent's own trackers are dropped for `trackers`. What a `scan` found is taken for true if the file is
        still as it was then. Fails as `seed`.
        """

    def doubts(self, torrent: bytes, directory: Path) -> Deferred[bool]:
        """Whether a file lies in `directory` that would be checked from end to end if it were added now."""

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        """Note that somebody has read the file and found it right; fails with StorageMissing if it is not there."""

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Take a torrent out; fires when its file is closed. The file stays; `forget` drops what is noted of it."""

    def flush(self, info_hash: bytes) -> Deferred[None]:
        """Bring what was received to the disk itself; fails with NotFound for an unknown torrent."""

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[ConnectedPeer, ...]]:
        """Who is connected; fails with NotFound for an unknown torrent."""

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """Connect to a peer of a swarm, `host` being an IP address; one that is connected stays so."""

    def block(self, hosts: Collection[str]) -> None:
        """Have no connection with peers at these IP addresses, in any torrent, and with all others again."""

    def forgive(self, info_hash: bytes, host: str, port: int) -> None:
        """Trust a peer again that was banned from a torrent, and connect to it."""

    def set_trackers(self, info_hash: bytes, urls: Sequence[str]) -> None:
        """Announce a torrent to these from now on, in this order of preference."""

    def status(self, info_hash: bytes) -> TorrentStatus | None:
        """Where a torrent stood when last seen, some seconds ago at most; None before the first time."""

    def statuses(self) -> Mapping[bytes, TorrentStatus]:
        """Where every torrent stood when last seen."""

    def __contains__(self, info_hash: object) -> bool:
        """Whether a torrent is in the session, or on its way in."""

    @property
    def sent(self) -> int:
        """Bytes of payload sent since the start, of torrents that are gone too."""

    @property
    def received(self) -> int:
        """Bytes of payload received since the start, as `sent`."""

    @property
    def failed_pieces(self) -> int:
        """How many pieces that came did not match their hash, since the start, as `sent`."""

    @property
    def failing(self) -> int:
        """How many torrents stand still because their files cannot be read or written."""
