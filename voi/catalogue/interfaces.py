"""What others may ask of the catalogue's contents: the files behind published levels, each known by its info-hash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from voi.domain.contents import ContentStatus
from voi.domain.templates import PublishedLevel
from voi.messages.reason import Reason


class Contents(Protocol):
    """Whether the server's own copies are whole."""

    def suspect(self, info_hash: bytes) -> None:
        """Somebody cannot complete this content, or saw wrong bytes of it: its file is read again soon.

        Returns at once. Asked again while it is read, or soon after, it changes nothing; unknown ones are passed over.
        """

    def problem(self, info_hash: bytes) -> Reason | None:
        """What is wrong with the server's copy, and what is done about it; None while nothing is known to be."""


class ContentStates(Protocol):
    """Where the server's own copies stand, for pages."""

    def status(self, info_hash: bytes) -> ContentStatus:
        """Where one stands; READY for one that is not known."""

    def problem(self, info_hash: bytes) -> Reason | None:
        """What is wrong with one, with its template's name and its own; None while nothing is known to be."""

    def problems(self) -> Iterable[tuple[PublishedLevel, Reason]]:
        """Every level with whose copy something is wrong, and what."""
