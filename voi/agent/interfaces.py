"""What the parts of a terminal need of one another, as small protocols."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from voi.domain.blocks import BlockTable
from voi.domain.metainfo import Metainfo


class ServerLink(Protocol):
    """The server, as far as it can be reached now."""

    mac: str
    address: str
    """This terminal's own address, as far as it is known."""
    trackers: Sequence[str]
    """Where this terminal announces; empty before the first login."""

    @property
    def hosts(self) -> Collection[str]:
        """The IP addresses at which the server is known; its own peer is at one of them."""

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
