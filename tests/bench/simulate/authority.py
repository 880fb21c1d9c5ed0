"""The project's own tracker in simulated time: every announce is a real query, every answer is decoded."""

from __future__ import annotations

from random import Random
from urllib.parse import quote_from_bytes

import bencodepy
from twisted.internet.task import Clock

from voi.tracker.policy import Policy
from voi.tracker.tracker import Tracker

SERVER = -1
"""The number of the server's own peer."""
_HASH = bytes(range(1, 21))
_SERVER_HOST = "10.255.255.1"
_PORT = 6881
_MOST_IN_ROOM = 250  # the tracker's room is a /24
_NUMWANT = 200  # what libtorrent asks for


class Authority:
    """Speaks to the tracker for all terminals, which are numbers from 0.

    It is the tracker's own peer as well: one that has everything.
    """

    port = _PORT

    def __init__(self, policy: Policy, seed: int) -> None:
        self._clock = Clock()
        self._tracker = Tracker(keys=self, own_peer=self, clock=self._clock, random=Random(seed), policy=policy)
        self._tracker.admit(_HASH)
        self._tracker.start()
        self._hosts: list[str] = []
        self._numbers = {_packed(_SERVER_HOST): SERVER}
        self._in_room: dict[int, int] = {}
        self._query = f"info_hash={quote_from_bytes(_HASH, safe='')}&port={_PORT}&compact=1&numwant={_NUMWANT}"
        self.by_second: dict[int, int] = {}
        """Announces in each second."""

    def add(self, room: int) -> int:
        """A terminal of a room (0 to 65,000): its number.

        :raises ValueError: a room has more terminals than its subnet.
        """
        place = self._in_room[room] = self._in_room.get(room, 0) + 1
        if place > _MOST_IN_ROOM:
            raise ValueError(f"more than {_MOST_IN_ROOM} terminals in a room: its /24 is full; use more rooms")
        host = f"10.{room >> 8}.{room & 255}.{place}"
        number = len(self._hosts)
        self._hosts.append(host)
        self._numbers[_packed(host)] = number
        return number

    def announce(self, now: float, number: int, *, left: int, event: str = "") -> tuple[float, list[int]]:
        """What the tracker answers a terminal: seconds until it shall announce again, and which peers it is told of."""
        self._clock.advance(max(0.0, now - self._clock.seconds()))
        self.by_second[int(now)] = self.by_second.get(int(now), 0) + 1
        query = f"{self._query}&peer_id=-VO0100-{number:012d}&uploaded=0&downloaded=0&left={left}&event={event}"
        body = self._tracker.announce(f"{number:032x}", query.encode(), self._hosts[number], _SERVER_HOST)
        answer = bencodepy.decode(body)
        if b"failure reason" in answer:
            raise AssertionError(answer[b"failure reason"].decode())
        packed = answer[b"peers"]
        return answer[b"interval"], [self._numbers[packed[at : at + 6]] for at in range(0, len(packed), 6)]

    def terminal_for(self, key: str) -> str | None:
        """The tracker's question whose key this is."""
        return f"52:54:00:{int(key, 16) >> 16 & 255:02X}:{int(key, 16) >> 8 & 255:02X}:{int(key, 16) & 255:02X}"

    def offered(self, info_hash: bytes) -> bool:
        """The tracker's question whether the server's peer has some of the torrent: it has."""
        return True

    def complete(self, info_hash: bytes) -> bool:
        """The tracker's question whether the server's peer has all of the torrent: it has."""
        return True


def _packed(host: str) -> bytes:
    return bytes(int(part) for part in host.split(".")) + _PORT.to_bytes(2, "big")
