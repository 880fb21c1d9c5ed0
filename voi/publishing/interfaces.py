"""What publishing needs of the other rooms, as small protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from voi.signals import Signal
from voi.wire.messages import Reply


class TransferStatus(Protocol):
    """How far a torrent is: `progress` 0 to 1, `download_rate` in bytes a second."""

    @property
    def progress(self) -> float:
        """The part that is there."""

    @property
    def download_rate(self) -> int:
        """Bytes a second now."""


class Seeder(Protocol):
    """The BitTorrent session, as far as it fetches."""

    def download(self, torrent: bytes, directory: Path, trackers: Sequence[str] = ()) -> Deferred[None]:
        """Fetch a file, going on from what is there."""

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Let go of a torrent's file; fires when it is closed."""

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """Connect to a peer now."""

    def status(self, info_hash: bytes) -> TransferStatus | None:
        """The last known status, None for a torrent that is not there."""


class Fleet(Protocol):
    """The terminals that are online, and how to speak to them."""

    online: Signal[[str]]

    def __contains__(self, mac: object) -> bool:
        """Whether a terminal is online."""

    def request(self, mac: str, code: int, fields: Mapping[str, Any]) -> Deferred[Reply]:
        """Send a command; fails with TerminalOffline or NoAnswer."""
