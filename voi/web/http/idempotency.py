"""Changes that are asked for twice and made once: the `Idempotency-Key` header.

A program that lost an answer asks again with the same key, and gets the answer of the first time. The answer is kept
after the change was made: if the server dies between the two, the second asking makes the change again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

from twisted.internet.defer import Deferred

from voi.errors import Conflict, Malformed
from voi.messages.reason import Reason
from voi.store.interfaces.idempotency import LONGEST_BODY, StoredResponse, StoredResponses

HEADER: Final = "idempotency-key"
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


class IdempotentChanges:
    """Answers changes once for each key of each actor."""

    def __init__(self, answers: StoredResponses, clock: Callable[[], float] = time.time) -> None:
        self._answers = answers
        self._clock = clock
        self._running: dict[tuple[str, str], tuple[bytes, list[Deferred[None]]]] = {}

    async def answer(
        self, actor: str, key: str, request: bytes, make: Callable[[], Awaitable[StoredResponse]]
    ) -> StoredResponse:
        """What `make` gives, or gave the first time.

        :param request: a hash of what is asked for.
        :raises Malformed: the key is none.
        :raises Conflict: the key was used for something else.
        """
        if not _KEY.fullmatch(key):
            raise Malformed(Reason("bad_key"), field="Idempotency-Key")
        place = actor, key
        while place in self._running:
            asked, waiting = self._running[place]
            _check_same(asked, request)
            turn: Deferred[None] = Deferred()
            waiting.append(turn)
            await turn
        self._running[place] = request, []
        try:
            kept = await self._answers.find(actor, key, self._clock())
            if kept is not None:
                _check_same(kept.request, request)
                return kept
            made = await make()
            if len(made.body) <= LONGEST_BODY:
                await self._answers.keep(actor, key, made, self._clock())
            return made
        finally:
            for turn in self._running.pop(place)[1]:
                turn.callback(None)


def _check_same(first: bytes, second: bytes) -> None:
    if first != second:
        raise Conflict(Reason("key_reused"), field="Idempotency-Key")
