"""How announces and scrapes ended, counted: plain numbers, read when metrics are scraped."""

from __future__ import annotations

from typing import Final

from voi.tracker.address import AnnounceError

OUTCOMES: Final = ("answered", "malformed", "unknown_key", "unknown_torrent", "full", "failed")
"""All there are. `full`: the table or swarm took no more peers; `failed`: a fault of the server's own."""


class RequestCounters:
    """Counts of one kind of request over one protocol, since the server's start.

    One that is answered is counted by adding to `answered` where it happens, which costs 20 nanoseconds; nothing
    else is ordinary.
    """

    __slots__ = OUTCOMES

    def __init__(self) -> None:
        self.answered = self.malformed = self.unknown_key = self.unknown_torrent = self.full = self.failed = 0

    def refuse(self, error: AnnounceError) -> None:
        """Count a refusal, by its cause."""
        if error.field == "key":
            self.unknown_key += 1
        elif error.retry_in is None:  # the same announce will be refused again
            self.malformed += 1
        elif error.field == "info_hash":
            self.unknown_torrent += 1
        else:
            self.full += 1

    def outcomes(self) -> dict[str, int]:
        """The counts by outcome."""
        return {name: getattr(self, name) for name in OUTCOMES}
