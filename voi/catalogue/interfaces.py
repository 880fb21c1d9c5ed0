"""What the catalogue needs of tracker and seed, as small protocols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred


class Seeder(Protocol):
    """The BitTorrent session, as far as it offers what is published."""

    def seed(self, torrent: bytes, directory: Path) -> Deferred[Any]:
        """Offer a complete file."""

    def mark_verified(self, info_hash: bytes, path: Path) -> Deferred[None]:
        """Note that the file was hashed on disk and is right."""

    def remove(self, info_hash: bytes, *, forget: bool = False) -> Deferred[None]:
        """Let go of a torrent's file; fires when it is closed."""


class Peer(Protocol):
    """Where a peer listens: `host` is an address, `port` of TCP."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def port(self) -> int:
        """Its port."""


class Admission(Protocol):
    """The tracker's list of torrents it answers for."""

    def admit(self, info_hash: bytes) -> None:
        """Let a torrent be announced."""

    def retire(self, info_hash: bytes) -> None:
        """Stop answering for a torrent."""

    def peers(self, info_hash: bytes) -> Sequence[Peer]:
        """Who announced a torrent."""
