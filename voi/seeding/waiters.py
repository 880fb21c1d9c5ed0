"""Deferreds that wait for an event about a torrent, each for a bounded time."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from voi.errors import VoiError
from voi.messages.reason import Reason
from voi.seeding.alerts import Event

log = Logger()

E = TypeVar("E")


class AlertWaiters:
    """The Deferreds by kind of event and torrent."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiters: dict[tuple[type, bytes], list[Deferred[Event]]] = {}

    def expect(self, kind: type[E], info_hash: bytes, seconds: float) -> Deferred[E]:
        """Fires with the next event of this kind about this torrent.

        Fails with VoiError after `seconds`, and with what `fail_all` says.
        """
        waiter: Deferred[Event] = Deferred()
        self._waiters.setdefault((kind, info_hash), []).append(waiter)
        late = self._clock.callLater(seconds, self._give_up, kind, info_hash, waiter, seconds)

        def cancel_timeout(result: E) -> E:
            if late.active():
                late.cancel()
            return result

        return waiter.addBoth(cancel_timeout)  # type: ignore[return-value]  # the key says which event it is

    def expected(self, kind: type[Event], info_hash: bytes) -> bool:
        """Whether one waits for that already."""
        return (kind, info_hash) in self._waiters

    def fire(self, kind: type[Event], info_hash: bytes, event: Event) -> None:
        """Fire all that wait for such an event about this torrent."""
        for waiter in self._waiters.pop((kind, info_hash), ()):
            waiter.callback(event)

    def fail(self, kind: type[Event], info_hash: bytes, error: Exception) -> None:
        """Fail them: it will not come."""
        for waiter in self._waiters.pop((kind, info_hash), ()):
            waiter.errback(error)

    def fail_about(self, info_hash: bytes, error: Exception) -> None:
        """Fail all that wait for anything about a torrent."""
        for kind, about in list(self._waiters):
            if about == info_hash:
                self.fail(kind, about, error)

    def fail_all(self, error: Exception) -> None:
        """Fail all."""
        for kind, about in list(self._waiters):
            self.fail(kind, about, error)

    def _give_up(self, kind: type, info_hash: bytes, waiter: Deferred[Event], seconds: float) -> None:
        waiters = self._waiters.get((kind, info_hash), [])
        if waiter in waiters:
            waiters.remove(waiter)
            if not waiters:
                del self._waiters[kind, info_hash]
            waiter.errback(VoiError(Reason("seed_late", seconds=seconds, what=kind.__name__)))
