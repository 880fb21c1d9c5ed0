"""Answers that are given again to whoever repeats a change: a lost answer must not make it happen twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.defer import Deferred

KEPT_SECONDS: Final = 86400.0
"""How long an answer is kept: programs try again within minutes, people within the day."""
MOST_ANSWERS: Final = 10_000
"""Answers kept of all together; the oldest give way. Each has a few hundred bytes, at most `LONGEST_BODY`."""
LONGEST_BODY: Final = 16 << 10
"""Bytes of an answer's body that are kept; what has more is read again, not kept. The caller sees to that."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """An answer over HTTP; `request` is a hash of what it answers, `location` empty where it has none."""

    request: bytes
    status: int
    location: str
    body: bytes


class StoredResponses(Protocol):
    """Answers by who asked and the key of the request."""

    def find(self, actor: str, key: str, now: float) -> Deferred[StoredResponse | None]:
        """What was answered to this key of this actor, by its text, None if nothing, or `KEPT_SECONDS` ago."""

    def keep(self, actor: str, key: str, answer: StoredResponse, now: float) -> Deferred[None]:
        """Keep an answer, instead of an older one to the same key; of more than `MOST_ANSWERS` the oldest go."""
