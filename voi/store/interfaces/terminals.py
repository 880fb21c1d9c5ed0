"""Terminals and the disks they reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from twisted.internet.defer import Deferred

from voi.domain.audit import Audit
from voi.domain.terminals import ReportedLevel, ReportedTemplate, Terminal, Visit

MAX_TEMPLATES: Final = 64
"""Templates kept for one terminal, so that a broken one cannot fill the database; a PC boots one or two."""

MOST_VISITS: Final = 20
"""Times online kept of each terminal, the last weeks of a PC: with 5,000 terminals 100,000 short rows, some MB."""


class Terminals(Protocol):
    """Every terminal that ever logged in, by MAC. What is noted of a terminal that never did is passed over.

    The directory of rooms is told of the address of each login, as soon as it is on disk.
    """

    def touch(
        self,
        mac: str,
        ip: str,
        client_type: int,
        now: float,
        *,
        again: bool = False,
        audit: Audit[Terminal] | None = None,
    ) -> Deferred[Terminal]:
        """Note a login; the first one makes the terminal's row and its tracker key, which stays.

        What it said before is not confirmed any more after that, unless it logs in `again` on the same connection.

        A terminal that was there already goes on to be. A time online that began before the server's start and has
        no end has an unknown end (0) from now on. Of more than `MOST_VISITS` the oldest go.
        """

    def seen(self, mac: str, now: float) -> Deferred[None]:
        """Note that a terminal was there until now: its time online has ended."""

    def visits(self, mac: str) -> Deferred[list[Visit]]:
        """When a terminal was online, the last times, newest first."""

    def set_boot_disk(self, mac: str, boot_disk: str, content: bytes | None, now: float) -> Deferred[int | None]:
        """Note what a terminal started from, and the info-hash of that level where it says it.

        Where that is what the newest rollout brought with which it is done, that one's target was seen to run now: with
        the hash for sure; without, the session must have begun after the target was done. Gives the number of that
        rollout, None where nothing was proved.
        """

    def get(self, mac: str) -> Deferred[Terminal | None]:
        """One terminal, or None."""

    def all(self) -> Deferred[list[Terminal]]:
        """All terminals by MAC."""

    def some(self, macs: Sequence[str] | None) -> Deferred[list[Terminal]]:
        """Those of these terminals that are known, by MAC; all of them for None. Reads no other rows."""

    def report(self, mac: str, template: ReportedTemplate, levels: Iterable[ReportedLevel]) -> Deferred[None]:
        """Replace what is known of a terminal's disks of one template, and what it calls it.

        :raises Conflict: the terminal has reported `MAX_TEMPLATES` others.
        """

    def add_level(self, mac: str, level: ReportedLevel) -> Deferred[None]:
        """Note that a terminal has one more level, or has it in another state."""

    def reported_template(self, mac: str, template_uuid: str) -> Deferred[ReportedTemplate | None]:
        """What a terminal calls one of its templates, or None."""

    def reported_names(self, macs: Sequence[str] | None = None) -> Deferred[dict[tuple[str, str], str]]:
        """What terminals call their templates, by MAC and uuid: all terminals, or some."""

    def disks(self, mac: str) -> Deferred[list[ReportedLevel]]:
        """What a terminal has, as far as it ever said, parents first; each says whether that was since its login."""

    def all_disks(self, macs: Sequence[str] | None = None) -> Deferred[dict[str, list[ReportedLevel]]]:
        """What every terminal has, or some of them, by MAC; those that said nothing are left out."""
