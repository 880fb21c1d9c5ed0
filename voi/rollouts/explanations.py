"""What targets wait for, in words: said where it changes, and said again after a terminal was away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from voi.domain.rollouts import Target
from voi.messages.reason import Reason, code_of, same
from voi.rollouts.open_targets import OpenTarget
from voi.store.interfaces.rollouts import Rollouts

OFFLINE: Final = Reason("goes_on_at_login")


class Explanations:
    """Says it of open targets; `wall` is the time since the epoch, for what is kept."""

    def __init__(self, rollouts: Rollouts, wall: Callable[[], float]) -> None:
        self._rollouts = rollouts
        self._wall = wall

    async def explain(self, target: OpenTarget, reason: str) -> None:
        """Say what a target waits for; nothing where it does not wait any more."""
        if not same(target.target.reason, reason):
            target.target = replace(target.target, reason=reason)
            await self._rollouts.explain(*target.key, reason, self._wall())

    async def off(self, target: OpenTarget) -> None:
        """It is off; why its last try failed is not forgotten over that, nor that its connection breaks."""
        reason = target.target.reason
        if isinstance(reason, Reason) and reason.code in ("disk_failed", "tried_again"):
            failure = Reason("disk_failed", disk=reason.data["disk"], why=reason.data["why"])
            await self.explain(target, Reason("off_after_failure", why=failure))
        elif target.target.is_interrupted:
            await self.explain(target, Reason("off_after_failure", why=interrupted(target.target)))
        elif code_of(reason) != "off_after_failure":
            await self.explain(target, OFFLINE)

    async def on(self, target: OpenTarget) -> None:
        """It is online again, and what stood in its way before is told again."""
        reason = target.target.reason
        if isinstance(reason, Reason) and reason.code == "off_after_failure":
            why = reason.data["why"]
            assert isinstance(why, str)
            await self.explain(target, why)
        elif not target.target.attempts:
            await self.explain(target, "")

    async def sent(self, target: OpenTarget) -> None:
        """It was sent what it lacks; that its connection breaks again and again is still to be seen."""
        if target.target.is_interrupted:
            await self.explain(target, interrupted(target.target))


def interrupted(target: Target) -> Reason:
    """Its connection breaks again and again."""
    return Reason("interrupted", count=target.fruitless, part=target.best)
