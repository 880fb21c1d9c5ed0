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

MAX_WAITING: Final = 256
"""Commands without an answer on one connection: far more than anyone sends a healthy terminal at once."""


@dataclass(slots=True)
class _Waiting:
    code: int
    match: int | str
    answered: Deferred[Reply]
    timer: IDelayedCall


class PendingReplies:
    """Pairs answers with commands (protocol section 1, "matching replies")."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._waiting: dict[int, _Waiting] = {}

    def expect(self, request_code: int, code: int, match: int | str, timeout: float) -> Deferred[Reply]:
        """Wait for the answer to a command that is about to be sent; fails with NoAnswer after `timeout` seconds."""
        answered: Deferred[Reply] = Deferred()
        if len(self._waiting) >= MAX_WAITING:
            answered.errback(NoAnswer(Reason("too_many_waiting", most=MAX_WAITING)))
            return answered
        timer = self._clock.callLater(timeout, self._expire, request_code, timeout)
        self._waiting[request_code] = _Waiting(code, match, answered, timer)
        return answered

    def arrived(self, answer: ReplyReceived) -> bool:
        """Hand an answer to whom it belongs; False if nobody waits for it."""
        number = self._find(answer)
        if number is None:
            return False
        waiting = self._waiting.pop(number)
        waiting.timer.cancel()
        waiting.answered.callback(answer.reply)
        return True

    def _find(self, answer: ReplyReceived) -> int | None:
        """By request code where the terminal repeats it, else by service code and batch_no."""
        if answer.request_code:
            waiting = self._waiting.get(answer.request_code)
            if waiting is not None and waiting.code == answer.code:
                return answer.request_code
        match = (answer.reply.data or {}).get("batch_no")
        for number, waiting in self._waiting.items():
            if waiting.code == answer.code and str(waiting.match) == str(match):
                return number
        return None

    def _expire(self, request_code: int, seconds: float) -> None:
        waiting = self._waiting.pop(request_code)
        waiting.answered.errback(NoAnswer(Reason("no_answer", seconds=seconds)))

    def lost(self) -> None:
        """The connection is gone: nobody gets an answer any more."""
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.timer.cancel()
            one.answered.errback(ConnectionEnded(Reason("connection_ended")))
