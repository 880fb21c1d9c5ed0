"""What a terminal asks for next: the rarest piece that the other has, as libtorrent's piece picker does it."""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.int32]
"""A number for each piece."""

NEVER = 1 << 30
"""Added to the order of a piece of which nothing is left to ask for, and what stands for a piece that a peer lacks."""
ONE_PEER = np.int32(2)
"""Added to the order of a piece for each peer that has it."""
FIRST = 1
"""The order of a piece that nobody has; one less when it is begun: of equally rare pieces those come first."""
_EARLY = 4  # pieces picked at random before the rarest (libtorrent's initial_picker_threshold)


class Picker:
    """One terminal's pieces: which are whole, which are on order, how rare each is among its peers.

    `order` has a number for each piece, the smaller the sooner: how many of the peers have it, then whether it
    is begun; among equals chance decides each time. (libtorrent puts a piece that becomes as rare as others at a
    random place among them: that comes to the same. Chances drawn once would make a room's terminals all
    want a new piece at once.) A block is a number: piece times blocks of a piece, and its place in it.
    """

    def __init__(self, order: Row, scratch: Row, blocks: int, random: Random) -> None:
        self._order = order
        self._scratch = scratch
        self._blocks = blocks
        self._random = random
        self._free: dict[int, list[int]] = {}  # of begun pieces, the blocks that nobody was asked for
        self._missing: dict[int, int] = {}  # of begun pieces, how many blocks are not here
        self.whole = 0
        self.unasked = len(order) * blocks

    @property
    def complete(self) -> bool:
        """Whether all pieces are here."""
        return self.whole == len(self._order)

    def wants(self, piece: int) -> bool:
        """Whether some of this piece is still to be asked for."""
        return bool(self._order[piece] < NEVER)

    def more(self, pieces: NDArray[np.bool_], peers: int) -> None:
        """So many peers more (fewer, if negative) have these pieces."""
        self._order += pieces * np.int32(peers) * ONE_PEER

    def pick(self, lacks: Row, peers: int) -> int | None:
        """A block to ask a peer for, None if it has none that is wanted.

        :param lacks: NEVER for each piece that the peer lacks, 0 for the others.
        :param peers: how many peers there are: with more begun pieces than 1.5 for each, those go first.
        """
        if not self.unasked:
            return None
        piece = self._begun(lacks) if len(self._free) * 2 > peers * 3 else None
        if piece is None:
            piece = self._rarest(lacks)
        if piece is None:
            return None
        self.unasked -= 1
        free = self._free.get(piece)
        if free is None:
            free = self._free[piece] = list(range((piece + 1) * self._blocks - 1, piece * self._blocks - 1, -1))
            self._missing.setdefault(piece, self._blocks)
            self._order[piece] -= 1
        block = free.pop()
        if not free:
            del self._free[piece]
            self._order[piece] += NEVER
        return block

    def _rarest(self, lacks: Row) -> int | None:
        scratch = self._scratch
        np.maximum(self._order, lacks, out=scratch)
        least = int(scratch.min())
        if least >= NEVER:
            return None
        early = self.whole < _EARLY and not self._free
        possible = np.flatnonzero(scratch < NEVER if early else scratch == least)
        return int(possible[int(self._random.random() * len(possible))])

    def _begun(self, lacks: Row) -> int | None:
        possible = [piece for piece in self._free if not lacks[piece]]
        return min(possible, key=self._order.__getitem__) if possible else None

    def give_back(self, block: int) -> None:
        """A block on order will not come."""
        piece = block // self._blocks
        free = self._free.get(piece)
        if free is None:
            free = self._free[piece] = []
            self._order[piece] -= NEVER
        free.append(block)
        self.unasked += 1

    def take(self, block: int) -> int | None:
        """A block that was on order is here; the piece that is whole by it."""
        piece = block // self._blocks
        self._missing[piece] -= 1
        if self._missing[piece]:
            return None
        del self._missing[piece]
        self.whole += 1
        return piece
