"""What the parts of a terminal need of one another, as small protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from voi.domain.blocks import BlockTable
from voi.domain.metainfo import Metainfo
from voi.seeding.alerts import TorrentStatus
from voi.seeding.file_scan import FileScan


class Seeder(Protocol):
    """The BitTorrent session (`voi.seeding.session.TorrentSession`)."""

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Any]:
        """Offer a complete file; fires when it is in the session."""

    def download(
        self, torrent: bytes, directory: Path, trackers: Sequence[str] = (), scan: FileScan | None = None
    ) -> Deferred[None]:
        """Fetch a file, going on from what is there; fires when it is in the session."""

    def doubts(self, torrent: bytes, directory: Path) -> Deferred[bool]:
        """Whether a file is there that would be checked from end to end."""

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        """Note that the whole file was hashed and is right."""

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Let go of a torrent's file; fires when it is closed."""

    def flush(self, info_hash: bytes) -> Deferred[None]:
        """Bring what was received to the disk."""

    def set_trackers(self, info_hash: bytes, urls: Sequence[str]) -> None:
        """Announce a torrent to these from now on."""

    def status(self, info_hash: bytes) -> TorrentStatus | None:
        """Where a torrent stood when last seen."""

    def __contains__(self, info_hash: object) -> bool:
        """Whether a torrent is in the session."""


class ServerLink(Protocol):
    """The server, as far as it can be reached now."""

    mac: str
    address: str
    """This terminal's own address, as far as it is known."""
    trackers: Sequence[str]
    """Where this terminal announces; empty before the first login."""

    @property
    def online(self) -> bool:
        """Whether this terminal is logged in."""

    def ask(self, code: int, body: Mapping[str, Any] | bytes) -> Awaitable[dict[str, Any]]:
        """Ask, and wait for the data of the answer.

        :raises ServerRefused: the answer is an error.
        :raises NoAnswer: there is none, or no connection.
        """


class BlockTableFetcher(Protocol):
    """Who has the block tables of torrents (`voi.agent.block_tables.BlockTableClient`)."""

    def fetch(
        self, torrent: Metainfo, trackers: Sequence[str], wanted: Callable[[], bool]
    ) -> Awaitable[BlockTable | None]:
        """The table of a torrent, or None where it cannot be had; given up as soon as it is not `wanted`."""
