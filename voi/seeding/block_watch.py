"""What is learnt from single blocks: bytes sent to each peer, and, once something failed, who sends what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import libtorrent as lt

from voi.seeding.alerts import BlockCame, BlockSent, BytesSent, Event, PeerBanned, PieceFailed
from voi.seeding.blocks import BlockSenders, SentBytes
from voi.seeding.registry import TorrentState
from voi.seeding.settings import BLOCKS_CAME

WATCH_SECONDS: Final = 600.0
"""So long after the last failure it is known of each block who sent it; a peer that is bad shows itself in seconds."""


class BlockWatch:
    """Takes in the events of blocks. `ask_for` changes which alerts libtorrent gives; `mask` are the usual ones."""

    def __init__(
        self,
        torrents: Mapping[bytes, TorrentState],
        mask: int,
        ask_for: Callable[[lt.settings_pack], None],
        seconds: Callable[[], float],
    ) -> None:
        self._torrents = torrents
        self._mask = mask
        self._ask_for = ask_for
        self._seconds = seconds
        self._senders = BlockSenders()
        self._sent = SentBytes()
        self._until: float | None = None

    def take(self, event: Event) -> Event | None:
        """Take an event in; it, with what is known besides, or None for one that is for here alone."""
        if isinstance(event, BlockSent):
            state = self._torrents.get(event.info_hash)
            if state is not None:
                size = state.torrent.block_size(event.piece, event.block)
                self._sent.add(event.info_hash, event.host, event.port, size)
            return None
        if isinstance(event, BlockCame):
            if self._until is not None:
                self._senders.came(event.info_hash, event.piece, event.block, event.host)
            return None
        state = self._torrents.get(event.info_hash) if isinstance(event, PieceFailed | PeerBanned) else None
        if state is not None:
            self._begin()
        if isinstance(event, PieceFailed) and state is not None:
            state.failed_pieces += 1
            count = state.torrent.block_count(event.piece)
            return replace(event, senders=self._senders.take(event.info_hash, event.piece, count))
        return event

    def done(self, info_hash: bytes, piece: int) -> None:
        """A piece is right: nobody is looked for."""
        self._senders.take(info_hash, piece, 0)

    def sent(self) -> list[BytesSent]:
        """What was sent since this was asked last."""
        return [BytesSent(info_hash, peers) for info_hash, peers in self._sent.take().items()]

    def rest(self) -> None:
        """Stop watching who sends what where nothing has failed for long; asked now and then."""
        if self._until is not None and self._seconds() >= self._until:
            self._until = None
            self._senders.clear()
            self._ask_for({"alert_mask": self._mask})

    def _begin(self) -> None:
        if self._until is None:
            self._ask_for({"alert_mask": self._mask | BLOCKS_CAME})
        self._until = self._seconds() + WATCH_SECONDS
