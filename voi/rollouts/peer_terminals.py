"""Which terminal is at the other end of a connection, by what the tracker knows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol


class Announced(Protocol):
    """A peer as the tracker knows it (`voi.tracker.peers.PeerState`)."""

    @property
    def terminal(self) -> str:
        """Its terminal's MAC."""

    @property
    def host(self) -> str:
        """Its address."""

    @property
    def port(self) -> int:
        """The port that it listens on."""


def terminals_of(ends: Iterable[tuple[str, int]], peers: Sequence[Announced]) -> dict[tuple[str, int], str]:
    """The MACs of those terminals whose connections these are: host and port of the other end.

    A connection that we opened goes to the port that was announced. One that the terminal opened comes from any port,
    and is known by its address, if no other terminal is at that: several behind one address are not told apart, for
    libtorrent shakes hands with another peer id than it announces.
    """
    listening = {(peer.host, peer.port): peer.terminal for peer in peers}
    at = _at_addresses(peers)
    found = {}
    for host, port in ends:
        mac = listening.get((host, port))
        if mac is None and len(there := at.get(host, set())) == 1:
            (mac,) = there
        if mac is not None:
            found[host, port] = mac
    return found


def told_apart(peers: Iterable[Announced]) -> list[str]:
    """The MACs of those that are alone at their address: of these each connection is known."""
    return [mac for there in _at_addresses(peers).values() if len(there) == 1 for mac in there]


def _at_addresses(peers: Iterable[Announced]) -> dict[str, set[str]]:
    at: dict[str, set[str]] = {}
    for peer in peers:
        at.setdefault(peer.host, set()).add(peer.terminal)
    return at
