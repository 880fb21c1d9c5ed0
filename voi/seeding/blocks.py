"""Who sent which blocks of pieces that have not been checked yet, and how many bytes went to whom. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

BLOCK: Final = 16 * 1024
"""What BitTorrent peers ask for at a time (BEP 3)."""

MOST_PIECES: Final = 4096
"""Pieces that are remembered: a session has some dozens under way for each torrent that it fetches."""

MOST_CONNECTIONS: Final = 8192
"""Connections that bytes are counted for between two reports: four times those that the server allows."""


class BlockSenders:
    """The addresses that the blocks of unfinished pieces came from; the oldest pieces are forgotten."""

    def __init__(self) -> None:
        self._pieces: OrderedDict[tuple[bytes, int], dict[int, str]] = OrderedDict()

    def came(self, info_hash: bytes, piece: int, block: int, host: str) -> None:
        """A block has come."""
        blocks = self._pieces.get((info_hash, piece))
        if blocks is None:
            if len(self._pieces) >= MOST_PIECES:
                self._pieces.popitem(last=False)
            blocks = self._pieces[info_hash, piece] = {}
        blocks[block] = host

    def take(self, info_hash: bytes, piece: int, count: int) -> tuple[str, ...]:
        """Forget a piece of `count` blocks; whom it came from, if that is known of every block."""
        blocks = self._pieces.pop((info_hash, piece), {})
        return tuple(sorted(set(blocks.values()))) if len(blocks) == count else ()

    def clear(self) -> None:
        """Forget all."""
        self._pieces.clear()


class SentBytes:
    """Bytes that went to each connection since they were last taken."""

    def __init__(self) -> None:
        self._sent: dict[tuple[bytes, str, int], int] = {}

    def add(self, info_hash: bytes, host: str, port: int, size: int) -> None:
        """So many more."""
        key = info_hash, host, port
        if key in self._sent or len(self._sent) < MOST_CONNECTIONS:
            self._sent[key] = self._sent.get(key, 0) + size

    def take(self) -> dict[bytes, tuple[tuple[str, int, int], ...]]:
        """What was added, by torrent; it begins anew."""
        sent, self._sent = self._sent, {}
        found: dict[bytes, list[tuple[str, int, int]]] = {}
        for (info_hash, host, port), size in sent.items():
            found.setdefault(info_hash, []).append((host, port, size))
        return {info_hash: tuple(peers) for info_hash, peers in found.items()}
