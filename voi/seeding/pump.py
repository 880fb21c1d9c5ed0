"""libtorrent's alerts brought into the reactor: one byte on a socket wakes it, and it takes all there are."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import libtorrent as lt
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voi.seeding.alerts import Event
from voi.seeding.conversion import convert

log = Logger()


@implementer(IReadDescriptor)
class Pump:
    """Reads the alerts of one session and hands on the events; an error in one does not stop the others.

    `take` returns the alerts there are. The socket that libtorrent writes to must outlive the session:
    stop reading at any time, `close` only when the session is gone.
    """

    def __init__(
        self, reactor: IReactorFDSet, take: Callable[[], list[lt.alert]], on_event: Callable[[Event], None]
    ) -> None:
        self._reactor = reactor
        self._take = take
        self._on_event = on_event
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)

    @property
    def wake_descriptor(self) -> int:
        """For `session.set_alert_fd`."""
        return self._theirs.fileno()

    def start(self) -> None:
        """Begin to read."""
        self._reactor.addReader(self)

    def stop(self) -> None:
        """Read no more; nothing is handed on from here on."""
        self._reactor.removeReader(self)

    def close(self) -> None:
        """Close the sockets, after the session is gone."""
        self._ours.close()
        self._theirs.close()

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._ours.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Who we are in the log."""
        return "libtorrent"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """The reactor has stopped watching: it is going away."""

    def doRead(self) -> Any:  # noqa: N802 - Twisted's name
        """Take libtorrent's alerts."""
        try:
            while self._ours.recv(4096):
                pass
        except BlockingIOError:
            pass
        events: list[Event] = []
        for alert in self._take():
            # All are copied before any is acted on: what acts might take alerts, and these would be gone.
            try:
                events.extend(convert(alert))
            except Exception:
                log.failure("cannot read a {kind}", kind=type(alert).__name__)
        for event in events:
            try:
                self._on_event(event)
            except Exception:
                log.failure("while handling {event}", event=event)
