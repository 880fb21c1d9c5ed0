"""Who did what: entries of the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit, AuditEntry
from voi.signals import Signal

RETENTION_DAYS: Final = 365
"""How long entries are kept unless an administrator says otherwise: a school year."""

MOST_EVENTS: Final = 200_000
"""Entries kept at most: about 100 MB, and a search through all of them takes a fraction of a second."""

MOST_BY_STRANGERS: Final = 20_000
"""Of these, entries that anybody can cause without a login: however often one tries, no other entry goes for them."""

DAY_SECONDS: Final = 86_400.0

LONGEST_OFF: Final = 31 * DAY_SECONDS
"""Time between two runs of the server that is believed. Where it was off for longer, entries are kept for longer;
where its clock was wrong, they are not all gone.
"""

PRUNED_AT_ONCE: Final = 1000
"""Entries thrown away in one transaction: others' writes wait for some milliseconds."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant; None and the empty text leave a thing open.

    `q` is a part of the text; `actor` is the text of one; `kind` a whole kind or the first word of it. `since` and
    `until` are seconds since the epoch, the first within, the second not; `before` is an id that is not within.
    """

    q: str = ""
    actor: str = ""
    kind: str = ""
    mac: str | None = None
    since: float | None = None
    until: float | None = None
    before: int | None = None


class AuditEntries(Protocol):
    """All entries. An entry never changes; numbers rise in the order in which entries were added."""

    @property
    def noted(self) -> Signal[[AuditEntry]]:
        """Called with each entry that is on disk, with its number, whatever change it came with."""

    def add(self, entry: AuditEntry) -> Deferred[None]:
        """Write an entry down that comes with no change, to be found by each of its terminals too."""

    def find(
        self, wanted: AuditFilter, limit: int, *, offset: int = 0, oldest_first: bool = False
    ) -> Deferred[list[AuditEntry]]:
        """Entries that a filter means, newest first unless said; the terminals of those about several are left out."""

    def count(self, wanted: AuditFilter) -> Deferred[int]:
        """How many entries a filter means."""

    def retention_days(self) -> Deferred[int]:
        """How many days entries are kept: `RETENTION_DAYS` until somebody says otherwise."""

    def set_retention_days(self, days: int, *, audit: Audit[None] | None = None) -> Deferred[None]:
        """Keep entries for so many days from now on."""

    def count_time(self, now: float, elapsed: float | None = None) -> Deferred[float]:
        """Count that time passed, by which entries age: what they say themselves may be of a clock that was wrong.

        :param now: seconds since the epoch.
        :param elapsed: seconds since the last call, by a clock that nobody sets. None in the first one of a start: what
            has passed since the last of the run before can be told by `now` alone, and counts up to `LONGEST_OFF`.
        :return: how much `now` is after that of the last call; less than 0 where the clock was set back.
        """

    def prune(
        self,
        days: int,
        most: int = MOST_EVENTS,
        by_strangers: int = MOST_BY_STRANGERS,
        at_once: int = PRUNED_AT_ONCE,
    ) -> Deferred[int]:
        """Throw away entries after which `days` were counted, beyond the newest `most`, or the newest `by_strangers`
        that anybody can cause.

        At most `at_once` of each of the three, so that a caller repeats it; how many went. 0: there is nothing left to.
        """
