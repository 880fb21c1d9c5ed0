"""In which order partly present pieces are fetched: each terminal in its own.

libtorrent finishes pieces that it has begun before others, all of them in one order that follows from how much each
lacks. A terminal with an older version has nearly all pieces in part, and so has its whole room: they would all ask
the server for the same blocks at the same time and have nothing to give one another (measured: eight terminals fetched
6.6 copies from the server, and took seven times as long as the links need). So only a few of these pieces, at random,
are wanted at a time; as one is finished, another becomes wanted.

It also spares libtorrent sorting ten thousand pieces for every few blocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Final

SHARE: Final = 16
"""One in so many pieces is wanted at a time: few, so that the windows of a room overlap little."""

LEAST: Final = 8
"""Pieces wanted at a time at least: enough to keep a link busy until the next ones are."""


class Window:
    """The partly present pieces of one torrent."""

    def __init__(self, pieces: Iterable[int], random: Random) -> None:
        self._hidden = sorted(pieces)
        random.shuffle(self._hidden)
        self._left = set(self._hidden)
        width = max(LEAST, len(self._hidden) // SHARE)
        self._open = {self._hidden.pop() for _ in range(min(width, len(self._hidden)))}

    @property
    def hidden(self) -> frozenset[int]:
        """The pieces that are not wanted yet."""
        return frozenset(self._hidden)

    @property
    def done(self) -> bool:
        """Whether all of the pieces are there."""
        return not self._left

    def had(self, piece: int) -> int | None:
        """A piece is there; the one that becomes wanted in its stead, if any."""
        self._left.discard(piece)
        if piece not in self._open:
            return None
        self._open.discard(piece)
        if not self._hidden:
            return None
        following = self._hidden.pop()
        self._open.add(following)
        return following

    def open_all(self) -> list[int]:
        """Give up pacing; the pieces that become wanted."""
        opened, self._hidden = self._hidden, []
        self._open.update(opened)
        return opened
