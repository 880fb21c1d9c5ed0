"""Announces of torrents that are not admitted yet: an uploader's client is often ahead of its 9014. No I/O.

Such an announce is refused, and remembered for a minute. If its torrent is admitted by then, the peer is taken into
the swarm as if it had announced a moment later, and need not be waited for.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from voi.tracker.announce import AnnounceEvent, AnnounceRequest

SECONDS: Final = 60.0
"""How long one is remembered: as long as its client is told to wait. A 9014 follows its announce by seconds."""

MOST: Final = 1024
"""Remembered in all, about half a kilobyte each; the oldest gives way."""

MOST_OF_HOST: Final = 16
"""Remembered of one address: an uploader has a few disks, two levels each. Its oldest gives way, so that one terminal
that announces at random cannot push out those of others."""


class EarlyAnnounce(NamedTuple):
    """Who announced, from where, what, and when (seconds of the tracker's clock)."""

    terminal: str
    host: str
    request: AnnounceRequest
    at: float


_Key = tuple[bytes, str, str, int]


class EarlyAnnounces:
    """The latest early announce of each client: by torrent, terminal, address and port."""

    def __init__(self) -> None:
        self._kept: dict[_Key, EarlyAnnounce] = {}  # the oldest first
        self._of_host: dict[str, dict[_Key, None]] = {}  # the same by address

    def __len__(self) -> int:
        return len(self._kept)

    def note(self, early: EarlyAnnounce) -> None:
        """Remember one in place of the same client's last; a client that stops is forgotten."""
        request = early.request
        key = request.info_hash, early.terminal, early.host, request.port
        if key in self._kept:
            self._drop(key)
        if request.event is AnnounceEvent.STOPPED:
            return
        own = self._of_host.get(early.host, {})
        if len(own) >= MOST_OF_HOST:
            self._drop(next(iter(own)))
        elif len(self._kept) >= MOST:
            self._drop(next(iter(self._kept)))
        self._kept[key] = early
        self._of_host.setdefault(early.host, {})[key] = None

    def take(self, info_hash: bytes, now: float) -> list[EarlyAnnounce]:
        """The announces of a torrent in the last minute, in order; they are forgotten, with all that are older."""
        for key, early in list(self._kept.items()):
            if 0 <= now - early.at < SECONDS:  # one that lies ahead is of a clock that was set back
                continue
            self._drop(key)
        found = [key for key in self._kept if key[0] == info_hash]
        return [self._drop(key) for key in found]

    def _drop(self, key: _Key) -> EarlyAnnounce:
        early = self._kept.pop(key)
        own = self._of_host[early.host]
        del own[key]
        if not own:
            del self._of_host[early.host]
        return early
