"""What the tracker's tests share: queries, and stand-ins for the keys and for the server's own peer."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

from voi.tracker.announce import AnnounceEvent, AnnounceRequest

HASH = bytes(range(20))
OTHER_HASH = b"\xff%&=+ " + bytes(14)
KEY = "0123456789abcdef0123456789abcdef"
MAC = "52:54:00:00:00:01"


def peer_id(number: int) -> bytes:
    """A peer id that tells its number."""
    return b"-VO0100-%012d" % number


def request(
    number: int = 1,
    *,
    info_hash: bytes = HASH,
    port: int = 6881,
    left: int = 100,
    event: AnnounceEvent = AnnounceEvent.NONE,
    numwant: int | None = None,
) -> AnnounceRequest:
    """An announce of client `number`."""
    return AnnounceRequest(info_hash, peer_id(number), port, 0, 0, left, event, numwant)


def query(**changes: object) -> bytes:
    """The query of a valid announce; a parameter may be replaced, or left out by None."""
    given: dict[str, object] = {
        "info_hash": HASH,
        "peer_id": peer_id(1),
        "port": 6881,
        "uploaded": 1,
        "downloaded": 2,
        "left": 3,
        **changes,
    }
    return b"&".join(_pair(name, value) for name, value in given.items() if value is not None)


def _pair(name: str, value: object) -> bytes:
    raw = value if isinstance(value, bytes) else str(value).encode()
    return f"{name}={quote_from_bytes(raw, safe='')}".encode()


@dataclass
class FakeKeys:
    """Keys in a dictionary."""

    terminals: dict[str, str] = field(default_factory=lambda: {KEY: MAC})

    def terminal_for(self, key: str) -> str | None:
        return self.terminals.get(key)


@dataclass
class FakeRooms:
    """Rooms by the last character of an address: of these is room 1, all others are room 2."""

    ends: str

    def room_of(self, _mac: str, address: str) -> int:
        return 1 if address[-1] in self.ends else 2


@dataclass
class FakeOwnPeer:
    """An own peer that has what it is told."""

    port: int = 7000
    offers: set[bytes] = field(default_factory=set)
    has_all_of: set[bytes] = field(default_factory=set)

    def offered(self, info_hash: bytes) -> bool:
        return info_hash in self.offers

    def complete(self, info_hash: bytes) -> bool:
        return info_hash in self.has_all_of
