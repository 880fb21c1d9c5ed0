"""The torrents of published levels, kept in the database as well: with it alone every level can be fetched back."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred


class LevelTorrents(Protocol):
    """The torrent of each published level by its info-hash, 20 bytes. `Templates.publish` brings them; what was
    published by a version before is added with `keep`.
    """

    def get(self, info_hash: bytes) -> Deferred[bytes | None]:
        """The bytes of one, as they were kept; None where there is none."""

    def known(self) -> Deferred[frozenset[bytes]]:
        """The info-hashes of those that are kept."""

    def keep(self, info_hash: bytes, torrent: bytes) -> Deferred[None]:
        """Keep the torrent of a level; in the place of the one that was kept before."""
