"""The connections of terminals, as everybody outside of this package knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from voi.signals import Signal
from voi.wire.messages import Reply

ANSWER_SECONDS: Final = 15.0
"""How long a terminal may take to answer a command; its answer says that it understood, not that it is done."""


class Connections(Protocol):
    """The terminals that are online, by MAC, and how to speak to them; wherever the connection of each is.

    `online` and `offline` are told the MAC after a terminal came or went, in the thread of the reactor. One that logs
    in on a second connection comes again without having gone. `online` comes after the login was answered.
    """

    online: Signal[[str]]
    offline: Signal[[str]]

    def __contains__(self, mac: object) -> bool:
        """Whether a terminal is online."""

    def __iter__(self) -> Iterator[str]:
        """The MACs of all that are; what happens meanwhile changes nothing of it."""

    def since(self, mac: str) -> float | None:
        """When a terminal logged in, in seconds since the epoch; None while it is offline."""

    def session(self, mac: str) -> int | None:
        """A number that is another one for each session of a terminal; None while it is offline."""

    def asks(self, mac: str) -> bool:
        """Whether a terminal asks itself for what it lacks: its session began with 9001. Others are sent it."""

    def can(self, mac: str, ability: str) -> bool:
        """Whether a terminal is online and its login named this ability (`voi.wire.codes.ABILITIES`)."""

    def disk_free(self, mac: str) -> int | None:
        """The bytes that are free on a terminal's disk, as it said in this session; None where it did not."""

    def address(self, mac: str) -> str:
        """Where a terminal is connected from; empty while it is offline."""

    def server_address(self, mac: str) -> str:
        """The address of ours by which a terminal reached us; empty while it is offline."""

    def request(
        self,
        mac: str,
        code: int,
        fields: Mapping[str, Any],
        *,
        batch_no: int | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Deferred[Reply]:
        """Send a JSON command, with a batch_no of its own where none is given; fires with the answer.

        Fails with `TerminalOffline`, or with `NoAnswer` after `timeout` seconds or where the connection ended.
        """

    def send_torrent(
        self, mac: str, code: int, body: bytes, task_uuid: str, *, timeout: float = ANSWER_SECONDS
    ) -> Deferred[Reply]:
        """Send a binary command, answered with the task's uuid as batch_no; fires and fails as `request`."""
