"""Commands on one connection that wait for their answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from voi.errors import ConnectionEnded, NoAnswer
from voi.messages.reason import Reason
from voi.wire.messages import Reply
from voi.wire.session import ReplyReceived

MAX_PENDING: Final = 256
"""Commands without an answer on one connection: far more than anyone sends a healthy terminal at once."""


@dataclass(slots=True)
class _PendingReply:
    code: int
    match: int | str
    answered: Deferred[Reply]
    timer: IDelayedCall


class PendingReplies:
    """Pairs answers with commands (protocol section 1, "matching replies")."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._pending: dict[int, _PendingReply] = {}

    def expect(self, request_code: int, code: int, match: int | str, timeout: float) -> Deferred[Reply]:
        """Wait for the answer to a command that is about to be sent; fails with NoAnswer after `timeout` seconds."""
        answered: Deferred[Reply] = Deferred()
        if len(self._pending) >= MAX_PENDING:
            answered.errback(NoAnswer(Reason("too_many_waiting", most=MAX_PENDING)))
            return answered
        timer = self._clock.callLater(timeout, self._expire, request_code, timeout)
        self._pending[request_code] = _PendingReply(code, match, answered, timer)
        return answered

    def arrived(self, answer: ReplyReceived) -> bool:
        """Hand an answer to its command; False if none waits for it."""
        number = self._find(answer)
        if number is None:
            return False
        pending = self._pending.pop(number)
        pending.timer.cancel()
        pending.answered.callback(answer.reply)
        return True

    def _find(self, answer: ReplyReceived) -> int | None:
        """By request code where the terminal repeats it, else by service code and batch_no."""
        if answer.request_code:
            pending = self._pending.get(answer.request_code)
            if pending is not None and pending.code == answer.code:
                return answer.request_code
        match = (answer.reply.data or {}).get("batch_no")
        for number, pending in self._pending.items():
            if pending.code == answer.code and str(pending.match) == str(match):
                return number
        return None

    def _expire(self, request_code: int, seconds: float) -> None:
        pending = self._pending.pop(request_code)
        pending.answered.errback(NoAnswer(Reason("no_answer", seconds=seconds)))

    def lost(self) -> None:
        """The connection is gone: all fail."""
        pending, self._pending = self._pending, {}
        for one in pending.values():
            one.timer.cancel()
            one.answered.errback(ConnectionEnded(Reason("connection_ended")))
