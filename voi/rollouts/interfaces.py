"""What rollouts need of the other rooms, as small protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from voi.domain.commands import Command
from voi.wire.messages import Reply


class Connection(Protocol):
    """An online terminal's connection; `server_host` is the address of ours by which it reached us."""

    server_host: str


class Fleet(Protocol):
    """The terminals that are online."""

    online: list[Callable[[str], None]]
    offline: list[Callable[[str], None]]

    def __contains__(self, mac: object) -> bool:
        """Whether a terminal is online."""

    def __iter__(self) -> Iterator[str]:
        """The MACs of all that are."""

    def connection(self, mac: str) -> Connection | None:
        """A terminal's connection."""

    def send_torrent(self, mac: str, code: int, body: bytes, task_uuid: str) -> Deferred[Reply]:
        """Send a binary command; fails with TerminalOffline or NoAnswer."""


class PeerView(Protocol):
    """A peer as the server's own BitTorrent session sees it; `progress` 0 to 1."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def port(self) -> int:
        """Its port."""

    @property
    def progress(self) -> float:
        """How much it says it has."""

    @property
    def total_up(self) -> int:
        """Bytes of payload sent to it since it is connected."""


class Seeder(Protocol):
    """The server's BitTorrent session."""

    def ask_peers(self, info_hash: bytes) -> Deferred[tuple[Any, ...]]:
        """The peers it is connected to in one swarm, each a `PeerView`."""

    def connect(self, info_hash: bytes, host: str, port: int) -> None:
        """Connect to a peer of a swarm; one that is connected stays so."""


class SwarmPeer(Protocol):
    """A peer as the tracker knows it."""

    @property
    def terminal(self) -> str:
        """The MAC."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def port(self) -> int:
        """The port it listens on."""


class Tracker(Protocol):
    """Who announced what."""

    def peers(self, info_hash: bytes) -> Sequence[SwarmPeer]:
        """The peers of a swarm."""


class CommandSender(Protocol):
    """Sends commands; those that wait for a login are sent again then."""

    def send(self, command: Command) -> None:
        """Send a command that is written down."""
